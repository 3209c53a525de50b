package view

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/roster"
)

var (
	mei = holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "梅"}
	lin = holdfast.Actor{Kind: holdfast.Account, ID: "lin", Name: "林"}
)

// In no state does an answer hold null where a program expects a list.
func TestNoNulls(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		check := func(when string) {
			t.Helper()
			for name, v := range w.everything() {
				if found := nulls(t, v); len(found) > 0 {
					t.Errorf("%s: %s has null at %s", when, name, strings.Join(found, ", "))
				}
			}
		}
		check("empty")
		w.publish()
		w.record(roster.Person{ID: "ana", Name: "Ana"}, roster.Person{ID: "lin", Name: "林", Account: "lin", Roles: []string{"superior"}, Contacts: []roster.Contact{{Channel: roster.SMTP, Address: "lin@example.com"}}})
		w.enrol("east")
		w.must(ignore(w.Node.Enrol(w.Context(), gate.Enrolment{Gate: "bare", Boot: "b", Account: "acc"})))
		w.alarm("noise", "info")
		w.alarm("pay", "critical")
		w.count("forward", payment.Done, 3)
		check("suspected")
		id := w.Incidents.All()[0].ID
		w.must(w.Response.Confirm(w.Context(), mei, id, holdfast.Level1, ""))
		w.must(w.Response.Note(w.Context(), mei, id, "", "see there", nil))
		check("active")
		w.must(ignore(w.Response.Direct(w.Context(), mei, id, "stop-payments")))
		w.must(ignore(w.dirs.Propose(w.Context(), mei, directive.Proposal{Kind: posture.Limit, Scope: "all", Reason: "slow", Share: 0.5}, false)))
		w.enforce("east", 2)
		check("stopped")
		w.must(w.Response.AskSkip(w.Context(), mei, id, "notify", "why"))
		w.must(w.Response.AnswerSkip(w.Context(), lin, id, "notify", true, ""))
		check("skipped")
	})
}

func ignore[T any](_ T, err error) error { return err }

func TestBand(t *testing.T) {
	t.Parallel()
	limit := func(share float64, incident string) directive.Proposal {
		return directive.Proposal{Kind: posture.Limit, Scope: "all", Reason: "slow", Share: share, Incident: incident}
	}
	for _, tt := range []struct {
		name  string
		tell  func(w *world)
		state string
		want  Band
	}{
		{"quiet", func(*world) {}, "normal", Band{}},
		{"suspected", func(w *world) { w.alarm("pay", "critical") }, "suspected", Band{Incident: "2000-1"}},
		{"active", func(w *world) {
			w.alarm("pay", "major")
			w.must(w.Response.Confirm(w.Context(), mei, "2000-1", holdfast.Level2, ""))
		}, "level-2", Band{Incident: "2000-1"}},
		{"a suspicion beside it", func(w *world) {
			w.alarm("pay", "major")
			w.must(w.Response.Confirm(w.Context(), mei, "2000-1", holdfast.Level2, ""))
			w.alarm("all", "critical")
		}, "level-2", Band{Incident: "2000-1"}},
		{"issued, not confirmed", func(w *world) { w.enrol("east"); w.stop() }, "stopped", Band{}},
		{"confirmed", func(w *world) { w.enrol("east"); w.stop(); w.enforce("east", 0) }, "stopped", Band{Confirmed: true}},
		{"one of two confirmed", func(w *world) { w.enrol("east"); w.stop(); w.enforce("east", 0); w.stop() }, "stopped", Band{}},
		{"limited", func(w *world) { w.must(ignore(w.dirs.Propose(w.Context(), mei, limit(0.25, ""), true))) }, "limited", Band{Percent: 25}},
		{"limited by rate alone", func(w *world) { w.must(ignore(w.dirs.Propose(w.Context(), mei, limit(1, ""), true))) }, "limited", Band{Percent: 100}},
		{"recovering beside a limit", func(w *world) {
			w.must(ignore(w.dirs.Propose(w.Context(), mei, limit(0.5, "2000-1"), true)))
			w.must(ignore(w.dirs.Propose(w.Context(), mei, limit(0.25, ""), true)))
		}, "recovering", Band{Percent: 25}},
		{"stop beats limit", func(w *world) {
			w.stop()
			w.must(ignore(w.dirs.Propose(w.Context(), mei, limit(0.25, ""), true)))
		}, "stopped", Band{}},
		{"a gate's alarm", func(w *world) { w.enrol("east"); w.beat("east", "two histories") }, "normal", Band{Alarm: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.publish()
				tt.tell(w)
				tt.want.State = tt.state
				if got := w.Band(); got != tt.want {
					t.Errorf("the band is %+v, want %+v", got, tt.want)
				}
				if got := w.Posture().Band; got != tt.want {
					t.Errorf("on the first screen it is %+v", got)
				}
			})
		})
	}
}

// The numbers of a stop: what was listed, what is not known, what is still to come.
func TestDirective(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.enrol("east")
		w.enrol("west")
		id := w.stop()
		w.enforce("east", 3)
		v, err := w.Source.Directive(id)
		w.must(err)
		if v.State != "in-force" || !v.Confirmed.IsZero() || v.Totals.NotKnown != 1 || v.Totals.InFlight != 3 || v.Totals.Settled != 1 || v.Totals.Drained || v.ProposedBy.Name != "梅" {
			t.Errorf("issued: %+v", v)
		}
		w.sleep(time.Second)
		w.enforce("west", 0)
		if v, _ = w.Source.Directive(id); v.Confirmed.IsZero() || v.ConfirmedAfterMillis != 1000 || v.Totals.NotKnown != 0 || v.Totals.InFlight != 3 {
			t.Errorf("confirmed: %+v", v)
		}
		if _, err := w.Source.Directive("d9"); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("no such directive: %v", err)
		}
		proposed, err := w.dirs.Propose(w.Context(), mei, directive.Proposal{Kind: posture.Stop, Scope: "all", Reason: "now"}, false)
		w.must(err)
		if v, _ = w.Source.Directive(proposed); v.Totals.Drained || v.Totals.Gates != 0 {
			t.Errorf("proposed: %+v", v.Totals)
		}
	})
}

func TestGate(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.must(w.dirs.Prepare(w.Context(), 30*time.Second, nil))
		w.enrol("east")
		state := func() string {
			g, err := w.Source.Gate("east")
			w.must(err)
			return fmt.Sprintf("%s behind=%t in flight=%d", g.State, g.Behind, g.InFlight)
		}
		for _, step := range []struct {
			act  func()
			want string
		}{
			{func() {}, "silent behind=true in flight=0"},
			{func() { w.beat("east", "") }, "live behind=true in flight=4"},
			{func() { w.enforce("east", 0) }, "live behind=false in flight=4"},
			{func() { w.sleep(16 * time.Second) }, "silent behind=false in flight=4"},
			{func() {
				w.must((&enrolment.Service{Desk: w.desk, Book: w.Gates}).Retire(w.Context(), mei, "east", "sold"))
			}, "gone behind=false in flight=4"},
		} {
			step.act()
			if got := state(); got != step.want {
				t.Errorf("the gate is %s, want %s", got, step.want)
			}
		}
		if _, err := w.Source.Gate("west"); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("no such gate: %v", err)
		}
	})
}

func TestIncident(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.record(
			roster.Person{ID: "lin", Name: "林", Account: "lin", Roles: []string{"superior"}, Contacts: []roster.Contact{{Channel: roster.SMTP, Address: "lin@example.com"}}},
			roster.Person{ID: "bo", Name: "Bo", Roles: []string{"risk-head"}, Contacts: []roster.Contact{{Channel: roster.Phone, Address: "+886 2 5550 0101"}}},
		)
		w.enrol("east")
		w.alarm("pay", "critical")
		v, err := w.Source.Incident("2000-1")
		w.must(err)
		if v.State != "suspected" || v.Suggested != holdfast.Level1 || v.Effect == nil || v.Figures != nil || len(v.Alerts) != 1 || v.Timeline[0].Kind != alert.KindReceived {
			t.Errorf("suspected: %+v", v)
		}
		w.must(w.Response.Confirm(w.Context(), mei, "2000-1", holdfast.Level1, ""))
		tell := w.task("2000-1", "tell-superiors")
		if p := tell.Notice.People; len(p) != 1 || p[0].Person != "lin" || p[0].Account != "lin" || p[0].Reached || len(p[0].Notices) != 1 || p[0].Notices[0].State != "asked" {
			t.Errorf("told: %+v", p)
		}
		if len(tell.Notice.Missing) != 2 || !slices.Equal(tell.Notice.Unreachable, []string{"Bo"}) || tell.Late || tell.Due.IsZero() {
			t.Errorf("the task is %+v", tell)
		}
		w.sleep(11 * time.Minute)
		if tell = w.task("2000-1", "tell-superiors"); !tell.Late {
			t.Error("after eleven minutes the task is not late")
		}
		if late := w.Posture().Late; len(late) != 2 || late[0].Task != "tell-superiors" || late[1].Task != "stop-payments" {
			t.Errorf("late: %+v", late)
		}
		w.must(w.Response.Acknowledge(w.Context(), lin, "2000-1", "tell-superiors", "", "coming"))
		tell = w.task("2000-1", "tell-superiors")
		if p := tell.Notice.People[0]; tell.Status != "done" || !p.Acknowledged || p.Ack == nil || p.Ack.How != "console" || p.Ack.Note != "coming" {
			t.Errorf("acknowledged: %+v", tell)
		}
		w.must(ignore(w.Response.Direct(w.Context(), mei, "2000-1", "stop-payments")))
		stop := w.task("2000-1", "stop-payments")
		if stop.Kind != "directive" || stop.Directive.Issued == nil || stop.Directive.Issued.State != "in-force" {
			t.Errorf("the stop's task is %+v", stop)
		}
		ramp := w.task("2000-1", "reopen")
		if ramp.Ramp.Posture != w.Directives.Head().Position || ramp.Ramp.Step != 0 || len(ramp.Ramp.Steps) != 4 {
			t.Errorf("the ramp is %+v", ramp.Ramp)
		}
		if probes := w.task("2000-1", "test-functions").Probes; len(probes) != 2 || probes[0].Times != 3 || probes[0].InARow != 0 {
			t.Errorf("the probes are %+v", probes)
		}
		if _, err := w.Source.Incident("2000-9"); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("no such incident: %v", err)
		}
	})
}

func (w *world) task(id, task string) Task {
	w.Helper()
	v, err := w.Source.Incident(id)
	w.must(err)
	for _, s := range v.Stages {
		for _, t := range s.Tasks {
			if t.ID == task {
				return t
			}
		}
	}
	w.Fatalf("incident %s has no task %s", id, task)
	return Task{}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		for _, title := range []string{"Payments fail", "cards slow", "支付失敗"} {
			w.must(ignore(w.Response.Suspect(w.Context(), mei, title, nil)))
		}
		w.must(w.Response.Dismiss(w.Context(), mei, "2000-2", "no"))
		for query, want := range map[string]int{"": 3, " PAYMENTS ": 1, "失敗": 1, "2000-": 3, "-2": 1, "nothing": 0} {
			if got := w.AllIncidents(false, query, 0, 0); len(got.Items) != want || got.Total != want {
				t.Errorf("%q finds %d of %d, want %d", query, len(got.Items), got.Total, want)
			}
		}
		if got := w.AllIncidents(true, "", 0, 0); got.Total != 2 {
			t.Errorf("%d are open", got.Total)
		}
	})
}

func TestPaginate(t *testing.T) {
	t.Parallel()
	all := make([]int, 120)
	for i := range all {
		all[i] = i
	}
	same := func(i int) int { return i }
	for _, tt := range []struct{ offset, size, first, n, next int }{
		{0, 0, 0, 50, 50}, {50, 0, 50, 50, 100}, {100, 0, 100, 20, 0}, {0, 120, 0, 120, 0}, {0, 10_000, 0, 50, 50}, {-5, -5, 0, 50, 50}, {119, 1, 119, 1, 0},
	} {
		p := paginate(all, tt.offset, tt.size, same)
		if len(p.Items) != tt.n || p.Items[0] != tt.first || p.Next != tt.next || p.Total != 120 {
			t.Errorf("from %d, %d: %d items from %d, next %d", tt.offset, tt.size, len(p.Items), p.Items[0], p.Next)
		}
	}
	if p := paginate(all, 500, 10, same); len(p.Items) != 0 || p.Items == nil || p.Next != 0 {
		t.Errorf("past the end: %+v", p)
	}
	// The pages together are the list.
	var got []int
	for offset := 0; ; {
		p := paginate(all, offset, 7, same)
		got = append(got, p.Items...)
		if offset = p.Next; offset == 0 {
			break
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("the pages hold %v", got)
	}
}

func TestTraffic(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		if got := w.Posture().Traffic; got.Known {
			t.Errorf("nobody has said anything, and it shows %+v", got)
		}
		for range 10 {
			w.count("forward", payment.Done, 8)
			w.sleep(time.Second)
		}
		got := w.Posture().Traffic
		if !got.Known || got.Done < 5 || got.Done > 9 || got.Declined != 0 {
			t.Errorf("it shows %+v", got)
		}
		stop := w.stop()
		w.must(w.dirs.Lift(w.Context(), mei, stop, 0, "again"))
		w.sleep(time.Second)
		c, err := w.Chart(0)
		w.must(err)
		var done int64
		for _, p := range c.Points {
			done += p.Done
		}
		if done != 80 || len(c.Marks) != 2 || c.Marks[0].Lifted == c.Marks[1].Lifted {
			t.Errorf("the chart has %d done and the marks %+v", done, c.Marks)
		}
	})
}

func TestPeople(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.record(roster.Person{ID: "lin", Name: "林", Department: "operations", Roles: []string{"superior", "own"}})
		if vacant := w.VacantRoles(); len(vacant) != 0 {
			t.Errorf("without a plan %v are vacant", vacant)
		}
		w.publish()
		p := w.People()[0]
		if len(p.RoleNames) != 2 || p.RoleNames[0].Name.IsZero() || !p.RoleNames[1].Name.IsZero() || p.DepartmentName.IsZero() {
			t.Errorf("the person is %+v", p)
		}
		for query, want := range map[string]bool{"": true, "LIN": true, "林": true, " operations ": true, p.RoleNames[0].Name.ZhHans: true, "nobody": false} {
			if p.Matches(query) != want {
				t.Errorf("%q: %t", query, !want)
			}
		}
		for _, v := range w.VacantRoles() {
			if v.ID == "superior" || v.Name.IsZero() {
				t.Errorf("vacant is %+v", v)
			}
		}
	})
}

func TestPlan(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		if _, err := w.Plan(0); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("no plan: %v", err)
		}
		before, rest, _ := strings.Cut(string(plan.Builtin()), "  approval:\n")
		_, rest, _ = strings.Cut(rest, "  valid_for:")
		text := before + "  valid_for:" + rest // without a ladder, so that its successor needs no draft
		w.must(ignore(w.plans.Publish(w.Context(), mei, []byte(text), "")))
		w.must(ignore(w.plans.Publish(w.Context(), mei, []byte(text+"# more\n"), "a comment")))
		for asked, number := range map[int]int{0: 2, 1: 1, 2: 2} {
			v, err := w.Plan(asked)
			if err != nil || v.Revision != number || v.Current != (number == 2) || v.Content == nil || v.Text == "" {
				t.Errorf("revision %d: %d, %v", asked, v.Revision, err)
			}
		}
		if _, err := w.Plan(3); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("no such revision: %v", err)
		}
		if list := w.PlanRevisions("", 0, 0).Items; len(list) != 2 || list[0].Revision != 2 || list[0].Content != nil || list[0].Note != "a comment" {
			t.Errorf("revisions: %+v", list)
		}
		if list := w.PlanRevisions("", 0, 0).Items; list[0].State != InForce || !list[0].Until.IsZero() || list[1].State != Superseded || !list[1].Until.Equal(list[0].InForce) {
			t.Errorf("states: %+v", list)
		}
		one, err := w.Plan(1)
		if err != nil {
			t.Fatal(err)
		}
		byNumber := 1
		if strings.HasPrefix(one.Hash.String(), "2") {
			byNumber = 2
		}
		for query, want := range map[string]int{" A COMMENT ": 1, one.Hash.String()[:8]: 1, "2": byNumber, "nothing has this": 0} {
			if p := w.PlanRevisions(query, 0, 0); p.Total != want {
				t.Errorf("%q is found in %d revisions, not %d", query, p.Total, want)
			}
		}
		if p := w.PlanRevisions("", 0, 1); len(p.Items) != 1 || p.Total != 2 || p.Next != 1 {
			t.Errorf("the first of two: %+v", p)
		}
		if v, err := w.PlanChanges(2, 0); err != nil || v.Against != 1 || len(v.Changes) > 0 || !strings.Contains(v.Text, "+") {
			t.Errorf("a comment changes the text alone: %+v, %v", v, err)
		}
		for revision, against := range map[int]int{1: 0, 2: 7, 3: 1} {
			if _, err := w.PlanChanges(revision, against); holdfast.CodeOf(err) != holdfast.NotFound {
				t.Errorf("revision %d against %d: %v", revision, against, err)
			}
		}
	})
}

// A journal that a fail-over could shorten is an alarm on every page.
func TestJournalThatMayLoseFacts(t *testing.T) {
	run(t, func(w *world) {
		if p := w.Source.Posture(); p.Journal.Machines != 1 || !p.Journal.MayConfirm || p.Band.Alarm {
			t.Errorf("without an engine's word: %+v, alarm %v", p.Journal, p.Band.Alarm)
		}
		w.Source.Durability = func() journal.Durability {
			return journal.Durability{Engine: "postgresql", Machines: 1, Fault: journal.NotSynchronous}
		}
		if p := w.Source.Posture(); p.Journal.Fault != journal.NotSynchronous || !p.Band.Alarm {
			t.Errorf("%+v, alarm %v", p.Journal, p.Band.Alarm)
		}
	})
}
