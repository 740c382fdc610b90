package partnersim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"partnercost/internal/partnersim"
)

func TestControls(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 300, NoCosts: -1})
	post := func(path string, status int) reply {
		t.Helper()
		r := s.do(http.MethodPost, path, "", "Authorization", "")
		if r.err != nil || r.StatusCode != status {
			t.Fatalf("POST %s: %v %s, want %d", path, r.Response, r.body, status)
		}
		return r
	}
	change := decode[partnersim.Change](t, post("/simulator/advance?restate=0.1&onetime=1", http.StatusOK).body)
	if change.OneTimeMonth != "2026-10" || change.RecurringMonth != "2026-09" || change.Restated == 0 {
		t.Errorf("change %+v", change)
	}
	change = decode[partnersim.Change](t, post("/simulator/advance?months=2&recurring=1&leave=0.5", http.StatusOK).body)
	if change.OneTimeMonth != "2026-12" || change.RecurringMonth != "2026-12" || change.Left < 100 {
		t.Errorf("change %+v", change)
	}

	listed := strings.Fields(string(s.get("/simulator/customers").body))
	if got := strings.Join(listed, " "); got != strings.Join(s.ids(), " ") || len(listed) != 300-change.Left {
		t.Errorf("%d customers listed, %d left", len(listed), change.Left)
	}

	post("/simulator/faults?server_error=1", http.StatusNoContent)
	path := "/v1/customers/" + listed[0] + "/profiles/billing"
	if r := s.get(path); r.StatusCode != http.StatusInternalServerError {
		t.Errorf("with nothing but faults: %s", r.Status)
	}
	post("/simulator/faults?rate=0", http.StatusNoContent)
	if r := s.get(path); r.StatusCode != http.StatusOK {
		t.Errorf("without faults: %s", r.Status)
	}

	stats := decode[partnersim.Stats](t, s.get("/simulator/stats").body)
	if stats.Customers != 1 || stats.Requests["profile"] != 2 || stats.Faults["server_error"] != 1 {
		t.Errorf("stats %+v", stats)
	}

	for _, bad := range []string{
		"/simulator/advance?restate=2", "/simulator/advance?restate=NaN", "/simulator/advance?months=-1", "/simulator/advance?months=x",
		"/simulator/advance?month=1", "/simulator/faults?rate=many", "/simulator/faults?resets=1",
	} {
		post(bad, http.StatusBadRequest)
	}
	if r := s.get("/simulator/advance"); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("reading a control: %s", r.Status)
	}
}

func TestControlsAnswerThisMachineOnly(t *testing.T) {
	t.Parallel()
	s := partnersim.New(partnersim.Options{Customers: 1})
	for address, want := range map[string]int{"127.0.0.1:9": 200, "[::1]:9": 200, "[::ffff:127.0.0.1]:9": 200, "192.0.2.1:9": 403, "[2001:db8::1]:9": 403, "nonsense": 403} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/simulator/advance?months=1", nil)
		request.RemoteAddr = address
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, request)
		if recorder.Code != want {
			t.Errorf("from %s: %d, want %d", address, recorder.Code, want)
		}
	}
}
