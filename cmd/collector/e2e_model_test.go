package main_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	collector "partnercost/cmd/collector"
	"partnercost/internal/billing"
	"partnercost/internal/partnersim"
)

// The number of nights of the model check: by default a few seconds' worth, with -soak a
// thousand.
var (
	soakNights   = flag.Int("soak.nights", 0, "how many nights the model check simulates; 0 is 1000 with -soak and few without")
	soakOddities = flag.String("soak.oddities", "", "a regular expression: only the oddities whose names match befall the model check")
)

// campaignNights is the number of nights of one installation.
const campaignNights = 50

// A faulty service is collected for many nights. Each night is compared with the model:
// the stored rows, the customers listed as missing, the run in the ledger and the exit
// code.
func TestSoakModel(t *testing.T) {
	t.Parallel()
	nights, customers := 24, 12
	if *soak {
		nights, customers = 1000, 30
	}
	if *soakNights > 0 {
		nights = *soakNights
	}
	seed := modelSeed()
	t.Logf("%d nights, -soak.seed %d", nights, seed)
	for first := 0; first < nights; first += campaignNights {
		t.Run(fmt.Sprintf("from night %d", first+1), func(t *testing.T) {
			t.Parallel()
			c := newCampaign(t, seed, first, customers)
			c.install(t, "")
			for range min(campaignNights, nights-first) {
				c.night(t)
			}
			t.Logf("%d requests, oddities met: %v", c.requests.Load(), c.sim.Stats().Oddities)
		})
	}
}

// The same with nights that end as soon as the costs are read, so that unchanged parts are
// read again in turns. Nothing stored is wrong, nothing that has changed waits, and nothing
// grows older than allowed.
func TestSoakModelOfShortNights(t *testing.T) {
	t.Parallel()
	nights, customers := 18, 12
	if *soak {
		nights, customers = 500, 30
	}
	if *soakNights > 0 {
		nights = *soakNights
	}
	seed := modelSeed()
	t.Logf("%d nights, -soak.seed %d", nights, seed)
	for first := 0; first < nights; first += campaignNights {
		t.Run(fmt.Sprintf("from night %d", first+1), func(t *testing.T) {
			t.Parallel()
			c := newCampaign(t, seed+1, first, customers)
			c.isShort = true
			c.install(t, "  night: 0s\n")
			for range min(campaignNights, nights-first) {
				c.night(t)
			}
			t.Logf("%d requests, %d of %d summaries with line items, oddities met: %v", c.requests.Load(), c.withItems, c.summaries, c.sim.Stats().Oddities)
			if c.withItems > c.summaries*3/4 {
				t.Errorf("the line items were read with %d of %d summaries: the nights were not short", c.withItems, c.summaries)
			}
		})
	}
}

// modelSeed returns a new seed for each soak, and always the same one otherwise.
func modelSeed() uint64 {
	switch {
	case *soakSeed != 0:
		return *soakSeed
	case *soak:
		return rand.Uint64()
	}
	return 1
}

// campaign is an installation that collects for many nights.
type campaign struct {
	*site
	*rand.Rand
	seed     uint64
	db       *sql.DB
	number   int // the number of the night, over all campaigns
	page     int // the largest number of entries of a page; 0 means no limit
	pool     []string
	requests atomic.Int64
	// isShort means that the nights end as soon as the costs are read. isCut means that
	// tonight's run ends then, because the list of customers cannot be read to its end.
	isShort, isCut bool
	// asked holds the parts of customers that the program has requested tonight. toldCosts
	// are the costs in the last answer about each customer.
	asked     sync.Map
	toldCosts map[string][]detail
	// summaries counts the summaries that were read. withItems counts those whose line items
	// were read too.
	summaries, withItems int
	// interruptAt is the request at which the execution under way is interrupted.
	interruptAt atomic.Int64
	interrupt   atomic.Pointer[context.CancelFunc]

	started time.Time // by the real clock
	clock   time.Time // the campaign's clock then

	model   model
	today   map[string]truth
	before  map[string]truth // before the last step
	renamed map[string]bool
	away    map[string]bool
	// moved means that the last step only moved OneTime on. Costs that are billed in advance
	// do not show that the service has moved between two requests.
	moved bool
	// odd are the oddities of the night by customer. rules are those of all customers.
	odd      map[string]mishap
	everyone mishap
	list     mishap
	rules    []partnersim.Oddity
	// did lists what else was done tonight. log is the log of the last execution.
	did, log string
}

// mishap is an oddity of a customer, or of the list, tonight.
type mishap struct {
	kind     partnersim.OddityKind
	resource partnersim.Resource
	page     int
	once     bool
	// untyped means that not only the detail is missing, but also the types of all items.
	untyped bool
}

// String names the oddity and the resource that it affects.
func (m mishap) String() string {
	if m.kind == 0 {
		return "nothing odd"
	}
	text := fmt.Sprintf("%s of %s", m.kind, []string{"everything", "the list", "the profile", "the summary", "the line items"}[m.resource])
	if m.page > 0 {
		text += fmt.Sprintf(", page %d", m.page)
	}
	if m.once {
		text += ", once"
	}
	if m.untyped {
		text += ", and all types"
	}
	return text
}

func newCampaign(t *testing.T, seed uint64, first, customers int) *campaign {
	t.Helper()
	c := &campaign{
		Rand: rand.New(rand.NewPCG(seed, uint64(first))), seed: seed, number: first,
		toldCosts: map[string][]detail{},
		model:     model{}, renamed: map[string]bool{}, away: map[string]bool{},
		clock: time.Date(2026, time.October, 1, 2, 30, 0, 0, time.UTC), started: time.Now(),
	}
	c.page = []int{0, 3, 5, 9}[c.IntN(4)]
	options := partnersim.Options{
		Customers: customers, Seed: c.Uint64(), NoCosts: -1, LargestPage: c.page, Paging: partnersim.Paging(c.IntN(3)), Clock: c.now,
		Login: partnersim.Login{Tenant: tenant, ClientID: application, ClientSecret: planted, RequestsPerToken: []int{0, 0, 150, 60}[c.IntN(4)]},
	}
	sim := partnersim.New(options)
	c.site = newSiteAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := c.requests.Add(1); n == c.interruptAt.Load() {
			(*c.interrupt.Load())()
		}
		if id, part, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/customers/"), "/"); ok {
			c.asked.Store(id+" "+strings.ToLower(part), true)
		}
		sim.ServeHTTP(w, r)
	}))
	c.sim = sim
	c.env = []string{"COLLECTOR_DATABASE_URL=" + c.url, "COLLECTOR_SIM_CLIENT_SECRET=" + planted, "COLLECTOR_SIM_REFRESH_TOKEN=simulator"}
	c.db = openDB(t, c.url)
	c.pool = slices.Collect(sim.CustomerIDs())
	for _, id := range c.pool {
		c.away[id] = c.chance(0.15) // these customers join later
	}
	c.today = c.truths()
	return c
}

// install writes the configuration, with more settings of collect.
func (c *campaign) install(t *testing.T, more string) {
	t.Helper()
	c.write(t, "collector.yaml", c.configuration()+more)
}

// The parts of a customer, as in asked.
const (
	profilePart = "profiles/billing"
	itemsPart   = "servicecosts/mostrecent/lineitems"
)

// wasAsked reports whether a part was requested tonight. In a whole night every part is.
func (c *campaign) wasAsked(id, part string) bool {
	if !c.isShort && !c.isCut {
		return true
	}
	_, asked := c.asked.Load(id + " " + part)
	return asked
}

func (c *campaign) chance(p float64) bool { return c.Float64() < p }

// now is the clock of the program and of the simulator. It runs, and jumps from night to
// night.
func (c *campaign) now() time.Time { return c.clock.Add(time.Since(c.started)) }

func (c *campaign) truths() map[string]truth {
	all := map[string]truth{}
	for _, id := range c.pool {
		s, _ := c.sim.Expected(id)
		all[id] = truthOf(s)
	}
	return all
}

// execute runs the program in this process.
func (c *campaign) execute(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.interrupt.Store(&cancel)
	in := c.surroundings()
	in.Stdout, in.Stderr = &stdout, &stderr
	code := collector.Execute(ctx, in, c.arguments(args...)...)
	r := result{code, stdout.String(), stderr.String()}
	c.log = r.stderr
	if quoted := personal.FindString(r.stdout + r.stderr); quoted != "" {
		c.fail(t, "", fmt.Sprintf("personal data was printed: %q in\n%s", quoted, r.stderr))
	}
	return r
}

// surroundings returns the surroundings of all commands: the clock of the campaign, and no
// waits.
func (c *campaign) surroundings() collector.Surroundings {
	env := map[string]string{}
	for _, line := range c.env {
		key, value, _ := strings.Cut(line, "=")
		env[key] = value
	}
	return collector.Surroundings{
		Getenv: func(key string) string { return env[key] }, Now: c.now, NewID: uuid.NewString, Random: func() float64 { return 0 },
	}
}

func (c *campaign) arguments(args ...string) []string {
	return append([]string{"--config", filepath.Join(c.dir, "collector.yaml")}, args...)
}

// personal matches data that only a billing profile has.
var personal = regexp.MustCompile(`@customer\d+\.example|firstName|phoneNumber`)

// fail ends the campaign, and prints how to repeat it.
func (c *campaign) fail(t *testing.T, customer, what string) {
	t.Helper()
	if customer != "" {
		what = fmt.Sprintf("customer %s (tonight: %s; everyone: %s): %s", customer, c.odd[customer], c.everyone, what)
	}
	t.Fatalf("night %d, -soak.seed %d: %s %s\n%s", c.number, c.seed, c.did, what, c.log)
}

// night lets a day pass, runs the program and compares the result with the model.
func (c *campaign) night(t *testing.T) {
	t.Helper()
	c.number++
	c.dayPasses()
	c.did, c.isCut = "", false
	c.asked.Clear()
	if c.chance(0.08) {
		c.importSaved(t)
	}
	c.drawOddities()
	switch draw := c.Float64(); {
	case draw < 0.02:
		c.runIntoClosedDoor(t)
	case draw < 0.08:
		c.runSome(t)
	case draw < 0.14:
		c.runInterrupted(t)
	default:
		c.runEverybody(t)
	}
	switch draw := c.Float64(); {
	case draw < 0.04:
		c.changesNothing(t, "backfill", "--replay")
	case draw < 0.06:
		c.changesNothing(t, "run", "--dry-run")
	case draw < 0.08:
		c.erase(t)
	case draw < 0.14:
		c.importSaved(t)
	}
}

// dayPasses moves the calendar, and changes the list of customers.
func (c *campaign) dayPasses() {
	c.clock = c.clock.AddDate(0, 0, 1)
	c.before = c.today
	step := partnersim.Step{}
	if c.chance(0.15) {
		step.OneTimeMonths = 1
	}
	if c.chance(0.15) {
		step.RecurringMonths = 1
	}
	if c.chance(0.3) {
		step.Restate = 0.2
	}
	c.moved = step.OneTimeMonths > 0 && step.RecurringMonths == 0 && step.Restate == 0
	c.sim.Advance(step)
	exodus := c.chance(0.02)
	var away []string
	for _, id := range c.pool {
		switch {
		case c.away[id]:
			c.away[id] = !c.chance(0.2)
		case exodus:
			c.away[id] = c.chance(0.4)
		default:
			c.away[id] = c.chance(0.01)
		}
		if c.away[id] {
			away = append(away, id)
		}
	}
	if len(away) == len(c.pool) { // one customer must stay
		c.away[away[0]], away = false, away[1:]
	}
	c.sim.SetAway(away...)
	c.today = c.truths()
}

// The oddities by what they can affect.
var (
	falseAnswers = []partnersim.OddityKind{
		partnersim.EmptyBody, partnersim.NullBody, partnersim.EmptyObject, partnersim.EmptyArray, partnersim.WebPage,
		partnersim.GatewayError, partnersim.Fault, partnersim.NoContent, partnersim.TwinKeys, partnersim.CaseTwins,
		partnersim.ShortLength, partnersim.LongLength, partnersim.CutChunk, partnersim.BareBody, partnersim.Unsolicited,
		partnersim.RefuseServer,
	}
	ofPages  = []partnersim.OddityKind{partnersim.WithoutItems, partnersim.NextOnOtherHost, partnersim.NextOfOther, partnersim.NextInCircle}
	refusals = []partnersim.OddityKind{partnersim.Refuse401, partnersim.Refuse403, partnersim.RefuseRelation, partnersim.RefuseUnknown}
	retold   = []partnersim.OddityKind{
		partnersim.WithoutCosts, partnersim.WithoutDetail, partnersim.Untyped, partnersim.EndMoved, partnersim.EndFar, partnersim.EndUnset,
		partnersim.EndBeforeStart, partnersim.LocalTimes, partnersim.RefuseUsage,
	}
)

func (c *campaign) pick(of ...[]partnersim.OddityKind) partnersim.OddityKind {
	all := slices.Concat(of...)
	return all[c.IntN(len(all))]
}

// drawOddities draws the faults of the service tonight.
func (c *campaign) drawOddities() {
	c.odd, c.everyone, c.list = map[string]mishap{}, mishap{}, mishap{}
	var rules []partnersim.Oddity
	wanted := regexp.MustCompile(*soakOddities)
	add := func(m *mishap, customer string) {
		if !wanted.MatchString(m.kind.String()) {
			m.kind = 0
			return
		}
		rule := partnersim.Oddity{Kind: m.kind, Resource: m.resource, Customer: customer, Page: m.page}
		if m.once {
			rule.Times = 1
		}
		rules = append(rules, rule)
	}
	if c.chance(0.06) {
		c.list = mishap{kind: c.pick(falseAnswers, ofPages), resource: partnersim.CustomerList, page: 1 + c.IntN(3), once: c.chance(0.3)}
		add(&c.list, "")
	}
	switch draw := c.Float64(); {
	case draw < 0.03:
		c.everyone = mishap{kind: c.pick(refusals), resource: partnersim.BillingProfile}
		if c.everyone.kind == partnersim.Refuse401 {
			c.everyone.kind = partnersim.Refuse403
		}
		add(&c.everyone, "")
	case draw < 0.05:
		c.everyone = mishap{kind: c.pick(falseAnswers), resource: partnersim.AnyResource, once: true}
		add(&c.everyone, "")
	}
	share := c.Float64() * 0.2
	for _, id := range c.pool {
		if c.chance(0.01) {
			c.renamed[id] = !c.renamed[id]
		}
		if c.renamed[id] = c.renamed[id] && wanted.MatchString("renamed"); c.renamed[id] {
			add(&mishap{kind: partnersim.Renamed}, id)
		}
		if c.everyone.kind != 0 || !c.chance(share) || c.away[id] {
			continue
		}
		m := mishap{resource: partnersim.BillingProfile + partnersim.Resource(c.IntN(3)), once: c.chance(0.3)}
		switch draw := c.Float64(); {
		case draw < 0.4:
			m.kind = c.pick(falseAnswers)
			if c.chance(0.2) {
				m.resource = partnersim.AnyResource
			}
		case draw < 0.5:
			m.kind, m.resource, m.page = c.pick(falseAnswers, ofPages), partnersim.LineItems, 1+c.IntN(2)
		case draw < 0.65:
			m.kind = c.pick(refusals)
			if c.chance(0.4) {
				m.resource = partnersim.AnyResource
			}
		case draw < 0.9 && c.moved && c.showsItMoved(id):
			m.kind = partnersim.Behind
			if m.resource == partnersim.BillingProfile {
				m.resource = partnersim.AnyResource
			}
		default:
			m.kind, m.resource, m.once = c.pick(retold), partnersim.AnyResource, false
			if m.kind == partnersim.RefuseUsage {
				m.resource = partnersim.CostSummary
			}
			if m.untyped = m.kind == partnersim.WithoutDetail && c.goesOnWithoutDetail(id) && c.chance(0.5); m.untyped {
				add(&mishap{kind: partnersim.Untyped, resource: partnersim.AnyResource}, id)
			}
		}
		add(&m, id)
		c.odd[id] = m
	}
	c.rules = rules
	c.sim.SetOddities(rules...)
}

// goesOnWithoutDetail reports whether the period of a detail that may be missing tonight
// certainly continues and has items. Items without a type may be among them.
func (c *campaign) goesOnWithoutDetail(id string) bool {
	now, a := c.today[id], c.model.of(id)
	last := now.details[len(now.details)-1].invoiceType
	newest := a.newest(last)
	end := a.endOf(last, newest)
	for _, i := range now.items {
		begins := strings.Split(i.line, "|")[2]
		if end == "NULL" || end < begins {
			return false
		}
	}
	return now.details[0].invoiceType != last && newest != "" && end >= now.details[0].key().start && end != "NULL" && !a.anyItems &&
		!a.isImported(last, newest) && len(a.sets[setKey{last, newest}]) > 0
}

// showsItMoved reports whether the answers before and after the last step can be told
// apart: the customer was read before it, and no amount of a moved period is the same.
func (c *campaign) showsItMoved(id string) bool {
	for _, then := range c.before[id].details {
		for _, d := range c.today[id].details {
			if then.invoiceType == d.invoiceType && then.start != d.start && then.amounts == d.amounts {
				return false
			}
		}
	}
	return len(c.before[id].details) > 0
}

// misses returns the outcome of the customer if the mishap makes a resource of that many
// pages unreadable, and "" otherwise.
func (m mishap) misses(resource partnersim.Resource, pages int) string {
	if m.kind == 0 || m.resource != partnersim.AnyResource && m.resource != resource || m.page > pages {
		return ""
	}
	switch m.kind {
	case partnersim.Refuse403, partnersim.NextOnOtherHost, partnersim.NextOfOther, partnersim.NextInCircle:
		return "failed" // another request does not help
	case partnersim.RefuseRelation:
		return "no_access"
	case partnersim.RefuseUnknown:
		if resource == partnersim.LineItems {
			return "failed"
		}
		return "unknown_customer"
	case partnersim.Refuse401:
		if m.once {
			return ""
		}
		return "failed"
	case partnersim.Unsolicited:
		return ""
	case partnersim.WithoutItems:
		if resource != partnersim.LineItems && resource != partnersim.CustomerList {
			return ""
		}
	}
	if slices.Contains(falseAnswers, m.kind) || m.kind == partnersim.WithoutItems {
		if !m.once {
			return "failed"
		}
	}
	return ""
}

// pages returns the number of pages for that many entries.
func (c *campaign) pages(entries int) int {
	if c.page == 0 || entries == 0 {
		return 1
	}
	return (entries + c.page - 1) / c.page
}

// read returns what can be read of a listed customer tonight.
func (c *campaign) read(id string) (r reading) {
	m, now := c.odd[id], c.today[id]
	if c.everyone.kind != 0 {
		m = c.everyone
	}
	if c.away[id] { // the customer is named
		return reading{failure: "no_access"}
	}
	name := now.name
	if c.renamed[id] {
		name += " Group"
	}
	costs, items := slices.Clone(now.details), slices.Clone(now.items)
	itemsAsked := c.wasAsked(id, itemsPart)
	switch m.kind {
	case partnersim.Behind:
		stale := c.before[id]
		if !itemsAsked { // then only the costs are known, which do not show it
			if m.resource != partnersim.LineItems {
				costs = slices.Clone(stale.details)
			}
			break
		}
		same := func(a, b truth) bool { return cmp.Equal(a.details, b.details, cmp.AllowUnexported(detail{})) }
		switch {
		case m.resource == partnersim.AnyResource:
			costs, items = slices.Clone(stale.details), slices.Clone(stale.items)
		case same(stale, now) || m.once: // once means that it is requested again
		default:
			r.isDoubtful = true
			if m.resource == partnersim.CostSummary {
				costs = slices.Clone(stale.details)
			}
		}
	case partnersim.WithoutCosts:
		costs = nil
	case partnersim.WithoutDetail:
		if m.untyped { // it is unknown to which type the items belong
			last := costs[len(costs)-1].invoiceType
			costs = slices.DeleteFunc(costs, func(d detail) bool { return d.invoiceType == last })
			r.findings = []string{"line_items_without_detail", "line_items_sum_mismatch"}
			r.isUnclear = true
			break
		}
		if last := costs[len(costs)-1].invoiceType; costs[0].invoiceType != last {
			costs = slices.DeleteFunc(costs, func(d detail) bool { return d.invoiceType == last })
			r.findings = []string{"line_items_without_detail"}
			// They belong to the newest known period, unless that has ended.
			newest := c.model.of(id).newest(last)
			for _, d := range now.details {
				r.isDoubtful = r.isDoubtful || d.invoiceType == last && d.key().start != newest
			}
			end := c.model.of(id).endOf(last, newest)
			r.isDoubtful = r.isDoubtful || end == "NULL" || end < costs[0].key().start || c.model.of(id).isImported(last, newest)
			if r.isDoubtful { // only the items of the other type are certain
				items = slices.DeleteFunc(items, func(i item) bool { return i.invoiceType == last })
			}
		}
	case partnersim.Untyped:
		for i := range items {
			items[i].invoiceType = ""
		}
		r.findings = []string{"line_items_sum_mismatch"}
	}
	for i := range costs {
		d := &costs[i]
		switch m.kind {
		case partnersim.EndMoved:
			if d.invoiceType == "Recurring" {
				d.end = d.end.AddDate(0, 0, 1)
			}
		case partnersim.EndFar, partnersim.EndUnset:
			d.end = time.Time{}
			r.findings = []string{"period_missing"}
		case partnersim.EndBeforeStart:
			d.end = d.start.AddDate(0, 0, -1)
			r.findings = []string{"period_reversed"}
		case partnersim.LocalTimes:
			d.start, d.end = d.start.Add(-time.Hour), d.end.Add(-time.Hour)
		}
	}

	if !itemsAsked {
		r.isDoubtful = false
		r.findings = slices.DeleteFunc(r.findings, func(kind string) bool { return strings.HasPrefix(kind, "line_items_") })
	}
	profileMissed := m.misses(partnersim.BillingProfile, 1)
	if !c.wasAsked(id, profilePart) {
		profileMissed = ""
	} else if profileMissed == "" {
		r.name, r.country = &name, &now.country
	}
	summaryMissed := m.misses(partnersim.CostSummary, 1)
	itemsMissed := m.misses(partnersim.LineItems, c.pages(len(items)))
	switch {
	case m.kind == partnersim.RefuseUsage:
		r.costs, itemsMissed = &[]detail{}, ""
	case summaryMissed != "":
		itemsMissed = ""
	default:
		r.costs = &costs
		if len(costs) > 0 {
			r.root = costs[0].start
		} else {
			itemsMissed = ""
		}
		if !itemsAsked {
			itemsMissed = ""
		} else if itemsMissed == "" && len(costs) > 0 && !r.isUnclear && !(r.isDoubtful && m.kind == partnersim.Behind) {
			r.items = &items
		}
	}
	for _, missed := range []string{summaryMissed, itemsMissed, profileMissed} {
		if r.failure == "" {
			r.failure = missed
		}
	}
	return r
}

// listed returns the customers that the program can read from the list, and whether the
// list is complete.
func (c *campaign) listed() (ids []string, whole bool) {
	ids = slices.Collect(c.sim.CustomerIDs())
	m := c.list
	if m.misses(partnersim.CustomerList, c.pages(len(ids))) == "" {
		return ids, true
	}
	read := m.page - 1
	if slices.Contains(ofPages, m.kind) && m.kind != partnersim.WithoutItems {
		read = m.page // the next page cannot be read
	}
	if c.page == 0 {
		if read == 0 {
			return nil, false
		}
		return ids, false
	}
	return ids[:min(len(ids), read*c.page)], false
}

// runEverybody is an ordinary night.
func (c *campaign) runEverybody(t *testing.T) {
	t.Helper()
	ids, whole := c.listed()
	c.isCut = !whole
	got := c.execute(t, "run", "--format", "json")
	want, doubtful := c.reckon(t, ids)
	status, code := "failed", 1
	if whole {
		status, code = want.verdict(c.model.retire(ids))
		c.nothingIsTooOld(t)
	}
	c.compare(t)
	c.endedWith(t, got, status, code, want, whole, doubtful)
}

// runSome collects a few customers by name.
func (c *campaign) runSome(t *testing.T) {
	t.Helper()
	args := []string{"run", "--format", "json"}
	var ids []string
	for range 1 + c.IntN(3) {
		id := c.pool[c.IntN(len(c.pool))]
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
			args = append(args, "--customer", id)
		}
	}
	got := c.execute(t, args...)
	want, doubtful := c.reckon(t, ids)
	status, code := want.verdict(false)
	c.compare(t)
	c.endedWith(t, got, status, code, want, true, doubtful)
}

// reckon makes the model take the answers about the customers. If doubtful is true, the
// documentation does not say which of them count as changed.
func (c *campaign) reckon(t *testing.T, ids []string) (want tally, doubtful bool) {
	t.Helper()
	for _, id := range ids {
		r := c.read(id)
		c.nothingNewWaits(t, id, r)
		a := c.model.of(id)
		want.add(a.take(r), r.isBlank())
		doubtful = doubtful || a.anyOutcome
	}
	return want, doubtful
}

// nothingNewWaits fails if the costs have changed and the line items were not requested.
func (c *campaign) nothingNewWaits(t *testing.T, id string, r reading) {
	t.Helper()
	if r.costs == nil {
		return
	}
	before, known := c.toldCosts[id]
	c.toldCosts[id] = *r.costs
	if len(*r.costs) == 0 {
		return
	}
	c.summaries++
	asked := c.wasAsked(id, itemsPart)
	if asked {
		c.withItems++
	}
	if same := known && cmp.Equal(before, *r.costs, cmp.AllowUnexported(detail{})); !same && !asked {
		c.fail(t, id, "has other costs than before, and its line items were not asked for")
	}
}

// nothingIsTooOld fails if a complete night leaves a profile or line items that may become
// too old before the end of the next night, which may be late or take long.
func (c *campaign) nothingIsTooOld(t *testing.T) {
	t.Helper()
	bound := 7*24*time.Hour - billing.CoveredWithin + time.Hour
	var old int
	err := c.db.QueryRowContext(t.Context(), `SELECT count(*) FROM finance.coverage WHERE last_outcome IN ('ok', 'unchanged', 'no_costs')
		AND costs_as_of > $1::timestamptz - interval '1 hour' AND least(profile_as_of, line_items_as_of) < $1::timestamptz - make_interval(secs => $2)`,
		c.now(), bound.Seconds()).Scan(&old)
	if err != nil {
		t.Fatal(err)
	}
	if old > 0 {
		c.fail(t, "", fmt.Sprintf("profiles or line items of %d customers are too old for another night", old))
	}
}

// runInterrupted is a night with a signal in the middle of the run. The run is resumed,
// sometimes after a run of one customer.
func (c *campaign) runInterrupted(t *testing.T) {
	t.Helper()
	ids, whole := c.listed()
	if !whole || len(ids) < 3 {
		c.runEverybody(t)
		return
	}
	made := 2 * len(ids) // the least number of requests
	if c.isShort {
		made = len(ids)
	}
	c.interruptAt.Store(c.requests.Load() + int64(c.pages(len(ids))) + 1 + int64(c.IntN(made-2)))
	got := c.execute(t, "run", "--format", "json")
	c.interruptAt.Store(0)
	if got.code != 130 {
		c.fail(t, "", fmt.Sprintf("an interrupted run exits with %d:\n%s", got.code, got.stderr))
	}
	if c.chance(0.5) {
		// It is open whether the result of this run stays.
		id := ids[c.IntN(len(ids))]
		c.sim.SetOddities(append(slices.Clone(c.rules), partnersim.Oddity{Kind: partnersim.Refuse403, Customer: id})...)
		if got := c.execute(t, "run", "--customer", id); got.code == 0 {
			c.fail(t, id, "a refused customer was collected")
		}
	}
	c.sim.SetOddities(c.rules...) // oddities that occur once occur once more
	// It is unknown which answers the signal cut off, so everything is requested again.
	got = c.execute(t, "run", "--resume", "--full", "--format", "json")
	want, _ := c.reckon(t, ids)
	for _, id := range ids { // customers collected before the signal have another outcome
		c.model[id].anyOutcome = true
	}
	status, code := want.verdict(c.model.retire(ids))
	if got.code != code && got.code != 0 && got.code != 3 {
		c.fail(t, "", fmt.Sprintf("the resumed run exits with %d, want %d (%s):\n%s", got.code, code, status, got.stderr))
	}
	c.compare(t)
}

// erase erases the personal data of a customer, and sometimes the name.
func (c *campaign) erase(t *testing.T) {
	t.Helper()
	id := c.pool[c.IntN(len(c.pool))]
	f := c.model[id]
	if f == nil {
		return
	}
	args := []string{"erase", "--customer", id}
	if c.chance(0.5) {
		args = append(args, "--company-name")
		f.nameErased = true
		if f.named {
			f.name = "NULL"
		}
	}
	if got := c.execute(t, args...); got.code != 0 {
		c.fail(t, id, fmt.Sprintf("erase exits with %d:\n%s", got.code, got.stderr))
	}
	c.compare(t)
}

// changesNothing executes commands that must not change finance.
func (c *campaign) changesNothing(t *testing.T, args ...string) {
	t.Helper()
	before := c.stored(t)
	got := c.execute(t, args...)
	if got.code != 0 && got.code != 3 && args[0] != "run" {
		c.fail(t, "", fmt.Sprintf("%v exits with %d:\n%s", args, got.code, got.stderr))
	}
	if diff := cmp.Diff(before, c.stored(t)); diff != "" {
		c.fail(t, "", fmt.Sprintf("%v changes something (-before +after):\n%s\n%s", args, diff, got.stdout))
	}
}

// endedWith compares the results of the run with the wanted ones.
func (c *campaign) endedWith(t *testing.T, got result, status string, code int, want tally, whole, doubtful bool) {
	t.Helper()
	var lines []struct {
		Status string `json:"status"`
	}
	if err := json.Unmarshal([]byte(got.stdout), &lines); err != nil || len(lines) != 1 {
		c.fail(t, "", fmt.Sprintf("the run printed %q and\n%s", got.stdout, got.stderr))
	}
	if got.code != code || lines[0].Status != status {
		c.fail(t, "", fmt.Sprintf("the run exits with %d as %s, want %d, %s; %+v (%s)\n%s", got.code, lines[0].Status, code, status, want, c.tonight(), got.stderr))
	}
	c.standsAs(t, status, want, whole, doubtful, got.stderr)
}

// tonight describes the oddities of the night.
func (c *campaign) tonight() string {
	return fmt.Sprintf("list: %s; everyone: %s; others: %s", c.list, c.everyone, c.odd)
}

// standsAs compares the newest run of the ledger with the wanted one.
func (c *campaign) standsAs(t *testing.T, status string, want tally, whole, doubtful bool, log string) {
	t.Helper()
	var is string
	var got tally
	err := c.db.QueryRowContext(t.Context(), `SELECT status, customers_total, customers_ok, customers_unchanged, customers_no_costs, customers_failed
		FROM finance.runs ORDER BY started_at DESC LIMIT 1`).Scan(&is, &got.total, &got.ok, &got.unchanged, &got.noCosts, &got.failed)
	if err != nil {
		t.Fatal(err)
	}
	got.blank = want.blank
	if doubtful {
		want.ok, want.unchanged, got.ok, got.unchanged = 0, 0, 0, 0
	}
	if !whole { // the number of customers is unknown
		want.total, got.total = 0, 0
	}
	if got != want || is != status {
		c.fail(t, "", fmt.Sprintf("the run stands in finance.runs as %s, %+v; want %s, %+v (%s)\n%s", is, got, status, want, c.tonight(), log))
	}
}

// answerFindings are the kinds of findings that follow from answers of the simulator.
var answerFindings = []string{
	"detail_vanished", "line_items_without_detail", "line_items_sum_mismatch", "line_items_count_mismatch", "period_missing", "period_reversed", "period_overlap",
	"root_totals_only",
	"customer_id_mismatch", "currency_missing", "amount_missing", "invoice_type_missing", "detail_arithmetic", "root_mismatch", "duplicate_detail",
}

// stored returns the rows of finance in the form of the model.
func (c *campaign) stored(t *testing.T) []string {
	t.Helper()
	rows, err := c.db.QueryContext(t.Context(), `
		SELECT format('%s customer: active %s, last outcome %s, named %s in %s', customer_id, active, coalesce(last_outcome, 'NULL'),
			coalesce(company_name, 'NULL'), coalesce(country, 'NULL')) FROM finance.customers
		UNION ALL
		SELECT format('%s cost: %s from %s to %s: %s|%s|%s %s, %s', customer_id, invoice_type, period_start, coalesce(period_end::text, 'NULL'),
			trim_scale(pretax_total), trim_scale(tax), trim_scale(after_tax_total), currency_code, origin) FROM finance.costs
		UNION ALL
		SELECT format('%s line item: %s of %s: %s', customer_id, coalesce(invoice_type, 'NULL'), billing_period_start, concat_ws('|',
			invoice_number, charge_type, start_date, end_date, coalesce(subscription_id, ''), coalesce(order_id, ''), coalesce(offer_id, ''),
			coalesce(product_id, ''), coalesce(sku_id, ''), trim_scale(quantity), trim_scale(unit_price), trim_scale(pretax_total),
			trim_scale(tax), trim_scale(after_tax_total), currency_code)) FROM finance.line_items
		UNION ALL
		SELECT DISTINCT format('%s finding: %s', customer_id, kind) FROM finance.findings WHERE resolved_at IS NULL AND kind = ANY ($1)
		UNION ALL
		SELECT format('%s last error: %s', customer_id, last_error) FROM finance.coverage WHERE last_error ~ '@customer[0-9]+\.example|firstName'`, answerFindings)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		line = strings.Replace(strings.Replace(line, "active t,", "active true,", 1), "active f,", "active false,", 1)
		all = append(all, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// lastOutcome matches the outcome in a line.
var lastOutcome = regexp.MustCompile(`last outcome \w+`)

// compare compares what is stored with the model.
func (c *campaign) compare(t *testing.T) {
	t.Helper()
	split := func(lines []string) map[string][]string {
		of := map[string][]string{}
		for _, line := range lines {
			id, rest, _ := strings.Cut(line, " ")
			if a := c.model[id]; a != nil && a.anyOutcome {
				rest = lastOutcome.ReplaceAllString(rest, "any outcome")
			}
			if a := c.model[id]; a != nil && a.anyItems && (strings.HasPrefix(rest, "line item") || strings.HasPrefix(rest, "finding")) {
				continue
			}
			of[id] = append(of[id], rest)
		}
		return of
	}
	want, got := split(c.model.lines()), split(c.stored(t))
	for _, id := range c.pool {
		if diff := cmp.Diff(want[id], got[id]); diff != "" {
			c.fail(t, id, "is stored otherwise than it must (-want +got):\n"+diff)
		}
	}
}
