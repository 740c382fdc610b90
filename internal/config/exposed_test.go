package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSecretsThatEverybodyCanReadAreNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name            string
		file, directory fs.FileMode
		want            []string
	}{
		{"for the owner", 0o600, 0o755, nil},
		{"for the owner and a group", 0o640, 0o755, nil},
		{"for everybody", 0o644, 0o755, []string{"partners[0].auth.client_secret_file", "partners[0].auth.refresh_token_file"}},
		{"for everybody, in a directory that is shut", 0o644, 0o700, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			dir := filepath.Join(top, "etc")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"secret", "refresh"} {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, []byte("value"), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(path, test.file); err != nil {
					t.Fatal(err)
				}
			}
			for path, mode := range map[string]fs.FileMode{dir: test.directory, top: 0o755, filepath.Dir(top): 0o755} {
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
			}
			c, err := load(filepath.Join(dir, "collector.yaml"), []byte(`database: {url: "postgres://localhost/costs"}
partners:
  - name: contoso
    auth:
      mode: app_user
      tenant_id: 11111111-1111-4111-8111-111111111111
      client_id: 22222222-2222-4222-8222-222222222222
      client_secret_file: secret
      refresh_token_file: refresh
    customers: {discover: true}
`), func(string) string { return "" })
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, problem := range c.Exposed {
				got = append(got, problem.Key)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("files that are exposed (-want +got):\n%s", diff)
			}
		})
	}
}
