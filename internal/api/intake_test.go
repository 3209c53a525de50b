package api

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/alert"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

// member is one alert as Alertmanager writes it.
func member(name, status string) string {
	ends := "0001-01-01T00:00:00Z"
	if status == "resolved" {
		ends = "2026-11-24T02:59:00Z"
	}
	return fmt.Sprintf(`{"status":%q,"labels":{"alertname":%q,"severity":"critical"},"annotations":{"summary":"%s is down"},
		"startsAt":"2026-11-24T02:50:00Z","endsAt":%q,"generatorURL":"http://prometheus.example/graph","fingerprint":"%016x"}`, status, name, name, ends, name)
}

func firing(name string) string   { return member(name, "firing") }
func resolved(name string) string { return member(name, "resolved") }

// webhook is a delivery of a group that leaves cut members out.
func webhook(cut int, members ...string) string {
	return fmt.Sprintf(`{"version":"4","groupKey":"{}:{job=\"pay\"}","truncatedAlerts":%d,"status":"firing","receiver":"holdfast","groupLabels":{},
		"commonLabels":{},"commonAnnotations":{},"externalURL":"http://alertmanager.example","alerts":[%s]}`, cut, strings.Join(members, ","))
}

type inbox struct {
	*node
	sender, reader string
}

func newIntake(t *testing.T) *inbox {
	t.Helper()
	n := newNode(t)
	return &inbox{n, n.token(t, access.DeliverAlerts), n.token(t, access.Read)}
}

func (in *inbox) deliver(body string) *httptest.ResponseRecorder {
	return in.call("POST", "/intake/alertmanager", in.sender, body)
}

// taken delivers and wants the answer that the sender takes for stored.
func (in *inbox) taken(t *testing.T, body string) {
	t.Helper()
	if w := in.deliver(body); w.Code != 204 {
		t.Fatalf("not taken: %d %s", w.Code, w.Body)
	}
}

// facts returns the facts about alerts that are in the journal now, not those
// that the state has folded.
func (in *inbox) facts(t *testing.T) (kinds []string) {
	t.Helper()
	all, err := in.store.Read(t.Context(), 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if noun, _ := f.Subject.Split(); noun == "alert" || noun == "alert-group" {
			kinds = append(kinds, f.Kind)
			if f.Actor.Kind != holdfast.Sender || f.Actor.Via == "" {
				t.Errorf("fact %s was written by %+v", f.Kind, f.Actor)
			}
		}
	}
	return kinds
}

func (in *inbox) wantFacts(t *testing.T, what string, want ...string) {
	t.Helper()
	if got := in.facts(t); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s: the journal has %v, want %v", what, got, want)
	}
}

func TestIntakeOverAnAlertsLife(t *testing.T) {
	t.Parallel()
	in := newIntake(t)
	in.taken(t, webhook(0, firing("a")))
	in.wantFacts(t, "first", alert.KindReceived)
	in.taken(t, webhook(0, firing("a")))
	in.wantFacts(t, "repeated", alert.KindReceived)
	in.taken(t, webhook(0, firing("a"), firing("b")))
	in.wantFacts(t, "the group grew", alert.KindReceived, alert.KindReceived)
	in.taken(t, webhook(0, firing("a"), resolved("b")))
	in.wantFacts(t, "one resolved", alert.KindReceived, alert.KindReceived, alert.KindResolved)
	in.taken(t, webhook(0, firing("a"), resolved("b")))
	in.wantFacts(t, "resolved repeated", alert.KindReceived, alert.KindReceived, alert.KindResolved)
	in.taken(t, webhook(0))
	in.wantFacts(t, "an empty group", alert.KindReceived, alert.KindReceived, alert.KindResolved)

	page := get[view.Page[view.Alert]](t, in.node, in.reader, "/alerts")
	if page.Total != 2 || len(page.Items) != 2 {
		t.Fatalf("%d alerts", page.Total)
	}
	for _, a := range page.Items {
		if want := a.Labels["alertname"] == "a"; a.Firing != want || !a.Waiting || a.Source != "alertmanager" || !strings.HasSuffix(a.Title, "is down") {
			t.Errorf("alert %+v", a)
		}
	}
}

func TestIntakeSaysWhatWasCut(t *testing.T) {
	t.Parallel()
	in := newIntake(t)
	for cut, want := range map[int]int{3: 3} {
		in.taken(t, webhook(cut, firing("a")))
		in.taken(t, webhook(cut, firing("a")))
		if got := get[view.Posture](t, in.node, in.reader, "/posture").MembersCut; got != want {
			t.Errorf("%d left out, the posture shows %d", cut, got)
		}
	}
	in.wantFacts(t, "cut", alert.KindMembersCut, alert.KindReceived)
	in.taken(t, webhook(0, firing("a")))
	if got := get[view.Posture](t, in.node, in.reader, "/posture").MembersCut; got != 0 {
		t.Errorf("whole again, the posture shows %d", got)
	}
}

// Whatever keeps the node from storing is 503, which Alertmanager repeats; a 429
// or any other 4xx would make it drop the alerts.
func TestIntakeThatCannotStore(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"full":      holdfast.Errorf(holdfast.Unavailable, "the disk is full"),
		"busy":      holdfast.Errorf(holdfast.TooMany, "too many appends"),
		"conflict":  holdfast.Errorf(holdfast.Conflict, "moved"),
		"damaged":   holdfast.Errorf(holdfast.Damaged, "not what was written"),
		"a bug":     fmt.Errorf("nil map"),
		"forbidden": holdfast.Errorf(holdfast.Forbidden, "read only"),
	} {
		in := newIntake(t)
		in.store.Refuse(err)
		w := in.deliver(webhook(0, firing("a")))
		wantProblem(t, name, w, 503, holdfast.Unavailable, "")
		if w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", name)
		}
		in.wantFacts(t, name)
		in.taken(t, webhook(0, firing("a")))
		in.wantFacts(t, name+", repeated", alert.KindReceived)
	}
	in := newIntake(t)
	if err := in.store.Close(); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, "closed", in.deliver(webhook(0, firing("a"))), 503, holdfast.Unavailable, "")
}

// A doubt is settled before the answer: then the alert is there once.
func TestIntakeInDoubt(t *testing.T) {
	t.Parallel()
	for _, written := range []bool{false, true} {
		in := newIntake(t)
		in.store.Doubt(written)
		in.taken(t, webhook(0, firing("a")))
		in.wantFacts(t, fmt.Sprintf("written %v", written), alert.KindReceived)
	}
}

// The members of a cluster all deliver, at the same moment.
func TestIntakeFromACluster(t *testing.T) {
	t.Parallel()
	in := newIntake(t)
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			if w := in.deliver(webhook(0, firing("a"), firing("b"), firing("c"))); w.Code != 204 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	senders.Wait()
	in.wantFacts(t, "together", alert.KindReceived, alert.KindReceived, alert.KindReceived)
}

func TestIntakeRefusesWhatIsNoWebhook(t *testing.T) {
	t.Parallel()
	in := newIntake(t)
	wantProblem(t, "nothing", in.deliver(""), 400, holdfast.Invalid, "")
	wantProblem(t, "no JSON", in.deliver("alerts!"), 400, holdfast.Invalid, "")
	wantProblem(t, "an old version", in.deliver(`{"version":"3","alerts":[]}`), 400, holdfast.Invalid, "version")
	wantProblem(t, "too much", in.deliver(strings.Repeat(" ", maxWebhook+1)), 413, holdfast.TooLarge, "")
	in.wantFacts(t, "of these")
}

// Every alert stands on exactly one of the pages.
func TestPages(t *testing.T) {
	t.Parallel()
	in := newIntake(t)
	const count = 120
	var members []string
	for i := range count {
		members = append(members, firing(fmt.Sprintf("alert-%03d", i)))
	}
	in.taken(t, webhook(0, members...))
	met := map[string]bool{}
	sizes := []int{}
	for next := 0; ; {
		page := get[view.Page[view.Alert]](t, in.node, in.reader, fmt.Sprintf("/alerts?limit=50&offset=%d", next))
		if page.Total != count {
			t.Errorf("total %d", page.Total)
		}
		for _, a := range page.Items {
			met[a.ID] = true
		}
		sizes = append(sizes, len(page.Items))
		if next = page.Next; next == 0 {
			break
		}
	}
	if len(met) != count || fmt.Sprint(sizes) != "[50 50 20]" {
		t.Errorf("%d alerts on pages of %v", len(met), sizes)
	}
	for path, want := range map[string]int{"/alerts": view.PageSize, "/alerts?limit=1": 1, "/alerts?limit=500": count, "/alerts?offset=119": 1, "/alerts?offset=120": 0, "/alerts?offset=99999": 0} {
		w := in.call("GET", path, in.reader, "")
		var page view.Page[json.RawMessage]
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page.Items) != want {
			t.Errorf("%s: %d items, %v", path, len(page.Items), err)
		}
		if strings.Contains(w.Body.String(), `"items":null`) {
			t.Errorf("%s: no items are null, not an empty list", path)
		}
	}
}

// The journal is read from a position on, to its end.
func TestJournalPages(t *testing.T) {
	t.Parallel()
	in := newIntake(t)
	for i := range 7 {
		in.taken(t, webhook(0, firing(fmt.Sprint("alert-", i))))
	}
	archivist := in.token(t, access.ReadArchive)
	head := in.store.Head().Position
	var last holdfast.Position
	for after := 0; ; {
		page := get[view.Page[holdfast.Fact]](t, in.node, archivist, fmt.Sprintf("/journal?limit=3&after=%d", after))
		for _, f := range page.Items {
			if f.Position != last+1 {
				t.Errorf("fact %d follows %d", f.Position, last)
			}
			last = f.Position
		}
		if after = page.Next; after == 0 {
			break
		}
	}
	if last != head {
		t.Errorf("read to %d of %d", last, head)
	}
}

// A delivery that broke off is sent again, too: it was not too large.
func TestIntakeThatBreaksOff(t *testing.T) {
	t.Parallel()
	in := newIntake(t)
	for path, want := range map[string]holdfast.Code{"/intake/alertmanager": holdfast.Unavailable, "/evidence?name=x": holdfast.Invalid} {
		r := httptest.NewRequest("POST", "/api/v1"+path, iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(webhook(0, firing("a"))))))
		r.Host = "localhost"
		r.Header.Set("Authorization", "Bearer "+in.all(t))
		w := httptest.NewRecorder()
		in.handler.ServeHTTP(w, r)
		wantProblem(t, path, w, web.Status(holdfast.Errorf(want, "")), want, "")
	}
	in.wantFacts(t, "broken off")
}
