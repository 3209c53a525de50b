package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/alert"
	"holdfast/internal/authority"
	"holdfast/internal/backup"
	"holdfast/internal/debrief"
	"holdfast/internal/device"
	"holdfast/internal/directive"
	"holdfast/internal/draft"
	"holdfast/internal/enrolment"
	"holdfast/internal/filing"
	"holdfast/internal/fleet"
	"holdfast/internal/improvement"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/obligation"
	"holdfast/internal/plan"
	"holdfast/internal/reconciliation"
	"holdfast/internal/response"
	"holdfast/internal/roster"
	"holdfast/internal/settlement"
	"holdfast/internal/status"
	"holdfast/internal/statuspage"
	"holdfast/internal/subscription"
	"holdfast/internal/traffic"
	"holdfast/internal/trial"
	"holdfast/internal/trigger"
	"holdfast/internal/view"
	"holdfast/internal/waiver"
	"holdfast/internal/web"
)

var now = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

// node is the API of a control node whose journal is in memory.
type node struct {
	handler http.Handler
	store   *journal.Memory
	api     *API
}

type noProbes struct{}

func (noProbes) Probe(context.Context, plan.Probe, string) incident.ProbeRan {
	return incident.ProbeRan{}
}

// noSource is a journal that cannot be copied now.
type noSource struct{}

func (noSource) Snapshot(context.Context, io.Writer) (holdfast.Head, error) {
	return holdfast.Head{}, holdfast.Errorf(holdfast.Unavailable, "the journal is closed")
}

func noDatabase(context.Context, io.ReaderAt, int64) (backup.Database, error) {
	return nil, errors.New("no backup was made")
}

func newNode(t *testing.T) *node {
	t.Helper()
	store := journal.NewMemory("test")
	store.Now = clock
	log := slog.New(slog.DiscardHandler)
	src := &view.Source{
		Now: clock, Access: access.NewBook(), Alerts: alert.NewBook(), Directives: directive.NewBook(store.Genesis()), Gates: enrolment.NewBook(),
		Incidents: incident.NewBook(), Notices: notify.NewBook(), Plans: plan.NewBook(), Roster: roster.NewBook(),
		Timeline: response.NewTimeline(), Series: traffic.NewSeries(), Version: "test", Operator: "Bank of Tests", Restored: backup.NewBook(),
	}
	src.Filings, src.Waivers, src.Files = filing.NewBook(), waiver.NewBook(), store
	src.Triggers = trigger.Nouns{Triggers: trigger.NewBook(), Drafts: draft.NewBook(), Plans: src.Plans, Roster: src.Roster, Improvements: improvement.NewBook(), Zone: time.UTC}
	src.Improvements = improvement.Nouns{
		Book: src.Triggers.Improvements, Incidents: src.Incidents, Plans: src.Plans, Roster: src.Roster, Zone: time.UTC,
		Runs: func(by holdfast.Actor) bool { return src.Access.May(by, access.RunIncident) },
	}
	reconciled, settled := reconciliation.NewBook(), settlement.NewBook()
	owed, debriefs := obligation.NewBook(), debrief.NewBook()
	src.Authority = authority.Nouns{Book: authority.NewBook(), Plans: src.Plans, Roster: src.Roster, Incidents: src.Incidents}
	public := status.NewBook()
	src.State = journal.NewState(store, store.Genesis(), src.Access, src.Alerts, src.Directives, src.Gates, src.Incidents, src.Notices, src.Plans, src.Roster, src.Timeline, src.Restored, src.Triggers.Triggers, src.Triggers.Drafts, src.Filings, src.Waivers, src.Authority.Book, owed, public, debriefs, src.Improvements.Book, reconciled, settled)
	desk := &journal.Desk{Journal: store, State: src.State, Now: clock}
	src.Trials = trial.NewBoard()
	src.Settlement = &settlement.Service{Desk: desk, Blobs: store, Log: log, Nouns: settlement.Nouns{Book: settled, Gates: func() []string { return nil }, Above: func() int64 { return 0 }}}
	src.Reconciliation = &reconciliation.Service{
		Desk: desk, Board: reconciliation.NewBoard(),
		Nouns: reconciliation.Nouns{Book: reconciled, Directive: src.Directives.Directive, Gates: src.Gates, Named: func() map[string]string { return nil }, Owner: func(string) string { return "" }, Fills: src.Authority.Fills, Above: func(string) (int64, bool) { return 0, true }},
	}
	accounts, err := access.New(access.Options{Desk: desk, Book: src.Access, Documents: store})
	if err != nil {
		t.Fatal(err)
	}
	directives := &directive.Service{Desk: desk, Book: src.Directives, Gates: src.Gates}
	notices := &notify.Service{Desk: desk, Book: src.Notices}
	src.Node = fleet.NewNode(desk, directives, src.Gates, src.Series, log)
	src.Response = &response.Service{
		Desk: desk, Incidents: src.Incidents, Alerts: src.Alerts, Plans: src.Plans, Directives: src.Directives, Gates: src.Gates,
		Notices: src.Notices, Sender: notices, Roster: src.Roster, Authority: src.Authority, Series: src.Series, Timeline: src.Timeline, Prober: noProbes{}, Documents: store, Log: log,
	}
	src.Obligations = obligation.Nouns{
		Book: owed, Incidents: src.Incidents, Alerts: src.Alerts, Plans: src.Plans, Roster: src.Roster, Measured: src.Response.Figures, Reading: src.Response.Reading, Zone: time.UTC,
	}
	src.Status = status.Nouns{Book: public, Plans: src.Plans, Incidents: src.Incidents, Directives: src.Directives, Gates: src.Gates, Alerts: src.Alerts}
	src.Public = status.Rhythm{Every: time.Minute, Stale: 3 * time.Minute}
	pages, err := statuspage.NewWriter(statuspage.WriterOptions{State: src.State, Nouns: src.Status, Operator: src.Operator, Rhythm: src.Public, Log: log, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	src.Written = pages.Report
	subscribers, err := subscription.New(subscription.Options{State: src.State, Documents: store, Book: public, Key: make([]byte, 32), Zone: time.UTC, Log: log, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	people := roster.New(desk, src.Roster)
	devices, err := device.New(device.Options{Documents: store, Roster: people, Key: "BKey", Hosts: []string{"push.example.org"}, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	src.Debriefs = debrief.Nouns{
		Book: debriefs, Incidents: src.Incidents, Plans: src.Plans, Roster: src.Roster, Obligations: src.Obligations, Facts: src.Timeline, Kept: debrief.NewKept(), Count: src.Response.Count,
	}
	src.Response.Debriefs = src.Debriefs
	src.Backups, err = backup.NewKeeper(backup.KeeperOptions{
		Maker: backup.Maker{Source: noSource{}, Open: noDatabase, Keys: t.TempDir(), Version: "test"}, Journal: "test",
		Size: func() (int64, error) { return 1, nil }, Dir: t.TempDir(), Keep: 3, Now: clock, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{store: store, api: &API{
		Backups: src.Backups, Restored: &backup.Service{Desk: desk, Book: src.Restored},
		View: src, Store: store, Desk: desk, Access: accounts, Alerts: &alert.Service{Desk: desk, Book: src.Alerts}, Directives: directives,
		Gates: &enrolment.Service{Desk: desk, Book: src.Gates, Above: func() int64 { return 0 }}, Notices: notices, Plans: &plan.Service{Desk: desk, Book: src.Plans, Files: store},
		Drafts: &draft.Service{Desk: desk, Nouns: draft.Nouns{Drafts: src.Triggers.Drafts, Plans: src.Plans, Roster: src.Roster, MayApprove: func(by holdfast.Actor) bool {
			return src.Access.May(by, access.ApprovePlan)
		}}, Files: store},
		Triggers: &trigger.Service{Desk: desk, Nouns: src.Triggers}, Filings: &filing.Service{Desk: desk, Book: src.Filings, Plans: src.Plans, Files: store},
		Waivers:        &waiver.Service{Desk: desk, Nouns: waiver.Nouns{Waivers: src.Waivers, Plans: src.Plans, Drafts: src.Triggers.Drafts, Roster: src.Roster}},
		Improvements:   &improvement.Service{Desk: desk, Nouns: src.Improvements, Files: store, Log: log},
		Reconciliation: src.Reconciliation, Settlement: src.Settlement,
		Obligations: &obligation.Service{Desk: desk, Nouns: src.Obligations, Files: store, Log: log},
		Status:      &status.Service{Desk: desk, Nouns: src.Status}, Pages: pages, Subscribers: subscribers, Devices: devices,
		Roster: people, Response: src.Response, Log: log,
		Debriefs: &debrief.Service{Desk: desk, Nouns: src.Debriefs, Log: log},
	}}
	server, err := web.New(web.Options{Access: accounts, Log: log, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", n.api.Handler(server))
	n.handler = server.Wrap(mux)
	n.follow(t, src.State)
	return n
}

func (n *node) follow(t *testing.T, state *journal.State) {
	ctx, stop := context.WithCancel(context.Background())
	folded := make(chan error, 1)
	go func() { folded <- state.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-folded; err != nil && holdfast.CodeOf(err) != holdfast.Unavailable {
			t.Errorf("the fold ended: %v", err)
		}
	})
}

// token makes an account with the rights and returns a token for them.
func (n *node) token(t *testing.T, rights ...access.Action) string {
	t.Helper()
	name := "a" + holdfast.NewID()
	self := access.Self("test")
	if err := n.api.Access.CreateAccount(t.Context(), self, access.NewAccount{Name: name, Roles: access.Roles()}, ""); err != nil {
		t.Fatal(err)
	}
	text, _, err := n.api.Access.IssueToken(t.Context(), self, access.NewToken{Account: name, Name: "test", Scopes: rights})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (n *node) all(t *testing.T) string {
	t.Helper()
	return n.token(t, access.AllActions()...)
}

func (n *node) call(method, path, token, body string) *httptest.ResponseRecorder {
	return n.callIn(context.Background(), method, path, token, body)
}

func (n *node) callIn(ctx context.Context, method, path, token, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, method, "/api/v1"+path, strings.NewReader(body))
	r.Host = "localhost"
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	n.handler.ServeHTTP(w, r)
	return w
}

// get reads an answer of status 200.
func get[T any](t *testing.T, n *node, token, path string) (v T) {
	t.Helper()
	w := n.call("GET", path, token, "")
	if w.Code != 200 {
		t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return v
}

func wantProblem(t *testing.T, what string, w *httptest.ResponseRecorder, status int, code holdfast.Code, field string) {
	t.Helper()
	var p web.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %d %s is no problem: %v", what, w.Code, w.Body, err)
		return
	}
	if w.Code != status || p.Status != status || p.Code != code || p.Field != field || p.Title == "" || p.Detail == "" || p.Request == "" {
		t.Errorf("%s: status %d, %+v; want %d, %s at %q", what, w.Code, p, status, code, field)
	}
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// at fills a route's path with names of nothing.
func (rt route) at() string {
	path := strings.ReplaceAll(rt.Path, "{hash}", strings.Repeat("0", 64))
	path = strings.ReplaceAll(path, "{n}", "1")
	return placeholder.ReplaceAllString(path, "nothing")
}

func TestEveryRouteNeedsItsRight(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	// Streams and waits end at once.
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, rt := range routes {
		what := rt.Method + " " + rt.Path
		if rt.Right == public {
			if w := n.call(rt.Method, rt.at(), "", ""); w.Code == 401 || w.Code == 403 {
				t.Errorf("%s is public: %d", what, w.Code)
			}
			continue
		}
		w := n.call(rt.Method, rt.at(), "", "{}")
		wantProblem(t, what+" without a token", w, 401, holdfast.Unauthenticated, "")
		if w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: 401 without a challenge", what)
		}
		wantProblem(t, what+" with a wrong token", n.call(rt.Method, rt.at(), "hf_x_y", "{}"), 401, holdfast.Unauthenticated, "")
		if rt.Right == anyone {
			continue
		}
		others := slices.DeleteFunc(access.AllActions(), func(a access.Action) bool { return a == rt.Right })
		wantProblem(t, what+" without the right", n.call(rt.Method, rt.at(), n.token(t, others...), "{}"), 403, holdfast.Forbidden, "")
		if w := n.callIn(gone, rt.Method, rt.at(), n.token(t, rt.Right), "{}"); w.Code == 401 || w.Code == 403 {
			t.Errorf("%s with the right alone: %d %s", what, w.Code, w.Body)
		}
	}
}

func TestRevokedTokenIsRefused(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	token := n.token(t, access.Read)
	id := strings.Split(token, "_")[1]
	if w := n.call("POST", "/tokens/"+id+"/revoke", token, ""); w.Code != 204 {
		t.Fatalf("revoke: %d %s", w.Code, w.Body)
	}
	wantProblem(t, "afterwards", n.call("GET", "/gates", token, ""), 401, holdfast.Unauthenticated, "")
}

func TestUnknownMembersAreRefused(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	token := n.all(t)
	bodies := 0
	for _, rt := range routes {
		if _, free := rt.In.(map[string]any); rt.In == nil || free {
			continue
		}
		bodies++
		what := rt.Method + " " + rt.Path
		wantProblem(t, what, n.call(rt.Method, rt.at(), token, `{"novelty":1}`), 400, holdfast.Invalid, "novelty")
		wantProblem(t, what+" with nothing", n.call(rt.Method, rt.at(), token, ""), 400, holdfast.Invalid, "")
		wantProblem(t, what+" with two values", n.call(rt.Method, rt.at(), token, `{}{}`), 400, holdfast.Invalid, "")
	}
	if bodies < 15 {
		t.Errorf("only %d routes take a body", bodies)
	}
}

func TestNoSuchRoute(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	wantProblem(t, "no path", n.call("GET", "/nothing", "", ""), 404, holdfast.NotFound, "")
	w := n.call("DELETE", "/plan", "", "")
	wantProblem(t, "no method", w, 405, holdfast.Invalid, "")
	if got := w.Header().Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("Allow %q", got)
	}
	r := httptest.NewRequest("GET", "/api/v2/plan", nil)
	r.Host = "localhost"
	other := httptest.NewRecorder()
	n.handler.ServeHTTP(other, r)
	wantProblem(t, "another version", other, 404, holdfast.NotFound, "")
}

// What fails inside is neither explained nor mistaken for the caller's fault.
func TestJournalThatFails(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	token := n.all(t)
	n.store.Refuse(errors.New("sda1 is gone"))
	w := n.call("POST", "/reports", token, `{"summary":"no payments in Kaohsiung"}`)
	wantProblem(t, "a fault without a code", w, 500, holdfast.Internal, "")
	if strings.Contains(w.Body.String(), "sda1") {
		t.Errorf("it is shown: %s", w.Body)
	}
	n.store.Refuse(holdfast.Errorf(holdfast.Unavailable, "the disk is full"))
	w = n.call("POST", "/reports", token, `{"summary":"no payments in Kaohsiung"}`)
	wantProblem(t, "a full disk", w, 503, holdfast.Unavailable, "")
	if w.Header().Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	if w := n.call("POST", "/reports", token, `{"summary":"no payments in Kaohsiung"}`); w.Code != 201 {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
}

func TestQueryParameters(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	token := n.all(t)
	for path, field := range map[string]string{
		"/alerts?limit=501": "limit", "/alerts?limit=x": "limit", "/alerts?offset=-1": "offset", "/incidents?limit=1e3": "limit",
		"/journal?after=x": "after", "/journal?limit=501": "limit", "/directives?offset=x": "offset", "/unknowns?offset=x": "offset",
		"/traffic?minutes=x": "minutes", "/directives/1?wait=soon": "wait", "/directives/1?wait=-1s": "wait",
	} {
		wantProblem(t, path, n.call("GET", path, token, ""), 400, holdfast.Invalid, field)
	}
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	token := n.all(t)
	w := n.call("POST", "/evidence?name=..%2Fa.html&type=text/html", token, "<script>alert(1)</script>")
	var kept incident.Evidence
	if err := json.Unmarshal(w.Body.Bytes(), &kept); err != nil || w.Code != 201 {
		t.Fatalf("keep: %d %s", w.Code, w.Body)
	}
	if kept.Name != "a.html" || kept.Size != 25 {
		t.Errorf("kept %+v", kept)
	}
	w = n.call("GET", "/evidence/"+kept.Hash.String()+"?name=a.html", token, "")
	if w.Code != 200 || w.Body.String() != "<script>alert(1)</script>" || w.Header().Get("Content-Type") != "application/octet-stream" ||
		!strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("given back: %d %v", w.Code, w.Header())
	}
	wantProblem(t, "no such file", n.call("GET", "/evidence/"+strings.Repeat("0", 64), token, ""), 404, holdfast.NotFound, "")
	wantProblem(t, "no hash", n.call("GET", "/evidence/x", token, ""), 400, holdfast.Invalid, "hash")
	wantProblem(t, "nothing", n.call("POST", "/evidence?name=x", token, ""), 400, holdfast.Invalid, "file")
	wantProblem(t, "too much", n.call("POST", "/evidence?name=x", token, strings.Repeat("x", journal.MaxBlob+1)), 413, holdfast.TooLarge, "body")

	id := created(t, n.call("POST", "/incidents", token, `{"title":"no payments"}`))
	note := `{"text":"see the log","evidence":[{"name":"a.html","type":"text/html","size":25,"hash":"` + kept.Hash.String() + `"}]}`
	if w := n.call("POST", "/incidents/"+id+"/notes", token, note); w.Code != 204 {
		t.Errorf("named in a note: %d %s", w.Code, w.Body)
	}
	missing := strings.ReplaceAll(note, kept.Hash.String(), strings.Repeat("0", 64))
	wantProblem(t, "a file that was not kept", n.call("POST", "/incidents/"+id+"/notes", token, missing), 400, holdfast.Invalid, "evidence")
}

func created(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var c Created
	if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil || w.Code != 201 || c.ID == "" {
		t.Fatalf("not created: %d %s", w.Code, w.Body)
	}
	return c.ID
}

func TestTokenIsShownOnce(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	token := n.all(t)
	w := n.call("POST", "/tokens", token, `{"name":"robot","scopes":["read"]}`)
	var issued Issued
	if err := json.Unmarshal(w.Body.Bytes(), &issued); err != nil || w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := get[Status](t, n, issued.Token, "/status"); !slices.Equal(got.Rights, []string{"read"}) || got.Operator != "Bank of Tests" {
		t.Errorf("the token is good for %+v", got)
	}
	list := n.call("GET", "/tokens", token, "").Body.String()
	secret := issued.Token[strings.LastIndexByte(issued.Token, '_')+1:]
	if !strings.Contains(list, issued.ID) || strings.Contains(list, secret) {
		t.Errorf("the list holds %s", list)
	}
	wantProblem(t, "a token that begets one", n.call("POST", "/tokens", issued.Token, `{"name":"x","scopes":["read"]}`), 403, holdfast.Forbidden, "")
}

func TestLint(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	token := n.token(t, access.Read)
	lint := func(lang holdfast.Lang, text string) (faults []Fault) {
		body, err := json.Marshal(Lint{text})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/api/v1/plan/lint", strings.NewReader(string(body)))
		r.Host = "localhost"
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Accept-Language", string(lang))
		w := httptest.NewRecorder()
		n.handler.ServeHTTP(w, r)
		if err := json.Unmarshal(w.Body.Bytes(), &faults); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return faults
	}
	// The node has no people and no gate yet, and lint says so of any plan.
	faults := lint(holdfast.En, string(plan.Builtin()))
	for _, rule := range []string{"L301", "L404"} {
		if !slices.ContainsFunc(faults, func(f Fault) bool { return f.Rule == rule && f.Line > 1 && f.Anchor != "" }) {
			t.Errorf("the plan that comes with Holdfast lacks %s: %v", rule, faults)
		}
	}
	if slices.ContainsFunc(faults, func(f Fault) bool { return strings.HasPrefix(f.Rule, "P") }) {
		t.Errorf("the plan that comes with Holdfast has %v", faults)
	}
	text := "format: holdfast-plan/1\nid: x\nnovelty: 1\n"
	faults = lint(holdfast.En, text)
	if len(faults) == 0 {
		t.Fatal("no faults")
	}
	for _, f := range faults {
		if f.Rule == "" || f.Message == "" {
			t.Errorf("fault %+v", f)
		}
	}
	if first := faults[0]; !slices.ContainsFunc(faults, func(f Fault) bool { return f.Line == 3 }) {
		t.Errorf("none of the %d faults is on line 3; the first is %+v", len(faults), first)
	}
}
