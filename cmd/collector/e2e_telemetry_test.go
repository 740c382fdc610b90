package main_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
)

func TestDaemonTellsHowItIs(t *testing.T) {
	t.Parallel()
	sim := partnersim.New(partnersim.Options{Customers: 10, Seed: 24})
	g := newGate(sim, 30) // the first run hangs midway
	s := newSiteAt(t, g)
	s.configure(t, "    customers:\n      discover: true\n", "console:\n  listen: 127.0.0.1:0\n")
	stop, address := s.listeningDaemon(t, "daemon started")
	<-g.reached
	wantAnswer(t, address+"/healthz", 200, "ok")
	wantAnswer(t, address+"/readyz", 200, "ok    database", "ok    runs on time")
	wantAnswer(t, address+"/metrics", 200,
		`partnercost_run_in_progress{partner="sim"} 1`, `partnercost_database_up 1`, `partnercost_build_info{`,
		`partnercost_runs_total{kind="daily",partner="sim",status="succeeded"} 0`)
	stop().want(t, 130)
	g.open.Store(true)

	stop, address = s.listeningDaemon(t, "next run scheduled")
	wantAnswer(t, address+"/metrics", 200,
		`partnercost_runs_total{kind="daily",partner="sim",status="succeeded"} 1`, `partnercost_last_run_status{partner="sim",status="succeeded"} 1`,
		`partnercost_customers_active{partner="sim"} 10`, `partnercost_customers_covered{partner="sim"} 10`)
	s.exec(t, `UPDATE collector.runs SET finished_at = finished_at - interval '2 days', started_at = started_at - interval '2 days'`)
	wantAnswer(t, address+"/readyz", 503, "FAIL  runs on time: partner sim")
	s.exec(t, `UPDATE public.collector_schema_migrations SET version = 1`)
	wantAnswer(t, address+"/readyz", 503, "FAIL  database", "migrate up")
	wantAnswer(t, address+"/healthz", 200)
	stop().want(t, 0)
}

func TestDaemonWaitsForTheDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 3, Seed: 25})
	s.configure(t, "    customers:\n      discover: true\n", "console:\n  listen: 127.0.0.1:0\n")
	s.env[0] = "COLLECTOR_DATABASE_URL=postgres://collector@127.0.0.1:1/costs?connect_timeout=1"
	stop, address := s.listeningDaemon(t, "waiting for it")
	wantAnswer(t, address+"/healthz", 200)
	wantAnswer(t, address+"/readyz", 503, "FAIL  database: the database has not been reached")
	wantAnswer(t, address+"/metrics", 200, "partnercost_database_up 0")
	stop().want(t, 0)
}

func TestDaemonRefusesAPortInUse(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 3, Seed: 26})
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	s.configure(t, "    customers:\n      discover: true\n", "console:\n  listen: "+strings.TrimPrefix(taken.URL, "http://")+"\n")
	s.collector(t, "daemon").want(t, 2).says(t, "console.listen", "configure another port")
}

func TestOneShotsTellHowTheyEnded(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 6, Seed: 27})
	pings, pinged := heard(t)
	gateway, pushed := heard(t)
	s.configure(t, "    customers:\n      discover: true\n", "notify:\n  success_url: "+pings+"/well\n  failure_url: "+pings+"/badly\n")
	s.collector(t, "run", "--push-gateway", gateway).want(t, 0)
	if diff := cmp.Diff([]string{"GET /well "}, pinged()); diff != "" {
		t.Errorf("pings after a good run (-want +got):\n%s", diff)
	}
	if got := pushed(); len(got) != 1 || !strings.HasPrefix(got[0], "POST /metrics/job/partnercost/partner/sim ") || !strings.Contains(got[0], "partnercost_runs_total") {
		t.Errorf("pushed %q", got)
	}
	s.env[1] = "COLLECTOR_SIM_TOKEN=wrong"
	s.collector(t, "run", "--push-gateway", "ftp://nowhere").want(t, 1).says(t, "cannot push the metrics")
	if diff := cmp.Diff([]string{"GET /badly "}, pinged()); diff != "" {
		t.Errorf("pings after a failed run (-want +got):\n%s", diff)
	}
	s.collector(t, "run", "--dry-run").want(t, 1)
	if got := pinged(); len(got) != 0 {
		t.Errorf("a dry run pinged %q", got)
	}
}

func TestDaemonServesTheConsole(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 10, Seed: 28})
	s.collector(t, "migrate", "up").want(t, 0) // also creates the roles
	s.configure(t, "    customers:\n      discover: true\n", "console:\n  listen: 127.0.0.1:0\n")
	stop, address := s.listeningDaemon(t, "next run scheduled")
	wantAnswer(t, address+"/", 200, "<title>", s.one(t, `SELECT to_char(max(month), 'FMMonth YYYY') FROM finance.month_totals`))
	wantAnswer(t, address+"/csv/costs", 200, "partner,")
	stop().want(t, 0)

	const anywhere = "console:\n  listen: 0.0.0.0:0\n"
	s.configure(t, "    customers:\n      discover: true\n", anywhere)
	s.collector(t, "daemon").want(t, 2).says(t, "password_file")
	s.configure(t, "    customers:\n      discover: true\n", anywhere+"  password_file: console.password\n  behind_proxy: true\n")
	s.collector(t, "daemon").want(t, 2).says(t, "console passwd")
	cmd, finish := s.start(t, "console", "passwd")
	cmd.Stdin = strings.NewReader("correct horse battery\n")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	finish().want(t, 0)
	stop, address = s.listeningDaemon(t, "next run scheduled")
	address = strings.Replace(address, "[::]", "127.0.0.1", 1)
	wantAnswer(t, address+"/", 401)
	wantAnswer(t, strings.Replace(address, "http://", "http://finance:correct%20horse%20battery@", 1)+"/", 200, "<title>")
	wantAnswer(t, address+"/readyz", 200)
	wantAnswer(t, address+"/metrics", 200, "partnercost_build_info")
	stop().want(t, 0)
}
