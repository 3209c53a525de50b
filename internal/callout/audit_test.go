package callout

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// tamper is a way to the journal by which an engine with a fault writes.
type tamper struct {
	journal.Journal
	// change returns the draft as it is written, and whether it is.
	change func(d journal.Draft) (journal.Draft, bool)
}

func (c *tamper) Append(ctx context.Context, a journal.Append) (journal.Receipt, error) {
	var kept []journal.Draft
	for _, d := range a.Facts {
		if d, ok := c.change(d); ok {
			kept = append(kept, d)
		}
	}
	if len(kept) == 0 {
		return journal.Receipt{First: 1, Last: 1}, nil
	}
	a.Facts = kept
	return c.Journal.Append(ctx, a)
}

// dropping loses what holds a text.
func dropping(kind, text string) func(journal.Draft) (journal.Draft, bool) {
	return func(d journal.Draft) (journal.Draft, bool) {
		return d, d.Kind != kind || !strings.Contains(string(d.Body), text)
	}
}

// setting changes a number or an instant of a fact.
func setting(kind, field string, change func(old any) any) func(journal.Draft) (journal.Draft, bool) {
	return func(d journal.Draft) (journal.Draft, bool) {
		var body map[string]any
		if d.Kind != kind || json.Unmarshal(d.Body, &body) != nil {
			return d, true
		}
		body[field] = change(body[field])
		return journal.NewDraft(d.Subject, d.Expect, d.Kind, body), true
	}
}

// Whatever fault the engine has, the auditor finds it: it shares nothing with it.
func TestAuditorFindsFaults(t *testing.T) {
	t.Parallel()
	hourLater := func(old any) any {
		at, err := time.Parse(time.RFC3339Nano, old.(string))
		if err != nil {
			t.Error(err)
		}
		return at.Add(time.Hour)
	}
	for name, tt := range map[string]struct {
		change func(journal.Draft) (journal.Draft, bool)
		want   FindingKind
		what   DueKind
	}{
		"no fault":                      {func(d journal.Draft) (journal.Draft, bool) { return d, true }, "", ""},
		"the first page is not written": {dropping("notice.asked", `"again":`), PageDue, ""},
		"one person is left out":        {dropping("notice.asked", `"person":"p00"`), PageDue, ""},
		"the next step never comes":     {dropping("incident.escalated", ""), EscalationDue, ToEscalate},
		"nobody is told again":          {dropping("incident.re-paged", ""), EscalationDue, ToRePage},
		"nobody is called":              {dropping("incident.call-by-hand", ""), EscalationDue, ToCall},
		"an acknowledgement stays":      {dropping("notice.acknowledgement-lapsed", ""), EscalationDue, ToLapse},
		"it does not say how late":      {setting("incident.escalated", "late", func(any) any { return 0 }), Unmarked, ""},
		"it says another due time":      {setting("incident.escalated", "due", hourLater), Unmarked, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &schedule{T: t, rng: rand.New(rand.NewPCG(1, 1)), store: journal.NewMemory("test"), sent: map[string]int{}}
				s.well.Store(true)
				s.start()
				s.open(func(n *notice) {
					n.Acknowledge, n.Within, n.Again, n.Lapse = 2, minutes(4), minutes(1), minutes(3)
					n.Escalate = []step{{To: []string{"commander"}, Everyone: true, Within: minutes(4)}}
				})
				s.node.State.View(func() { s.node.desk.Journal = &tamper{s.store, tt.change} })
				found := map[FindingKind]map[string]bool{}
				for tick := range 40 {
					if tick == 7 {
						time.Sleep(2 * time.Minute) // a stall, so that there is something to say
					}
					if tick == 14 {
						for _, id := range []string{"p00", "p01"} {
							_ = s.node.Notices.Acknowledge(s.Context(), mei, s.id, s.task.ID, id, "phone", "")
						}
					}
					s.node.Step(s.Context())
					synctest.Wait()
					for _, f := range s.audit(Tolerance) {
						if f.Missing() || f.Kind == Unmarked {
							if found[f.Kind] == nil {
								found[f.Kind] = map[string]bool{}
							}
							found[f.Kind][f.What] = true
						}
					}
					time.Sleep(30 * time.Second)
				}
				if tt.want == "" && len(found) > 0 || tt.want != "" && found[tt.want] == nil || tt.what != "" && !found[tt.want][string(tt.what)] {
					t.Errorf("found %v", found)
				}
				s.kill()
			})
		})
	}
}

// A notice that is not urgent rightly waits for the quiet hours: that is no finding.
func TestAuditorKnowsQuietHours(t *testing.T) {
	t.Parallel()
	l := NewLedger()
	begin := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	write := func(kind string, body map[string]any) {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Apply(holdfast.Fact{Kind: kind, Subject: "notice/1", Time: begin, Body: b}); err != nil {
			t.Fatal(err)
		}
	}
	write("notice.asked", map[string]any{"incident": "2026-1", "task": "tell", "person": "mei", "channel": "smtp"})
	if m := l.open["1"]; m == nil || m.begun || m.urgent {
		t.Fatalf("%+v", m)
	}
	write("notice.sending", map[string]any{"attempt": 1, "until": begin.Add(time.Minute)})
	if m := l.open["1"]; !m.begun || !m.due.Equal(begin.Add(time.Minute)) {
		t.Errorf("%+v", m)
	}
	write("notice.delivered", map[string]any{"attempt": 1})
	if len(l.open) > 0 {
		t.Error("what was delivered is open")
	}
}
