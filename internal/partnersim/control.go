package partnersim

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"partnercost/internal/loopback"
)

// maxMonths bounds a step over HTTP, because a longer one is probably a mistake.
const maxMonths = 120

// controlRoutes registers the controls of the simulation, which the real service does
// not have. They need no token and answer only this machine.
func (s *Simulator) controlRoutes(mux *http.ServeMux) {
	control := func(pattern string, handle http.HandlerFunc) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if !fromLoopback(r) {
				http.Error(w, "the controls of the simulator answer only requests from this machine", http.StatusForbidden)
				return
			}
			handle(w, r)
		})
	}
	control("POST /simulator/advance", s.serveAdvance)
	control("POST /simulator/faults", s.serveFaults)
	control("GET /simulator/stats", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Stats()) })
	control("GET /simulator/customers", s.serveCustomers)
	control("POST /simulator/expire", func(w http.ResponseWriter, _ *http.Request) {
		s.ExpireAccessTokens()
		w.WriteHeader(http.StatusNoContent)
	})
	control("POST /simulator/revoke", func(w http.ResponseWriter, _ *http.Request) {
		s.RevokeRefreshTokens()
		w.WriteHeader(http.StatusNoContent)
	})
	control("GET "+approvePath, s.login.serveApprovalHelp)
	control("POST "+approvePath, s.login.serveApproval)
}

func fromLoopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && loopback.Host(host)
}

// serveAdvance performs a step. restate and leave are shares; onetime and recurring are
// the months by which each type moves on, months those by which both do.
func (s *Simulator) serveAdvance(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	var step Step
	var months int
	err := readQuery(query, map[string]any{
		"restate": &step.Restate, "leave": &step.Leave,
		"months": &months, "onetime": &step.OneTimeMonths, "recurring": &step.RecurringMonths,
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	step.OneTimeMonths += months
	step.RecurringMonths += months
	writeJSON(w, http.StatusOK, s.Advance(step))
}

// serveFaults replaces the rates. rate is spread over all kinds; every other parameter
// is a kind.
func (s *Simulator) serveFaults(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	var rate float64
	if err := readQuery(url.Values{"rate": query["rate"]}, map[string]any{"rate": &rate}); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	query.Del("rate")
	f := MixedFaults(rate)
	f.RetryAfter = s.faults.Load().RetryAfter
	err := readQuery(query, map[string]any{
		faultNames[throttle]: &f.Throttle, faultNames[serverError]: &f.ServerError, faultNames[unavailable]: &f.Unavailable,
		faultNames[reset]: &f.Reset, faultNames[truncate]: &f.Truncate,
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.SetFaults(f)
	w.WriteHeader(http.StatusNoContent)
}

// serveCustomers lists the ids, one per line, in the form of a customers file.
func (s *Simulator) serveCustomers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	lines := bufio.NewWriter(w)
	for id := range s.CustomerIDs() {
		if _, err := fmt.Fprintln(lines, id); err != nil {
			return // the client is gone
		}
	}
	_ = lines.Flush()
}

// readQuery reads shares (float64, from 0 to 1) and months (int) into their places, and
// refuses every other parameter.
func readQuery(query url.Values, places map[string]any) error {
	for name, values := range query {
		if len(values) == 0 {
			continue
		}
		switch place := places[name].(type) {
		case *float64:
			share, err := strconv.ParseFloat(values[0], 64)
			if err != nil || !(share >= 0 && share <= 1) {
				return fmt.Errorf("%s must be a share from 0 to 1, such as 0.05; it is %q", name, values[0])
			}
			*place = share
		case *int:
			months, err := strconv.Atoi(values[0])
			if err != nil || months < 0 || months > maxMonths {
				return fmt.Errorf("%s must be a number of months from 0 to %d; it is %q", name, maxMonths, values[0])
			}
			*place = months
		default:
			return fmt.Errorf("there is no parameter %q here", name)
		}
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// An error only means that the client is gone.
	_ = json.NewEncoder(w).Encode(value)
}
