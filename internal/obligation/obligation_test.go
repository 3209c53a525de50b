package obligation

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

const initial = "eu-dora.major.initial"

// graded opens an incident that DORA's rules apply to, aware at 10:00, and leaves
// the clock at 11:00.
func graded(t rapid.TB, w *world) string {
	t.Helper()
	id := w.outage(t, holdfast.Level1, instant("2026-11-02 09:58 +08:00"), instant("2026-11-02 10:00 +08:00"), time.Time{})
	w.at(instant("2026-11-02 11:00 +08:00"))
	if err := w.Assess(context.Background(), mei, id, Assessment{Classes: map[string]string{"eu-dora": "major"}, Note: "two criteria"}); err != nil {
		t.Fatal(err)
	}
	return id
}

// A report from its first text to its receipt, and what is refused on the way.
func TestReport(t *testing.T) {
	t.Parallel()
	w, stop := newWorld(t, "eu-dora")
	defer stop()
	ctx, id := t.Context(), graded(t, w)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	state := func(want State) {
		t.Helper()
		if d := w.duty(t, id, initial); d.State != want {
			t.Fatalf("the report is %s, not %s", d.State, want)
		}
	}
	state(Open)
	wantCode(t, w.Submit(ctx, mei, id, initial, w.clock(), "portal"), holdfast.Conflict) // nothing is written yet
	must(w.Save(ctx, mei, id, initial, "", "card 4111 1111 1111 1111 was seen"))
	must(w.Save(ctx, mei, id, initial, "", "card 4111 1111 1111 1111 was seen"))
	state(Drafted)
	if d := w.duty(t, id, initial); len(d.Drafts) != 1 || d.Drafts[0].Lang != holdfast.En || strings.Contains(d.Drafts[0].Text, "4111 1111 1111 1111") {
		t.Errorf("the texts are %+v", d.Drafts)
	}
	wantCode(t, w.Approve(ctx, mei, id, initial, 1), holdfast.Forbidden) // his own
	wantCode(t, w.Approve(ctx, bo, id, initial, 2), holdfast.Conflict)   // another text
	must(w.Refuse(ctx, bo, id, initial, 1, "no card numbers"))
	wantCode(t, w.Approve(ctx, bo, id, initial, 1), holdfast.Conflict)
	must(w.Save(ctx, mei, id, initial, "", "the service stood still"))
	must(w.Approve(ctx, bo, id, initial, 2))
	must(w.Approve(ctx, bo, id, initial, 2))
	state(Approved)
	must(w.Save(ctx, mei, id, initial, "", "the service stood still for an hour")) // the approval does not cover it
	wantCode(t, w.Submit(ctx, mei, id, initial, w.clock(), "portal"), holdfast.Conflict)
	must(w.Approve(ctx, bo, id, initial, 3))
	wantCode(t, w.Receive(ctx, mei, id, initial, "R-1", w.clock()), holdfast.Conflict) // not out
	wantCode(t, w.Submit(ctx, mei, id, initial, w.clock().Add(time.Second), "portal"), holdfast.Invalid)
	must(w.Submit(ctx, mei, id, initial, w.clock(), "portal"))
	must(w.Submit(ctx, mei, id, initial, w.clock(), "portal"))
	wantCode(t, w.Refuse(ctx, bo, id, initial, 3, "too late"), holdfast.Conflict)
	state(Submitted)
	must(w.Receive(ctx, mei, id, initial, "R-1", w.clock()))
	file, err := w.Scan(ctx, mei, id, initial, "receipt.txt", []byte("received"))
	must(err)
	if got, err := w.File(id, initial, file.Hash); err != nil || got != file {
		t.Errorf("the file is %+v, %v", got, err)
	}
	_, err = w.File(id, "eu-dora.major.final", file.Hash)
	wantCode(t, err, holdfast.NotFound)
	state(Received)
	d := w.duty(t, id, initial)
	if len(d.Submissions) != 1 || d.Submissions[0].Draft != 3 || d.Submissions[0].Late() || len(d.Receipts) != 1 {
		t.Errorf("what went out is %+v, what came back %+v", d.Submissions, d.Receipts)
	}
	// The next report counts from when this one went out.
	if next := w.duty(t, id, "eu-dora.major.intermediate"); next.Provisional || !next.Due.Equal(instant("2026-11-05 11:00 +08:00")) {
		t.Errorf("the next report is due %s", next.Due)
	}
}

// Who is late says why, before or after, before the report goes out.
func TestLate(t *testing.T) {
	t.Parallel()
	w, stop := newWorld(t, "eu-dora")
	defer stop()
	ctx, id := t.Context(), graded(t, w)
	for _, err := range []error{w.Save(ctx, mei, id, initial, "", "a text"), w.Approve(ctx, bo, id, initial, 1)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.at(instant("2026-11-02 14:30 +08:00")) // due at 15:00
	if err := w.Explain(ctx, mei, id, initial, "the portal is down"); err != nil {
		t.Fatal(err)
	}
	w.at(instant("2026-11-02 15:30 +08:00"))
	if err := w.Explain(ctx, mei, id, initial, "it still is"); err != nil {
		t.Fatal(err)
	}
	d := w.duty(t, id, initial)
	if !d.Late(w.clock()) || len(d.Explained) != 2 || d.Explained[0].After || !d.Explained[1].After {
		t.Errorf("late %t, explained %+v", d.Late(w.clock()), d.Explained)
	}
	if err := w.Submit(ctx, mei, id, initial, w.clock(), "portal"); err != nil {
		t.Fatal(err)
	}
	if d = w.duty(t, id, initial); !d.Submissions[0].Late() {
		t.Error("it does not count as late")
	}

	other := graded(t, w)
	for _, err := range []error{w.Save(ctx, mei, other, initial, "", "a text"), w.Approve(ctx, bo, other, initial, 1)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.at(instant("2026-11-03 11:00 +08:00"))
	wantCode(t, w.Submit(ctx, mei, other, initial, w.clock(), "portal"), holdfast.Conflict) // unexplained
}

// What arises by itself is stated once: rules that begin and cease, limits that come
// near and pass, also after the loop stood still for days.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, stop := newWorld(t, "sg-mas")
		w.Desk.Now = time.Now
		time.Sleep(time.Until(w.clock().AddDate(0, 0, 1))) // the plan is in force by then
		opened := time.Now()
		w.at(opened)
		id := w.outage(t, holdfast.Level1, opened, opened, time.Time{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		run := func() { go func() { done <- w.Run(ctx) }() }
		run()
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			if got := w.kinds(t, id); !slices.Equal(got, want) {
				t.Fatalf("after %s: %q", time.Since(opened), got)
			}
		}
		const rule, notify, cause = "sg-mas.incident", "sg-mas.incident.notify", "sg-mas.incident.cause"
		time.Sleep(2 * time.Second)
		expect("began " + rule)
		time.Sleep(44 * time.Minute)
		expect("began " + rule)
		time.Sleep(time.Minute)
		expect("began "+rule, "at-risk "+notify)
		time.Sleep(15 * time.Minute)
		expect("began "+rule, "at-risk "+notify, "breached "+notify)

		cancel()
		<-done
		time.Sleep(15 * 24 * time.Hour) // the node stands still
		ctx, cancel = context.WithCancel(t.Context())
		run()
		time.Sleep(2 * time.Second)
		expect("began "+rule, "at-risk "+notify, "breached "+notify, "breached "+cause)

		// The limit moves with its moment, and passes once more.
		if err := w.SetMoment(ctx, mei, id, "detected", time.Now().Add(-time.Minute), "the clock was wrong"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		got := w.kinds(t, id)
		if n := strings.Count(strings.Join(got, "\n"), "breached "+notify); n != 2 {
			t.Errorf("the report was late %d times: %q", n, got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		stop()
	})
}

// A person's judgement makes rules begin and cease, with the reason; what went out
// stays.
func TestReclassified(t *testing.T) {
	t.Parallel()
	w, stop := newWorld(t, "eu-dora")
	defer stop()
	ctx, id := t.Context(), graded(t, w)
	arise := func() {
		w.write(t, holdfast.Self("obligation"), func() ([]journal.Draft, error) {
			return w.Nouns.Sheet(w.Nouns.Incidents.Incident(id), w.clock()).arise(w.clock()), nil
		})
	}
	arise()
	for _, err := range []error{w.Save(ctx, mei, id, initial, "", "a text"), w.Approve(ctx, bo, id, initial, 1), w.Submit(ctx, mei, id, initial, w.clock(), "mail")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Assess(ctx, mei, id, Assessment{Classes: map[string]string{"eu-dora": None}, Note: "only one criterion after all"}); err != nil {
		t.Fatal(err)
	}
	arise()
	s := w.sheet(id)
	if turns := s.Record.Turns; len(turns) != 2 || !turns[0].Began || turns[1].Began || !strings.Contains(turns[1].Why, "none") {
		t.Errorf("the rule turned: %+v", turns)
	}
	if d := w.duty(t, id, initial); d.State != Submitted || d.Applies != expression.No {
		t.Errorf("what went out is %s, applies %s", d.State, d.Applies)
	}
	if d := w.duty(t, id, "eu-dora.major.final"); d.Open() {
		t.Error("what does not apply any more is still owed")
	}
	arise()
	if got := len(w.sheet(id).Record.Turns); got != 2 {
		t.Errorf("looking again made %d turns", got)
	}
}

// What nobody knows is unknown, unless the answer does not depend on it.
func TestUnknown(t *testing.T) {
	t.Parallel()
	major := Packs()["eu-dora"]
	for name, test := range map[string]struct {
		f    Figures
		want expression.Truth
	}{
		"nothing is known":              {Figures{}, expression.Unknown},
		"not critical":                  {Figures{Yes: map[string]bool{"critical": false}}, expression.No},
		"two criteria":                  {Figures{Yes: map[string]bool{"critical": true, "leak": true}, Numbers: map[string]int64{"downtime": 121}}, expression.Yes},
		"one, and others open":          {Figures{Yes: map[string]bool{"critical": true, "leak": true}}, expression.Unknown},
		"an attack with a leak":         {Figures{Yes: map[string]bool{"critical": true, "leak": true, "attack": true}}, expression.Yes},
		"one, and no others":            {Figures{Yes: map[string]bool{"critical": true, "leak": false, "attack": false, "reputation": true}, Numbers: map[string]int64{"downtime": 10, "duration": 10, "regions": 1, "clients": 5, "clients_share": 1, "payments_share": 1, "loss": 100}, Currency: "EUR"}, expression.No},
		"a loss in another currency":    {Figures{Yes: map[string]bool{"critical": true, "leak": false, "attack": false, "reputation": true}, Numbers: map[string]int64{"downtime": 10, "duration": 10, "regions": 1, "clients": 5, "clients_share": 1, "payments_share": 1, "loss": 100}, Currency: "CNY"}, expression.Unknown},
		"a person's word over criteria": {Figures{Yes: map[string]bool{"critical": false}, Classes: map[string]string{"eu-dora": "major"}}, expression.Yes},
	} {
		if got := major.judge(major.Rules[0], test.f); got.Holds != test.want {
			t.Errorf("%s: %s (%s)", name, got.Holds, got.Why)
		}
	}
	hk := Packs()["hk-hkma"]
	for level, want := range map[holdfast.Level]expression.Truth{0: expression.Unknown, 1: expression.Yes, 2: expression.Yes, 3: expression.No} {
		if got := hk.judge(hk.Rules[0], Figures{Level: level}); got.Holds != want {
			t.Errorf("level %s: %s", level, got.Holds)
		}
	}
}

func TestRefusedInput(t *testing.T) {
	t.Parallel()
	w, stop := newWorld(t, "eu-dora")
	defer stop()
	ctx, id := t.Context(), graded(t, w)
	late := w.clock().Add(time.Second)
	for name, test := range map[string]struct {
		err  error
		want holdfast.Code
	}{
		"no incident":             {w.SetMoment(ctx, mei, "2026-9", "aware", w.clock(), "a reason"), holdfast.NotFound},
		"no moment":               {w.SetMoment(ctx, mei, id, "heard", w.clock(), "a reason"), holdfast.Invalid},
		"to come":                 {w.SetMoment(ctx, mei, id, "aware", late, "a reason"), holdfast.Invalid},
		"long ago":                {w.SetMoment(ctx, mei, id, "aware", w.clock().AddDate(-2, 0, 0), "a reason"), holdfast.Invalid},
		"no reason":               {w.SetMoment(ctx, mei, id, "aware", w.clock(), " "), holdfast.Invalid},
		"no such question":        {w.Assess(ctx, mei, id, Assessment{Yes: map[string]bool{"rain": true}, Note: "n"}), holdfast.Invalid},
		"negative":                {w.Assess(ctx, mei, id, Assessment{Numbers: map[string]int64{"clients": -1}, Note: "n"}), holdfast.Invalid},
		"loss without currency":   {w.Assess(ctx, mei, id, Assessment{Numbers: map[string]int64{"loss": 1}, Note: "n"}), holdfast.Invalid},
		"no such class":           {w.Assess(ctx, mei, id, Assessment{Classes: map[string]string{"eu-dora": "huge"}, Note: "n"}), holdfast.Invalid},
		"no note":                 {w.Assess(ctx, mei, id, Assessment{}), holdfast.Invalid},
		"two lines of cause":      {w.Assess(ctx, mei, id, Assessment{Cause: "a\nb", Note: "n"}), holdfast.Invalid},
		"no such report":          {w.Save(ctx, mei, id, "eu-dora.major.none", "", "a text"), holdfast.NotFound},
		"empty":                   {w.Save(ctx, mei, id, initial, "", " \n"), holdfast.Invalid},
		"long":                    {w.Save(ctx, mei, id, initial, "", strings.Repeat("長", maxText+1)), holdfast.TooLarge},
		"no such language":        {w.Save(ctx, mei, id, initial, "fr", "un texte"), holdfast.Invalid},
		"explained without limit": {w.Explain(ctx, mei, id, "eu-dora.major.recovery", "a reason"), holdfast.Conflict},
		"no such clock":           {w.Verify(ctx, mei, "eu-dora.major.none", Verification{"Mei", "2026-11-01", "OJ", nil}), holdfast.NotFound},
		"verified to come":        {w.Verify(ctx, mei, initial, Verification{"Mei", "2027-11-01", "OJ", nil}), holdfast.Invalid},
		"verified by nobody":      {w.Verify(ctx, mei, initial, Verification{"", "2026-11-01", "OJ", nil}), holdfast.Invalid},
		"two limits":              {w.Verify(ctx, mei, initial, Verification{"Mei", "2026-11-01", "OJ", &Limit{Days: 1, Months: 1}}), holdfast.Invalid},
	} {
		if got := holdfast.CodeOf(test.err); got != test.want {
			t.Errorf("%s: %v has code %q", name, test.err, got)
		}
	}
}

// A verified clock says who did, and what the text in force says counts.
func TestVerify(t *testing.T) {
	t.Parallel()
	w, stop := newWorld(t, "eu-dora")
	defer stop()
	id := graded(t, w)
	if err := w.Verify(t.Context(), mei, initial, Verification{"Li Fang", "2026-11-01", "OJ L 2025/301", &Limit{Within: hours(2)}}); err != nil {
		t.Fatal(err)
	}
	d := w.duty(t, id, initial)
	if d.Verified == nil || d.Verified.Name != "Li Fang" || !d.Due.Equal(instant("2026-11-02 13:00 +08:00")) {
		t.Errorf("verified %+v, due %s", d.Verified, d.Due)
	}
	// Of another version nothing is verified.
	w.write(t, mei, func() ([]journal.Draft, error) {
		v := *w.Nouns.Book.Verified(initial)
		v.Version = "2020"
		return []journal.Draft{journal.NewDraft(clockSubject(initial), v.revision, kindVerified, v)}, nil
	})
	if d := w.duty(t, id, initial); d.Verified != nil || !d.Due.Equal(instant("2026-11-02 15:00 +08:00")) {
		t.Errorf("verified %+v, due %s", d.Verified, d.Due)
	}
}

// Minutes of twelve months and incidents of one cause in six.
func TestCounts(t *testing.T) {
	t.Parallel()
	w, stop := newWorld(t, "sg-mas, eu-dora")
	defer stop()
	for _, at := range []struct {
		from, to, cause string
		level           holdfast.Level
	}{
		{"2026-01-10 10:00 +08:00", "2026-01-10 20:00 +08:00", "db", 1}, // a year ago and more
		{"2026-03-10 10:00 +08:00", "2026-03-10 12:00 +08:00", "db", 1}, // 120
		{"2026-10-10 10:00 +08:00", "2026-10-10 13:00 +08:00", "db", 3}, // users are not affected
		{"2026-12-10 10:00 +08:00", "2026-12-10 12:01 +08:00", "db", 2}, // 121
	} {
		id := w.outage(t, at.level, instant(at.from), instant(at.from), instant(at.to))
		if err := w.Assess(t.Context(), mei, id, Assessment{Cause: at.cause, Note: "n"}); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]Count{}
	w.Desk.State.View(func() {
		for _, c := range w.Nouns.Counts(instant("2027-02-01 10:00 +08:00")) {
			got[c.Pack] = c
		}
	})
	if c := got["sg-mas"]; c.Value != 241 || !c.Over || len(c.Incidents) != 2 {
		t.Errorf("downtime: %+v", c)
	}
	if c := got["eu-dora"]; c.Value != 2 || !c.Over || c.Cause != "db" {
		t.Errorf("repeats: %+v", c)
	}
}

// However moments and judgements are moved, what went out and its receipts stay,
// and a submission keeps the limit that it was held against.
func TestNothingSentIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, stop := newWorld(t, "eu-dora, sg-mas")
		defer stop()
		ctx, id := context.Background(), graded(t, w)
		now := w.clock()
		sent := map[string]Work{}
		clocks := []string{initial, "eu-dora.major.intermediate", "sg-mas.incident.notify"}
		for range rapid.IntRange(1, 12).Draw(t, "acts") {
			now = now.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "minutes")) * time.Minute)
			w.at(now)
			clock := rapid.SampledFrom(clocks).Draw(t, "clock")
			switch rapid.IntRange(0, 3).Draw(t, "act") {
			case 0:
				at := now.Add(-time.Duration(rapid.IntRange(0, 5000).Draw(t, "before")) * time.Minute)
				_ = w.SetMoment(ctx, mei, id, rapid.SampledFrom(plan.Moments[:]).Draw(t, "moment"), at, "moved")
			case 1:
				class := rapid.SampledFrom([]string{"major", None}).Draw(t, "class")
				_ = w.Assess(ctx, mei, id, Assessment{Classes: map[string]string{"eu-dora": class}, Note: "judged"})
			default:
				_ = w.Save(ctx, mei, id, clock, "", "text "+now.String())
				_ = w.Approve(ctx, bo, id, clock, len(w.duty(t, id, clock).Drafts))
				_ = w.Explain(ctx, mei, id, clock, "late")
				_ = w.Submit(ctx, mei, id, clock, now, "mail")
				_ = w.Receive(ctx, mei, id, clock, "R "+now.String(), now)
				sent[clock] = w.duty(t, id, clock).Work
			}
			for _, clock := range slices.Sorted(maps.Keys(sent)) {
				d := w.duty(t, id, clock)
				if len(d.Submissions) < len(sent[clock].Submissions) || len(d.Receipts) < len(sent[clock].Receipts) {
					t.Fatalf("%s lost %+v", clock, sent[clock])
				}
				for i, s := range sent[clock].Submissions {
					if d.Submissions[i] != s {
						t.Fatalf("%s: %+v became %+v", clock, s, d.Submissions[i])
					}
				}
				if len(sent[clock].Submissions) > 0 && !d.State.Done() {
					t.Fatalf("%s went out and is %s", clock, d.State)
				}
			}
		}
	})
}

// A dismissed suspicion owes nothing, and a drill hands nothing in.
func TestDismissedAndDrill(t *testing.T) {
	t.Parallel()
	w, stop := newWorld(t, "sg-mas")
	defer stop()
	id := ""
	w.write(t, watch, func() (drafts []journal.Draft, err error) {
		id, drafts, err = incident.Suspect(w.Nouns.Incidents, incident.SuspectedFact{Title: "a drill", Drill: true}, w.clock())
		return drafts, err
	})
	if d := w.duty(t, id, "sg-mas.incident.notify"); d.Applies != expression.Unknown {
		t.Errorf("of a suspicion the rule applies: %s", d.Applies)
	}
	for _, err := range []error{w.Save(t.Context(), mei, id, "sg-mas.incident.notify", "", "a text"), w.Approve(t.Context(), bo, id, "sg-mas.incident.notify", 1)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, w.Submit(t.Context(), mei, id, "sg-mas.incident.notify", w.clock(), "mail"), holdfast.Conflict)
	w.write(t, mei, func() ([]journal.Draft, error) {
		return incident.Dismiss(w.Nouns.Incidents.Incident(id), "a test alert")
	})
	if d := w.duty(t, id, "sg-mas.incident.notify"); d.Open() {
		t.Error("a dismissed suspicion owes a report")
	}
}

// The first text says what is known in the recipient's language and by its clocks,
// and leaves the rest to the writer.
func TestFill(t *testing.T) {
	t.Parallel()
	w, stop := newWorld(t, "cn-pboc, eu-dora")
	defer stop()
	id := graded(t, w)
	var zh, en string
	w.Desk.State.View(func() {
		s := w.Nouns.Sheet(w.Nouns.Incidents.Incident(id), w.clock())
		brief, _ := s.Duty("cn-pboc.incident.occurrence")
		first, _ := s.Duty(initial)
		zh, en = w.Nouns.Fill(s, brief, holdfast.ZhHans, "测试支付", w.clock()), w.Nouns.Fill(s, first, holdfast.En, "", w.clock())
	})
	for _, want := range []string{"事件发生报告", "测试支付", "2026-11-02 09:58:00 +08:00 (Asia/Shanghai)", "1,200", "（待补）", "是，预案"} {
		if !strings.Contains(zh, want) {
			t.Errorf("the text lacks %q:\n%s", want, zh)
		}
	}
	for _, want := range []string{"Initial notification", "2026-11-02 02:58:00 +01:00 (Europe/Brussels)", "Major incident", "monitoring", "(to be completed)"} {
		if !strings.Contains(en, want) {
			t.Errorf("the text lacks %q:\n%s", want, en)
		}
	}
}

func FuzzDecodePack(f *testing.F) {
	files, err := packFiles.ReadDir("packs")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		src, err := packFiles.ReadFile("packs/" + file.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte("format: holdfast-obligations/1\nrules: [{stages: [{from: 'stage:x'}]}]"))
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := DecodePack("fuzz", src)
		if err != nil {
			return
		}
		// What is taken can be worked with: judged, and each limit counted.
		for _, r := range p.Rules {
			p.judge(r, Figures{Level: holdfast.Level1})
			for _, s := range r.Stages {
				start := instant("2026-10-24 02:30 +02:00")
				end, _ := s.Limit.End(start, p.Location(), func(time.Time) (bool, bool) { return true, true })
				if end.Before(start) {
					t.Fatalf("%+v ends %s", s.Limit, end)
				}
			}
		}
		p.Class(Figures{})
	})
}
