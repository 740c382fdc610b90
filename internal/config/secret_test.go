package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func TestSecretShowsItselfToNobody(t *testing.T) {
	t.Parallel()
	const hidden = "hunter2"
	secret := NewSecret(hidden)
	holder := struct {
		Shown  Secret
		inside Secret
	}{secret, secret}

	var logs bytes.Buffer
	text := slog.New(slog.NewTextHandler(&logs, nil))
	text.Info("message", "secret", secret, "holder", holder)
	structured := slog.New(slog.NewJSONHandler(&logs, nil))
	structured.Info("message", "secret", secret, "holder", holder)
	asJSON, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{
		"logs": logs.String(), "JSON": string(asJSON), "YAML": string(asYAML),
		"an error": fmt.Errorf("%v %w", secret, fmt.Errorf("%s", secret)).Error(),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		shown[verb] = fmt.Sprintf(verb, secret)
		shown[verb+" of a pointer"] = fmt.Sprintf(verb, &secret)
		shown[verb+" of a holder"] = fmt.Sprintf(verb, holder)
	}
	for way, output := range shown {
		if strings.Contains(output, hidden) || strings.Contains(output, fmt.Sprintf("%x", hidden)) {
			t.Errorf("%s shows it: %s", way, output)
		}
		if !strings.Contains(output, "[redacted]") {
			t.Errorf("%s does not say that there is something: %s", way, output)
		}
	}
	if got := secret.Reveal(); got != hidden {
		t.Errorf("revealed as %q", got)
	}
}

func TestSecretThatIsNotSet(t *testing.T) {
	t.Parallel()
	for _, s := range []Secret{{}, NewSecret("")} {
		if diff := cmp.Diff([]any{false, "", ""}, []any{s.IsSet(), s.Reveal(), fmt.Sprint(s)}); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
