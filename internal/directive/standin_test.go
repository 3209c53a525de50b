package directive

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

func profile() standin.Profile {
	return standin.Profile{
		ID: "small", SnapshotAge: time.Hour,
		Unplanned: &standin.Terms{Eligible: `kind == "payment"`, Limits: []standin.Limit{
			{Over: standin.EachPayment, Currency: "CNY", Amount: 20000}, {Over: standin.Whole, Currency: "CNY", Amount: 1000000},
		}},
		Forwarding: standin.Forwarding{Timeout: time.Second, Pause: time.Second, LongestPause: time.Minute, Attempts: 5, Expiry: 24 * time.Hour, Retention: time.Hour},
	}
}

func standIn() Proposal {
	return Proposal{Kind: posture.StandIn, Scope: "all", Reason: "the primary is down", StandIn: &StandIn{
		Temporary: "small", Role: "commander", Profile: profile(), Longest: 4 * time.Hour,
	}}
}

func (w *world) scene(d *Directive, sources map[string]string) Scene {
	return (&Service{Book: w.book, Gates: w.gates}).Scene(d, sources, time.Now())
}

// obstacles shows what keeps a stand-in closed, as "unlisted(east)".
func (w *world) obstacles(id string, sources map[string]string) string {
	d := w.book.Directive(id)
	var texts []string
	for _, o := range Obstacles(d, w.scene(d, sources)) {
		texts = append(texts, fmt.Sprintf("%s(%s)", o.Why, strings.Join(o.Gates, ",")))
	}
	return strings.Join(texts, " ")
}

func (w *world) open(id string, sources map[string]string, at time.Time) string {
	w.t.Helper()
	d := w.book.Directive(id)
	return w.do(holdfast.Self("fleet"), Open(d, w.scene(d, sources), at), nil)
}

func TestStandInCheck(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]Proposal{
		"without a profile":               with(standIn(), func(p *Proposal) { p.StandIn = nil }),
		"a stop with one":                 with(stopAll, func(p *Proposal) { p.StandIn = standIn().StandIn }),
		"terms there are not":             with(standIn(), func(p *Proposal) { p.StandIn.Planned = true }),
		"no limits, whole or not":         with(standIn(), func(p *Proposal) { p.StandIn.Profile.Unplanned.Limits = p.StandIn.Profile.Unplanned.Limits[:1] }),
		"for too long":                    with(standIn(), func(p *Proposal) { p.StandIn.Longest = 8 * 24 * time.Hour }),
		"one by one, against its profile": with(standIn(), func(p *Proposal) { p.StandIn.OneByOne = true }),
		"for less than no time":           with(standIn(), func(p *Proposal) { p.StandIn.Longest = -1 }),
	} {
		if code := holdfast.CodeOf(p.Check()); code != holdfast.Invalid && code != holdfast.NotFound {
			t.Errorf("%s: %q", name, code)
		}
	}
	if err := standIn().Check(); err != nil {
		t.Error(err)
	}
}

// One by one stops nothing: it is opened once all gates name one source, whatever they have
// acknowledged or had in flight; what is unknown is excluded.
func TestOneByOneIsOpenedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "", "static")
	w.enrol("west", "b", "", "static")
	w.unknown("east", "u1")
	p := standIn()
	p.StandIn.Profile.OneByOne, p.StandIn.OneByOne = true, true
	id := w.propose(p, true)
	if told := w.book.Set().Directives; len(told) != 1 || told[0].Kind != posture.OneByOne || told[0].Open {
		t.Fatalf("in force: %+v", told)
	}
	if len(w.book.Restricting("")) != 0 || len(w.book.InForce("")) != 1 {
		t.Error("it restricts something")
	}
	for _, second := range []Proposal{p, standIn()} {
		if _, _, err := Propose(w.book, second, true, nil); holdfast.CodeOf(err) != holdfast.Conflict {
			t.Errorf("a second stand-in: %v", err)
		}
	}
	for _, c := range []struct {
		sources map[string]string
		want    string
	}{
		{nil, "no-source(east,west)"},
		{map[string]string{"a": "s1"}, "no-source(west)"},
		{map[string]string{"a": "s1", "b": "s2"}, "other-source(east,west)"},
	} {
		if got := w.obstacles(id, c.sources); got != c.want || w.open(id, c.sources, now) != "" {
			t.Errorf("%v: %q, want %q", c.sources, got, c.want)
		}
	}
	one := map[string]string{"a": "s1", "b": "s1"}
	if got := w.open(id, one, now); got != "directive.excluded directive.opened" {
		t.Fatalf("opening wrote %q", got)
	}
	if told := w.book.Set().Directives[0]; !told.Open || told.Source != "s1" || !slices.Equal(told.Excluded, []string{"u1"}) {
		t.Errorf("open: %+v", told)
	}
}

// What the gates are told at each step, and by which facts.
func TestStandInFromProposalToLift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "", "static")
	id := w.propose(standIn(), false)
	drafts, err := Approve(w.book, id, lin, nil)
	w.do(lin, drafts, err)
	told := w.book.Set().Directives
	if len(told) != 1 || told[0].Open || told[0].Kind != posture.StandIn || told[0].Lasts != 4*time.Hour || !strings.Contains(string(told[0].Profile), `"small"`) || told[0].Salt != "" {
		t.Fatalf("in force: %+v", told)
	}
	if _, _, err := Propose(w.book, standIn(), true, nil); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("a second stand-in: %v", err)
	}
	source := map[string]string{"a": "source-1"}
	if got := w.open(id, source, now); got != "" {
		t.Fatalf("opened before it was confirmed: %s", got)
	}
	w.ack("east", "a", 2)
	w.confirm(id, false)
	w.unknown("east", "u1")
	before := w.book.Set()
	if got := w.open(id, source, now); got != "directive.excluded directive.opened" {
		t.Fatalf("opening wrote %q", got)
	}
	d, told := w.book.Directive(id), w.book.Set().Directives
	if !d.Open() || d.Opening.Excluded != 3 || d.Opening.Source != "source-1" || !told[0].Open || told[0].Source != "source-1" || !told[0].Ends.Equal(now.Add(4*time.Hour)) || !slices.Equal(told[0].Excluded, []string{"a0", "a1", "u1"}) || told[0].Position != d.Position {
		t.Errorf("open: %+v, told %+v", d.Opening, told)
	}
	if before.Directives[0].Open || w.book.Head() == before.Head || w.book.Head().Position != w.head {
		t.Error("the posture before was changed, or there is no new one")
	}
	if got := w.open(id, source, now); got != "" || w.obstacles(id, nil) != "" {
		t.Errorf("opened twice: %s", got)
	}
	if drafts := End(d, now.Add(4*time.Hour-1)); drafts != nil {
		t.Error("it ends before its time")
	}
	if got := w.do(holdfast.Self("fleet"), End(d, now.Add(4*time.Hour)), nil); got != "directive.ended" {
		t.Errorf("its end wrote %q", got)
	}
	d, told = w.book.Directive(id), w.book.Set().Directives
	if d.Open() || d.State != InForce || len(told) != 1 || told[0].Open || told[0].Excluded != nil || End(d, now.Add(9*time.Hour)) != nil || w.open(id, source, now) != "" {
		t.Errorf("ended: %+v, told %+v", d, told)
	}
	w.lift(id)
	if len(w.book.Set().Directives) != 0 || w.open(id, source, now) != "" {
		t.Error("it is told after the lift")
	}
}

// unknown tells of a payment whose outcome is not known.
func (w *world) unknown(gate, identity string) {
	w.t.Helper()
	drafts, err := enrolment.Tell(w.gates.Gate(gate), "account", []enrolment.Entry{{Seq: w.gates.Gate(gate).Reported["account"] + 1, Record: payment.Record{Identity: identity}, Outcome: payment.Unknown, At: now}})
	w.do(holdfast.Self("test"), drafts, err)
}

// Each row tells a history around a stand-in, and what then keeps it closed.
func TestObstacles(t *testing.T) {
	t.Parallel()
	both := map[string]string{"a": "source-1", "b": "source-1"}
	for _, tt := range []struct {
		name    string
		history func(w *world) (id string)
		sources map[string]string
		want    string
	}{
		{"nothing", func(w *world) string {
			w.enrol("east", "a", "", "static")
			id := w.propose(standIn(), true)
			w.ack("east", "a", 0)
			w.confirm(id, false)
			return id
		}, both, ""},
		{"no gate at all", func(w *world) string { return w.propose(standIn(), true) }, both, "unconfirmed()"},
		{"acknowledged, and nobody has confirmed it", func(w *world) string {
			w.enrol("east", "a", "", "static")
			id := w.propose(standIn(), true)
			w.ack("east", "a", 0)
			return id
		}, both, "unconfirmed()"},
		{"a gate is missing", func(w *world) string {
			w.enrol("east", "a", "", "static")
			w.enrol("west", "b", "", "static")
			id := w.propose(standIn(), true)
			w.ack("east", "a", 0)
			return id
		}, both, "unconfirmed(west) unlisted(west)"},
		{"a static gate joins after the confirmation", func(w *world) string {
			w.enrol("east", "a", "", "static")
			id := w.propose(standIn(), true)
			w.ack("east", "a", 0)
			w.confirm(id, false)
			w.enrol("west", "b", "", "static")
			return id
		}, both, "unconfirmed(west) unlisted(west)"},
		{"a strict gate joins after the confirmation", func(w *world) string {
			w.enrol("east", "a", "", "strict")
			id := w.propose(standIn(), true)
			w.ack("east", "a", 0)
			w.confirm(id, false)
			w.enrol("west", "b", "", "strict")
			return id
		}, both, ""},
		{"a gate has no lease any more, and has listed nothing", func(w *world) string {
			w.enrol("east", "a", "", "strict")
			w.enrol("west", "b", "", "strict")
			id := w.propose(standIn(), true)
			w.ack("east", "a", 0)
			w.confirm(id, true)
			return id
		}, map[string]string{"a": "source-1"}, "unlisted(west)"},
		{"a later process has listed what the one before it left", func(w *world) string {
			w.enrol("east", "a", "", "strict")
			id := w.propose(standIn(), true)
			w.enrol("east", "b", "a", "strict")
			w.ack("east", "b", 1)
			w.confirm(id, false)
			return id
		}, both, ""},
		{"a later process of the same name knows nothing of the one before", func(w *world) string {
			w.enrol("east", "a", "", "strict")
			id := w.propose(standIn(), true)
			w.retire("east")
			w.enrol("east", "b", "", "strict")
			w.ack("east", "b", 1)
			w.confirm(id, false)
			return id
		}, both, "unlisted(east)"},
		{"a gate has not named its source", func(w *world) string {
			w.enrol("east", "a", "", "static")
			w.enrol("west", "b", "", "static")
			id := w.propose(standIn(), true)
			w.ack("east", "a", 0)
			w.ack("west", "b", 0)
			w.confirm(id, false)
			return id
		}, map[string]string{"a": "source-1"}, "no-source(west)"},
		{"two sources (8)", func(w *world) string {
			w.enrol("east", "a", "", "static")
			w.enrol("west", "b", "", "static")
			id := w.propose(standIn(), true)
			w.ack("east", "a", 0)
			w.ack("west", "b", 0)
			w.confirm(id, false)
			return id
		}, map[string]string{"a": "source-1", "b": "source-2"}, "other-source(east,west)"},
		{"without the one that has another source", func(w *world) string {
			w.enrol("east", "a", "", "static")
			w.enrol("west", "b", "", "static")
			id := w.propose(standIn(), true)
			w.ack("east", "a", 0)
			w.ack("west", "b", 0)
			w.confirm(id, false)
			w.without(id, map[string]string{"a": "source-1", "b": "source-2"}, "west")
			return id
		}, map[string]string{"a": "source-1", "b": "source-2"}, ""},
		{"without one that listed nothing", func(w *world) string {
			w.enrol("east", "a", "", "strict")
			w.enrol("west", "b", "", "strict")
			id := w.propose(standIn(), true)
			w.ack("east", "a", 0)
			w.confirm(id, true)
			w.without(id, both, "west")
			return id
		}, both, ""},
		{"without all", func(w *world) string {
			w.enrol("east", "a", "", "static")
			id := w.propose(standIn(), true)
			w.ack("east", "a", 0)
			w.confirm(id, false)
			w.without(id, nil, "east")
			return id
		}, nil, "no-source()"},
		{"without one that then may forward again", func(w *world) string {
			w.enrol("east", "a", "", "static")
			w.enrol("west", "b", "", "static")
			id := w.propose(standIn(), true)
			w.ack("east", "a", 0)
			w.ack("west", "b", 0)
			w.confirm(id, false)
			w.without(id, map[string]string{"a": "source-1"}, "west")
			w.enrol("west", "c", "b", "static")
			return id
		}, both, "unconfirmed(west)"},
		{"a stop", func(w *world) string { w.enrol("east", "a", "", "static"); return w.stop() }, both, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := tt.history(w)
			if got := w.obstacles(id, tt.sources); got != tt.want {
				t.Errorf("kept closed by %q, want %q", got, tt.want)
			}
		})
	}
}

// More than a posture names keeps it closed, and many are told in several facts.
func TestManyExcluded(t *testing.T) {
	t.Parallel()
	d := &Directive{ID: "d1", State: InForce, Revision: 3, Proposal: standIn(), Confirmation: &Confirmation{}}
	s := Scene{}
	for i := range 20_000 {
		s.Unknown = append(s.Unknown, fmt.Sprintf("payment-%06d", i))
	}
	all, fits := s.excluded(d)
	if !fits || len(all) != 20_000 {
		t.Fatalf("%d, %v", len(all), fits)
	}
	for i := range posture.MaxExcluded {
		s.Unknown = append(s.Unknown, fmt.Sprint(i))
	}
	if _, fits := s.excluded(d); fits {
		t.Error("too many fit")
	}
	s.Unknown = []string{strings.Repeat("x", maxExcludedBytes+1)}
	if _, fits := s.excluded(d); fits {
		t.Error("too long ones fit")
	}
	w := newWorld(t)
	w.enrol("east", "a", "", "static")
	id := w.propose(standIn(), true)
	w.ack("east", "a", 0)
	w.confirm(id, false)
	scene := w.scene(w.book.Directive(id), map[string]string{"a": "s"})
	scene.Unknown = all
	if got := w.do(holdfast.Self("fleet"), Open(w.book.Directive(id), scene, now), nil); got != "directive.excluded directive.excluded directive.excluded directive.opened" || len(w.book.Set().Directives[0].Excluded) != 20_000 {
		t.Errorf("wrote %q", got)
	}
}

// Over any history: open only what is in force, confirmed and not ended, every gate
// that acknowledged names one source, and what it had in flight is excluded.
func TestOpenOnlyWhatIsConfirmed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		boots, dead := map[string]string{}, 0
		sources := map[string]string{}
		ended := map[string]bool{}
		w.each = func(f holdfast.Fact) {
			_, id := f.Subject.Split()
			switch f.Kind {
			case KindOpened:
				d := w.book.Directive(id)
				if d.State != InForce || d.Confirmation == nil || ended[id] {
					rt.Fatalf("opened in state %s, confirmed %v, ended %v", d.State, d.Confirmation != nil, ended[id])
				}
				for _, p := range w.book.Set().Directives {
					for _, g := range w.gates.Live() {
						if stop := g.StopAt(d.Position); p.ID == id && stop != nil {
							for _, r := range stop.InFlight {
								if !slices.Contains(p.Excluded, r.Identity) {
									rt.Fatalf("%s was in flight and is not excluded", r.Identity)
								}
							}
						}
					}
				}
			case KindEnded, KindLifted:
				ended[id] = true
			}
		}
		clock := now
		for range rapid.IntRange(5, 25).Draw(rt, "steps") {
			gate := rapid.SampledFrom([]string{"east", "west"}).Draw(rt, "gate")
			standIns := slices.DeleteFunc(w.book.All(), func(d *Directive) bool { return d.Kind != posture.StandIn })
			switch rapid.IntRange(0, 8).Draw(rt, "act") {
			case 0:
				dead++
				boot := fmt.Sprintf("%s%d", gate, dead)
				w.enrol(gate, boot, boots[gate], rapid.SampledFrom([]string{"strict", "static"}).Draw(rt, "mode"))
				boots[gate], sources[boot] = boot, rapid.SampledFrom([]string{"s", "s", "s", "t", ""}).Draw(rt, "source")
			case 1:
				if _, drafts, err := Propose(w.book, standIn(), true, nil); err == nil {
					w.do(mei, drafts, nil)
				}
			case 2, 3:
				if g := w.gates.Gate(gate); g != nil && !g.Present().Gone {
					w.ack(gate, boots[gate], rapid.IntRange(0, 2).Draw(rt, "in flight"))
				}
			case 4:
				for _, d := range standIns {
					w.confirm(d.ID, rapid.Bool().Draw(rt, "waited"))
				}
			case 5:
				clock = clock.Add(rapid.SampledFrom([]time.Duration{time.Minute, 5 * time.Hour}).Draw(rt, "later"))
				for _, d := range standIns {
					w.do(holdfast.Self("fleet"), End(d, clock), nil)
				}
			case 6:
				if held := w.book.InForce(""); len(held) > 0 {
					w.lift(held[0].ID)
				}
			default:
				for _, d := range standIns {
					w.open(d.ID, sources, clock)
				}
			}
			for _, p := range w.book.Set().Directives {
				if d := w.book.Directive(p.ID); p.Open != d.Open() || p.Open && p.Source == "" {
					rt.Fatalf("told %+v of %+v", p, d)
				}
			}
		}
	})
}
