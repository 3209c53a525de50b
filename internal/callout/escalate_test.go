package callout

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// schedule is one escalation in virtual time: a node that stalls, dies and has its
// clock set, people who acknowledge or do not, and a plan that is changed meanwhile.
type schedule struct {
	*testing.T
	rng    *rand.Rand
	store  *journal.Memory
	node   *node
	offset time.Duration // of the node's clock
	end    func()
	task   procedure.Task
	id     string
}

func (s *schedule) now() time.Time { return time.Now().Add(s.offset) }

// start makes a node that folds the journal anew, as after a kill.
func (s *schedule) start() {
	w := &world{T: s.T, store: s.store}
	s.node = w.newNode()
	s.node.Now, s.node.desk.Now = s.now, s.now
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.node.State.Run(ctx) }()
	s.end = func() { cancel(); <-done }
	synctest.Wait()
}

func (s *schedule) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *schedule) wait(from, to int) procedure.Duration {
	return procedure.Duration(time.Duration(from+s.rng.IntN(to-from+1)) * time.Minute)
}

func (s *schedule) open() {
	_, err := (&plan.Service{Desk: s.node.desk, Book: s.node.Plans}).Publish(s.Context(), mei, plan.Builtin(), "")
	s.must(err)
	for i, role := range []string{"duty-officer", "commander", "superior"} {
		for j := range 2 {
			id := fmt.Sprintf("p%d%d", i, j)
			p := roster.Person{ID: id, Name: id, Roles: []string{role}, Contacts: []roster.Contact{mail(id)}}
			if j == 0 {
				p.Account = id
			}
			s.must(s.node.people.Record(s.Context(), mei, p))
		}
	}
	n := &procedure.Notice{Template: "urgent", To: []string{"duty-officer"}, Everyone: true, Acknowledge: 1 + s.rng.IntN(2), Within: s.wait(2, 6)}
	if s.rng.IntN(3) > 0 {
		n.Again = s.wait(1, 3)
	}
	if s.rng.IntN(2) > 0 {
		n.Lapse = s.wait(2, 8)
	}
	for _, role := range []string{"commander", "superior"}[s.rng.IntN(2):] {
		n.Escalate = append(n.Escalate, procedure.EscalationStep{To: []string{role}, Everyone: true, Within: s.wait(2, 6), Again: s.wait(1, 3)})
	}
	s.task = procedure.Task{ID: "tell-superiors", Notice: n}
	s.must(s.do(func(now time.Time) (drafts []journal.Draft, err error) {
		s.id, drafts, err = incident.Suspect(s.node.Incidents, incident.SuspectedFact{Title: "payments fail"}, now)
		return drafts, err
	}))
	s.must(s.do(func(now time.Time) ([]journal.Draft, error) {
		rev, _ := s.node.Plans.Current("", now)
		p, _ := rev.Plan().Procedure(holdfast.Level1)
		p.Stages = slices.Clone(p.Stages)
		for i := range p.Stages {
			p.Stages[i].Tasks = slices.Clone(p.Stages[i].Tasks)
			for j := range p.Stages[i].Tasks {
				p.Stages[i].Tasks[j].Limit = 0
				if p.Stages[i].Tasks[j].ID == s.task.ID {
					p.Stages[i].Tasks[j].Notice = n
				}
			}
		}
		return incident.Confirm(s.node.Incidents.Incident(s.id), holdfast.Level1, incident.PlanRef{ID: rev.ID, Revision: rev.Number, Hash: rev.Hash}, p, "")
	}))
}

func (s *schedule) do(decide func(time.Time) ([]journal.Draft, error)) error {
	_, err := s.node.desk.Do(s.Context(), mei, decide)
	synctest.Wait()
	return err
}

// tick lets half a minute pass; something may go wrong in it.
func (s *schedule) tick() {
	time.Sleep(30 * time.Second)
	switch s.rng.IntN(40) {
	case 0:
		s.end()
		s.start() // killed, and begun again
	case 1:
		time.Sleep(time.Duration(1+s.rng.IntN(15)) * time.Minute) // stalled
	case 2:
		s.offset += time.Duration(s.rng.IntN(31)-15) * time.Minute
	case 3:
		// A later plan, without any escalation, changes nothing for this incident.
		text := strings.NewReplacer("within: 3m\n", "\n", "again: 1m\n", "\n").Replace(string(plan.Builtin()))
		_, _ = (&plan.Service{Desk: s.node.desk, Book: s.node.Plans}).Publish(s.Context(), mei, []byte(text), "")
	case 4, 5:
		in := s.node.Incidents.Incident(s.id)
		if people := s.node.Book.ByRound(s.id, s.task.ID, in.Round()); len(people) > 0 {
			p := people[s.rng.IntN(len(people))]
			s.must(s.node.Notices.Acknowledge(s.Context(), mei, s.id, s.task.ID, p.ID, notify.ByPhone, ""))
		}
	}
	s.node.Step(s.Context())
	synctest.Wait()
	for _, f := range s.missing() {
		s.Errorf("after a step %+v is missing", f)
	}
}

// missing is what the auditor misses, but for deliveries: nobody delivers here.
func (s *schedule) missing() (list []Finding) {
	for _, f := range s.node.Audit(s.now(), 0) {
		if f.Missing() && f.Kind != AttemptDue {
			list = append(list, f)
		}
		if f.Kind == Unmarked {
			s.Errorf("%+v does not say how late it was", f)
		}
	}
	return list
}

// judge reads from the journal alone what came to pass, and holds it against the
// waits that the plan had when the procedure began.
func (s *schedule) judge() {
	facts, err := s.store.Read(s.Context(), 0, 1_000_000)
	s.must(err)
	steps := s.task.Notice.Steps()
	asked := map[string]bool{}
	var began, last time.Time
	var lapsed bool
	step, round := 0, 0
	for _, f := range facts {
		e, err := incident.Decode(f)
		s.must(err)
		var told incident.Told
		switch e := e.(type) {
		case incident.StageOpened:
			if e.Stage == procedure.Notify {
				began, last = f.Time, f.Time
			}
			continue
		case incident.Escalated:
			if told = e.Told; e.Step != step+1 {
				s.Errorf("step %d follows step %d", e.Step, step)
			}
			s.due("the next step", f, told, lapsed, began, steps[step].Within)
			step, began, last = e.Step, f.Time, f.Time
		case incident.RePaged:
			told = e.Told
			s.due("a repetition", f, told, lapsed, last, steps[step].Again)
			if last = f.Time; began.After(f.Time) {
				began = f.Time
			}
		default:
			lapsed = lapsed || f.Kind == "notice.acknowledgement-lapsed"
			if f.Kind == "notice.asked" {
				asked[f.Subject.ID()] = true
			}
			continue
		}
		if round++; told.Round != round {
			s.Errorf("round %d follows round %d", told.Round, round-1)
		}
	}
	in := s.node.Incidents.Incident(s.id)
	for _, r := range in.Escalation(s.task.ID).Rounds {
		for _, p := range r.People {
			if id := notify.ID(s.id, s.task.ID, p.ID, "smtp", p.ID+"@example.com", in.Round()+rounds*r.Round); !asked[id] {
				if d := s.node.Book.Told(s.id, s.task.ID, in.Round(), p.ID); d == nil || !d.Acknowledged() && d.Lapsed.IsZero() {
					s.Errorf("round %d never told %s", r.Round, p.ID)
				}
			}
		}
	}
}

func (s *schedule) due(what string, f holdfast.Fact, told incident.Told, lapsed bool, anchor time.Time, wait procedure.Duration) {
	if want := max(0, int64(f.Time.Sub(told.Due)/time.Second)); told.Late != want {
		s.Errorf("%s came %d s late and says %d", what, want, told.Late)
	}
	if want := anchor.Add(wait.D()); told.Why == "unacknowledged" && !told.Due.Equal(want) && !lapsed {
		s.Errorf("%s was due at %s, not %s", what, want, told.Due)
	}
	if told.Why == "clock" && !anchor.After(f.Time) && !lapsed {
		s.Errorf("%s blames a clock that was not set back", what)
	}
}

// Over stalls, kills and a clock that jumps no page is lost, none is asked for twice,
// and each says how late it came; the auditor misses nothing after a step.
func TestSchedules(t *testing.T) {
	t.Parallel()
	n := 20
	if os.Getenv("HOLDFAST_SOAK") != "" {
		n = 1000
	}
	rounds := 0
	for seed := range n {
		synctest.Test(t, func(t *testing.T) {
			s := &schedule{T: t, rng: rand.New(rand.NewPCG(uint64(seed), 7)), store: journal.NewMemory("test")}
			s.start()
			s.open()
			for range 80 {
				if s.tick(); t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
			s.judge()
			rounds += s.node.Incidents.Incident(s.id).Escalation(s.task.ID).Round()
			s.end()
		})
	}
	if rounds < 3*n {
		t.Errorf("%d schedules had only %d rounds", n, rounds)
	}
}
