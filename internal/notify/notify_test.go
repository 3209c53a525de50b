package notify

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/journal"
)

var t0 = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

func note(person, channel string) Notice {
	address := person + "@example.com"
	if channel == "webhook" {
		address = "https://im.example.com/hook/" + person
	}
	return Notice{
		ID:       ID("2026-1", "tell", person, channel, address, 0),
		Incident: "2026-1", Task: "tell", Person: person, PersonName: "梅", Channel: channel, Address: address,
		Lang: holdfast.ZhHant, Subject: "一級事件", Body: "請回覆收到。", WantAck: true,
	}
}

func urgent(n Notice) Notice { n.Urgent = true; return n }

// ledger folds drafts into a book as the journal would, checking revisions.
type ledger struct {
	t        interface{ Fatalf(string, ...any) }
	book     *Book
	position holdfast.Position
	kinds    []string
}

func newLedger(t interface{ Fatalf(string, ...any) }) *ledger { return &ledger{t: t, book: NewBook()} }

func (l *ledger) write(at time.Time, drafts []journal.Draft) {
	for _, d := range drafts {
		have := holdfast.Revision(0)
		if n := l.book.Notice(d.Subject.ID()); n != nil {
			have = n.Revision
		}
		if d.Expect != have {
			l.t.Fatalf("%s expects revision %d, the subject is at %d", d.Kind, d.Expect, have)
		}
		l.position++
		f := holdfast.Fact{Position: l.position, Subject: d.Subject, Revision: d.Expect + 1, Kind: d.Kind, Time: at, Body: d.Body}
		if err := l.book.Apply(f); err != nil {
			l.t.Fatalf("fold %s: %v", d.Kind, err)
		}
		l.kinds = append(l.kinds, strings.TrimPrefix(d.Kind, "notice."))
	}
}

func (l *ledger) ask(at time.Time, notices ...Notice) {
	drafts, err := ask(l.book, notices)
	if err != nil {
		l.t.Fatalf("ask: %v", err)
	}
	l.write(at, drafts)
}

func (l *ledger) acknowledge(at time.Time, person string) int {
	drafts, err := acknowledge(l.book, "2026-1", "tell", 0, person, "console", "")
	if err != nil {
		l.t.Fatalf("acknowledge: %v", err)
	}
	l.write(at, drafts)
	return len(drafts)
}

func TestID(t *testing.T) {
	t.Parallel()
	seen := map[string][]string{}
	for _, parts := range [][]string{
		{"2026-1", "tell", "mei", "smtp", "a"}, {"2026-11", "tell", "mei", "smtp", "a"}, {"2026-1", "1tell", "mei", "smtp", "a"},
		{"2026-1", "tellm", "ei", "smtp", "a"}, {"2026-1", "tell", "mei", "smtp", "b"}, {"2026-1", "tell", "mei", "smtpa", ""},
	} {
		id := ID(parts[0], parts[1], parts[2], parts[3], parts[4], 0)
		if other, twice := seen[id]; twice {
			t.Errorf("%q and %q have one id", parts, other)
		}
		if again := ID(parts[0], parts[1], parts[2], parts[3], parts[4], 1); again == id {
			t.Errorf("%q: two rounds have one id", parts)
		}
		if !holdfast.ValidName(id) {
			t.Errorf("%q is no id", id)
		}
		seen[id] = parts
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	change := func(edit func(*Notice)) []Notice { n := note("mei", "smtp"); edit(&n); return []Notice{n} }
	tests := []struct {
		name    string
		notices []Notice
		facts   int
		field   string // at fault
	}{
		{"one", []Notice{note("mei", "smtp")}, 1, ""},
		{"two ways to one person", []Notice{note("mei", "smtp"), note("mei", "webhook")}, 2, ""},
		{"the same twice", []Notice{note("mei", "smtp"), note("mei", "smtp")}, 1, ""},
		{"asked for before", []Notice{note("lin", "smtp"), note("mei", "smtp")}, 1, ""},
		{"no notices", nil, 0, ""},
		{"no incident", change(func(n *Notice) { n.Incident = "" }), 0, "incident"},
		{"no id", change(func(n *Notice) { n.ID = "" }), 0, "id"},
		{"address of two lines", change(func(n *Notice) { n.Address = "mei@example.com\r\nBcc: x@example.com" }), 0, "address"},
		{"address without end", change(func(n *Notice) { n.Address = strings.Repeat("x", maxAddress+1) }), 0, "address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			l.ask(t0, note("lin", "smtp"))
			drafts, err := ask(l.book, tt.notices)
			var e *holdfast.Error
			if tt.field != "" {
				if holdfast.CodeOf(err) != holdfast.Invalid || !asError(err, &e) || e.Field != tt.field {
					t.Fatalf("got %v, want a fault at %s", err, tt.field)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if len(drafts) != tt.facts {
				t.Errorf("%d facts, want %d", len(drafts), tt.facts)
			}
		})
	}
}

func asError(err error, e **holdfast.Error) bool {
	found, ok := err.(*holdfast.Error)
	*e = found
	return ok
}

// A title of any length or shape must not keep people from being told.
func TestAskMakesTextsFit(t *testing.T) {
	t.Parallel()
	n := note("mei", "smtp")
	n.Subject = "一級\r\nBcc: x@example.com\t" + strings.Repeat("急", 400)
	n.Body = strings.Repeat("急", maxBody) + "\xff"
	drafts, err := ask(NewBook(), []Notice{n})
	if err != nil || len(drafts) != 1 {
		t.Fatal(drafts, err)
	}
	var got Notice
	if err := json.Unmarshal(drafts[0].Body, &got); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got.Subject, "一級 Bcc: x@example.com 急") || !strings.HasSuffix(got.Subject, "急…") || utf8.RuneCountInString(got.Subject) != maxSubject {
		t.Errorf("subject %q", got.Subject)
	}
	if len(got.Body) > maxBody || len(got.Body) < maxBody-8 || !utf8.ValidString(got.Body) || !strings.HasSuffix(got.Body, "急…") {
		t.Errorf("a body of %d bytes that ends in %q", len(got.Body), got.Body[len(got.Body)-12:])
	}
}

func TestTheLargestNoticesFitOneAppend(t *testing.T) {
	t.Parallel()
	size := 0
	for range askAtOnce {
		n := note("mei", "smtp")
		n.ID = holdfast.NewID()
		n.Subject, n.Body = strings.Repeat("\"", maxSubject), strings.Repeat("<", maxBody)
		drafts, err := ask(NewBook(), []Notice{n})
		if err != nil {
			t.Fatal(err)
		}
		size += len(drafts[0].Body)
	}
	if size > journal.MaxAppend {
		t.Errorf("%d notices take %d bytes, the limit is %d", askAtOnce, size, journal.MaxAppend)
	}
}

func TestPatience(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		urgent   bool
		attempts int
		since    time.Duration // since it was asked for
		wish     time.Duration
		wait     time.Duration
		again    bool
	}{
		{"first", false, 1, time.Second, 0, 5 * time.Second, true},
		{"second", false, 2, time.Minute, 0, 10 * time.Second, true},
		{"fourth", false, 4, time.Minute, 0, 40 * time.Second, true},
		{"capped", false, 50, time.Hour, 0, 15 * time.Minute, true},
		{"just in time", false, 50, 105 * time.Minute, 0, 15 * time.Minute, true},
		{"too late", false, 50, 105*time.Minute + 1, 0, 15 * time.Minute, false},
		{"asked to wait", false, 1, 0, time.Minute, time.Minute, true},
		{"asked to wait less", false, 4, 0, time.Second, 40 * time.Second, true},
		{"asked to wait a year", false, 1, 0, 365 * 24 * time.Hour, 15 * time.Minute, true},
		{"urgent, first", true, 1, time.Second, 0, 2 * time.Second, true},
		{"urgent, third", true, 3, time.Second, 0, 8 * time.Second, true},
		{"urgent, capped", true, 1_000_000, time.Hour, 0, 2 * time.Minute, true},
		{"urgent, asked to wait", true, 1, time.Second, time.Hour, 2 * time.Minute, true},
		{"urgent, after half a day", true, 300, 12 * time.Hour, 0, 2 * time.Minute, false},
		{"urgent, where another is given up", true, 50, 3 * time.Hour, 0, 2 * time.Minute, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			now := t0.Add(tt.since)
			at, again := patienceOf(tt.urgent).next(tt.attempts, t0, now, tt.wish)
			if at.Sub(now) != tt.wait || again != tt.again {
				t.Errorf("after %s (%t), want %s (%t)", at.Sub(now), again, tt.wait, tt.again)
			}
		})
	}
}

const claim = 30 * time.Second

// Each row is a history of one notice: what happened, at how many seconds after
// it was asked for, and the facts that came of it.
func TestAttempts(t *testing.T) {
	t.Parallel()
	begins := func(l *ledger, d *Delivery, at time.Time) { l.write(at, begin(d, at, claim)) }
	ends := func(n int, o Outcome) func(*ledger, *Delivery, time.Time) {
		return func(l *ledger, d *Delivery, at time.Time) { l.write(at, finish(d, n, o, at)) }
	}
	acks := func(l *ledger, _ *Delivery, at time.Time) { l.acknowledge(at, "mei") }
	type step struct {
		at int
		do func(*ledger, *Delivery, time.Time)
	}
	sent, retry, refused, unsure := Outcome{Result: Sent}, Outcome{Result: Retry}, Outcome{Result: Refused}, Outcome{Result: Unsure}
	tests := []struct {
		name     string
		steps    []step
		facts    string
		state    State
		attempts int
	}{
		{"delivered", []step{{0, begins}, {1, ends(1, sent)}}, "asked sending delivered", Delivered, 1},
		{"nothing follows a delivery", []step{{0, begins}, {1, ends(1, sent)}, {99, begins}}, "asked sending delivered", Delivered, 1},
		{"two couriers, one claim", []step{{0, begins}, {0, begins}, {29, begins}}, "asked sending", Sending, 1},
		{"too early to retry", []step{{0, begins}, {1, ends(1, retry)}, {5, begins}}, "asked sending failed", Failed, 1},
		{"retried", []step{{0, begins}, {1, ends(1, retry)}, {6, begins}, {7, ends(2, sent)}}, "asked sending failed sending delivered", Delivered, 2},
		{"refused for good", []step{{0, begins}, {1, ends(1, refused)}, {99, begins}}, "asked sending gave-up", GaveUp, 1},
		{"unknown, resent", []step{{0, begins}, {1, ends(1, unsure)}, {6, begins}}, "asked sending doubtful sending", Sending, 2},
		{"crashed, resent", []step{{0, begins}, {30, begins}}, "asked sending doubtful sending", Sending, 2},
		{"crashed, resent too late", []step{{0, begins}, {7201, begins}}, "asked sending gave-up", GaveUp, 1},
		{"late but never tried", []step{{100_000, begins}}, "asked sending", Sending, 1},
		{"late and failed: its time runs from the first attempt", []step{{100_000, begins}, {100_001, ends(1, retry)}}, "asked sending failed", Failed, 1},
		{"late, and failed for too long", []step{{100_000, begins}, {107_201, ends(1, retry)}}, "asked sending gave-up", GaveUp, 1},
		{"late result of a lost claim: failed", []step{{0, begins}, {30, begins}, {31, ends(1, refused)}}, "asked sending doubtful sending", Sending, 2},
		{"late result of a lost claim: delivered", []step{{0, begins}, {30, begins}, {31, ends(1, sent)}}, "asked sending doubtful sending delivered", Delivered, 2},
		{"both delivered", []step{{0, begins}, {30, begins}, {31, ends(1, sent)}, {32, ends(2, sent)}}, "asked sending doubtful sending delivered", Delivered, 2},
		{"the second failed, the first delivered", []step{{0, begins}, {30, begins}, {31, ends(1, sent)}, {32, ends(2, retry)}},
			"asked sending doubtful sending delivered", Delivered, 2},
		{"acknowledged before it is sent", []step{{0, acks}, {1, begins}}, "asked acknowledged", Acknowledged, 0},
		{"acknowledged between attempts", []step{{0, begins}, {1, ends(1, retry)}, {2, acks}, {9, begins}}, "asked sending failed acknowledged", Acknowledged, 1},
		{"acknowledged while sending", []step{{0, begins}, {1, acks}, {2, ends(1, retry)}, {60, begins}}, "asked sending acknowledged", Acknowledged, 1},
		{"delivered after it was acknowledged", []step{{0, begins}, {1, acks}, {2, ends(1, sent)}}, "asked sending acknowledged delivered", Acknowledged, 1},
		{"acknowledged after it was given up", []step{{0, begins}, {1, ends(1, refused)}, {2, acks}}, "asked sending gave-up acknowledged", GaveUp, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, n := newLedger(t), note("mei", "smtp")
			l.ask(t0, n)
			d := l.book.Notice(n.ID)
			for _, s := range tt.steps {
				s.do(l, d, t0.Add(time.Duration(s.at)*time.Second))
			}
			if got := strings.Join(l.kinds, " "); got != tt.facts {
				t.Errorf("facts %q, want %q", got, tt.facts)
			}
			if d.State != tt.state || d.Attempts != tt.attempts {
				t.Errorf("%s after %d attempts, want %s after %d", d.State, d.Attempts, tt.state, tt.attempts)
			}
			if _, open := l.book.open[d.ID]; open == tt.state.final() {
				t.Errorf("%s, and open is %t", d.State, open)
			}
		})
	}
}

func TestGiveUpWithoutSender(t *testing.T) {
	t.Parallel()
	l, n := newLedger(t), note("mei", "smtp")
	if giveUp(nil, t0, "") != nil || begin(nil, t0, claim) != nil {
		t.Error("facts about no notice")
	}
	l.ask(t0, n)
	d := l.book.Notice(n.ID)
	if giveUp(d, t0.Add(-time.Second), noSender) != nil {
		t.Error("given up before it was due")
	}
	l.write(t0, giveUp(d, t0, noSender))
	if d.State != GaveUp || d.Attempts != 0 || d.Detail != noSender || giveUp(d, t0, noSender) != nil {
		t.Errorf("%+v", d)
	}
}

func TestDetailIsOneBoundedLine(t *testing.T) {
	t.Parallel()
	l, n := newLedger(t), note("mei", "smtp")
	l.ask(t0, n)
	d := l.book.Notice(n.ID)
	l.write(t0, begin(d, t0, claim))
	l.write(t0, finish(d, 1, Outcome{Result: Retry, Detail: "451 \x1b[31m try\r\nlater \xff" + strings.Repeat("x", 1<<20)}, t0))
	if !strings.HasPrefix(d.Detail, "451 [31m try later \uFFFDx") || utf8.RuneCountInString(d.Detail) != maxDetail {
		t.Errorf("detail of %d characters: %.60q", utf8.RuneCountInString(d.Detail), d.Detail)
	}
}

func TestAcknowledge(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.ask(t0, note("mei", "smtp"), note("mei", "webhook"), note("lin", "smtp"))
	if n := l.acknowledge(t0.Add(time.Minute), "mei"); n != 1 {
		t.Errorf("%d facts", n)
	}
	if n := l.acknowledge(t0.Add(time.Hour), "mei"); n != 0 {
		t.Errorf("acknowledging again writes %d facts", n)
	}
	people := l.book.ByTask("2026-1", "tell")
	if len(people) != 2 || people[0].ID != "mei" || people[0].Name != "梅" || !people[0].Reached() || people[1].Acknowledged() || people[1].Reached() {
		t.Fatalf("%+v", people)
	}
	for _, d := range people[0].Deliveries {
		if d.State != Acknowledged {
			t.Errorf("the notice over %s is %s", d.Channel, d.State)
		}
	}
	if a := people[0].Ack; !a.At.Equal(t0.Add(time.Minute)) || a.How != "console" {
		t.Errorf("%+v", a)
	}
	// A further address of a person who has acknowledged is not used.
	n := note("mei", "smtp")
	n.Address, n.ID = "mei@example.org", "other"
	l.ask(t0.Add(2*time.Minute), n)
	if d := l.book.Notice("other"); d.State != Acknowledged || begin(d, t0.Add(time.Hour), claim) != nil {
		t.Errorf("%+v", d)
	}
	for name, c := range map[string]struct {
		person, note string
		code         holdfast.Code
	}{
		"somebody else": {"wang", "", holdfast.NotFound},
		"two lines":     {"lin", "by\nphone", holdfast.Invalid},
		"no end":        {"lin", strings.Repeat("很", maxNote+1), holdfast.Invalid},
		"long":          {"lin", strings.Repeat("很", maxNote), ""},
	} {
		if _, err := acknowledge(l.book, "2026-1", "tell", 0, c.person, "phone", c.note); holdfast.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPeopleAreCountedOnce(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	convene := note("mei", "smtp")
	convene.ID, convene.Task = "convene", "convene"
	other := note("wang", "smtp")
	other.ID, other.Incident = "other", "2026-2"
	l.ask(t0, note("mei", "smtp"), note("mei", "webhook"), note("lin", "smtp"), convene, other)
	check := func(reached, acknowledged int) {
		t.Helper()
		if r, a := l.book.People("2026-1"); r != reached || a != acknowledged {
			t.Errorf("%d reached, %d acknowledged; want %d and %d", r, a, reached, acknowledged)
		}
	}
	check(0, 0)
	for _, id := range []string{note("mei", "smtp").ID, note("mei", "webhook").ID, "convene", "other"} {
		d := l.book.Notice(id)
		l.write(t0, begin(d, t0, claim))
		l.write(t0, finish(d, 1, Outcome{Result: Sent}, t0))
	}
	check(1, 0)
	l.acknowledge(t0, "lin")
	check(2, 1)
}

func TestBookRefusesHoles(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]holdfast.Fact{
		"never asked for":  {Subject: "notice/x", Kind: kindDelivered, Body: []byte(`{}`)},
		"unreadable":       {Subject: "notice/x", Kind: kindAsked, Body: []byte(`[]`)},
		"acknowledged, no": {Subject: "notice/x", Kind: kindAcknowledged, Body: []byte(`{}`)},
	} {
		if NewBook().Apply(f) == nil {
			t.Errorf("%s was folded", name)
		}
	}
	if err := NewBook().Apply(holdfast.Fact{Subject: "incident/1", Kind: kindAsked, Body: []byte(`[]`)}); err != nil {
		t.Errorf("a fact of another noun: %v", err)
	}
}

// The first fact names the incident: timelines find notices by it.
func TestAskedNamesTheIncident(t *testing.T) {
	t.Parallel()
	drafts, err := ask(NewBook(), []Notice{note("mei", "smtp")})
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(drafts[0].Body, &body); err != nil {
		t.Fatal(err)
	}
	if body["incident"] != "2026-1" || body["person"] != "mei" || body["person_name"] != "梅" || body["channel"] != "smtp" || body["id"] != nil {
		t.Errorf("%v", body)
	}
}

// Whatever happens in whatever order, a claim is held by one attempt at a time,
// nothing is sent after the end, and a notice that is not over is due some time.
func TestAttemptsHoldUnderAnyHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l, n := newLedger(t), note("mei", "smtp")
		n.Urgent = rapid.Bool().Draw(t, "urgent")
		l.ask(t0, n)
		d, now := l.book.Notice(n.ID), t0
		var claimed time.Time
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "wait")) * time.Second / 10)
			was, attempts := d.State, d.Attempts
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				l.acknowledge(now, "mei")
			case 1, 2, 3, 4:
				o := Outcome{Result: Result(rapid.IntRange(1, 4).Draw(t, "result"))}
				if d.Attempts > 0 {
					l.write(now, finish(d, rapid.IntRange(1, d.Attempts).Draw(t, "of"), o, now))
				}
			default:
				l.write(now, begin(d, now, claim))
			}
			if d.Attempts > attempts {
				if was == Sending && now.Before(claimed) {
					t.Fatalf("claimed twice at once")
				}
				claimed = now.Add(claim)
			}
			// An attempt that was thought lost may turn out to have been delivered.
			if was.final() && d.State != was && (was != GaveUp || d.State != Delivered) {
				t.Fatalf("%s after %s", d.State, was)
			}
			if was.final() && d.Attempts > attempts {
				t.Fatalf("an attempt after %s", was)
			}
			if _, open := l.book.open[n.ID]; open == d.State.final() {
				t.Fatalf("%s, and open is %t", d.State, open)
			}
			if !d.State.final() && d.Due.Sub(now) > 15*time.Minute {
				t.Fatalf("%s, and due only at %s", d.State, d.Due)
			}
		}
	})
}

func FuzzBook(f *testing.F) {
	for _, kind := range []string{kindAsked, kindSending, kindDelivered, kindFailed, kindDoubtful, kindGaveUp, kindAcknowledged} {
		f.Add(kind, []byte(`{"attempt":1,"until":"2026-11-24T03:00:00Z","incident":"2026-1","task":"tell","person":"mei"}`))
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		l := newLedger(t)
		l.ask(t0, note("mei", "smtp"))
		id := note("mei", "smtp").ID
		if err := l.book.Apply(holdfast.Fact{Subject: subject(id), Revision: 2, Kind: kind, Time: t0, Body: body}); err != nil {
			return
		}
		d := l.book.Notice(id)
		if d == nil || d.State == "" || d.Revision != 2 && d.Revision != 1 {
			t.Errorf("%s %s leads to %+v", kind, body, d)
		}
	})
}
