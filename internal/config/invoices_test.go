package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestInvoices(t *testing.T) {
	t.Parallel()
	const auth = "mode: token\n      token_file: token\n      tenant_id: " + tenant + "\n      client_id: " + tenant
	text := strings.Replace(good, "mode: token\n      token_file: token", auth, 1)
	const other = "00000000-0000-0000-0000-00000000000b"
	env := map[string]string{"COLLECTOR_CONTOSO_GRAPH_CLIENT_SECRET": "s3cret"}
	tests := []struct {
		name, lines string
		want        Invoices
		refused     string
	}{
		{"off by default", "", Invoices{}, ""},
		{"since", "    invoices: {enabled: true, since: 2024-01}\n", Invoices{Enabled: true, Since: "2024-01"}, ""},
		{"everything from auth", "    invoices: {enabled: true, graph: {}}\n", Invoices{Enabled: true, Graph: Graph{Given: true, TenantID: tenant, ClientID: tenant, ClientSecret: NewSecret("s3cret")}}, ""},
		{
			"its own", "    invoices:\n      graph: {tenant_id: " + other + ", client_id: " + other + ", base_url: 'http://127.0.0.1:8000', login_url: 'https://login.example'}\n",
			Invoices{Graph: Graph{Given: true, TenantID: other, ClientID: other, BaseURL: "http://127.0.0.1:8000", LoginURL: "https://login.example", ClientSecret: NewSecret("s3cret")}},
			"",
		},
		{"no month", "    invoices: {since: yesterday}\n", Invoices{}, "is not a month"},
		{"another cloud", "    cloud: china\n    invoices: {graph: {}}\n", Invoices{}, "cloud global only"},
		{"in the clear", "    invoices: {graph: {base_url: 'http://graph.example'}}\n", Invoices{}, "unencrypted"},
	}
	for _, test := range tests {
		c, err := loadIn(t, t.TempDir(), text+test.lines, nil, env)
		if test.refused != "" {
			if err == nil || !strings.Contains(err.Error(), test.refused) {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.want, c.Partners[0].Invoices, revealed); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if _, err := loadIn(t, t.TempDir(), text+"    invoices: {graph: {}}\n", nil, nil); err == nil || !strings.Contains(err.Error(), "GRAPH_CLIENT_SECRET") {
		t.Errorf("without a secret: %v", err)
	}
	if got := (Invoices{Since: "2024-02"}).SinceMonth(); !got.Equal(time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("since %s", got)
	}
}
