package callout

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
// clock set, channels that fail, hang and answer nothing that is known, people who
// acknowledge or do not, and a plan that is changed meanwhile.
type schedule struct {
	*testing.T
	seed   uint64
	rng    *rand.Rand
	store  *journal.Memory
	node   *node
	offset atomic.Int64 // of the node's clock
	kill   func()
	task   procedure.Task
	id     string
	plans  int // later ones
	// well means that every channel works, down that none does.
	well, down atomic.Bool
	// lasting counts for how many looks in a row something was missing.
	lasting map[string]int

	mu   sync.Mutex
	sent map[string]int // by notice: how often it left
	dead int            // attempts that the end of the process cut off
}

func (s *schedule) now() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) }

// Send is every channel: what becomes of an attempt follows from the notice and the
// number of the attempt alone.
func (s *schedule) Send(ctx context.Context, m notify.Message) notify.Outcome {
	s.mu.Lock()
	s.sent[m.ID]++
	s.mu.Unlock()
	h := fnv.New64a()
	fmt.Fprint(h, s.seed, m.ID, m.Attempt)
	if s.well.Load() {
		return notify.Outcome{Result: notify.Sent, Detail: "250 queued"}
	}
	if s.down.Load() {
		return notify.Outcome{Result: notify.Retry, Detail: "451 later"}
	}
	switch h.Sum64() % 8 {
	case 0:
		return notify.Outcome{Result: notify.Retry, Detail: "451 later"}
	case 1:
		return notify.Outcome{Result: notify.Unsure, Detail: "the connection was lost"}
	case 2:
		return notify.Outcome{Result: notify.Refused, Detail: "550 no such mailbox"}
	case 3, 4: // hangs
		<-ctx.Done()
		s.mu.Lock()
		s.dead++
		s.mu.Unlock()
		return notify.Outcome{Result: notify.Unsure, Detail: "no answer"}
	case 5: // slow
		select {
		case <-ctx.Done():
		case <-time.After(15 * time.Second):
		}
	}
	return notify.Outcome{Result: notify.Sent, Detail: "250 queued"}
}

// cut is a way to the journal that ends with the process.
type cut struct {
	journal.Journal
	ended atomic.Bool
}

func (c *cut) Append(ctx context.Context, a journal.Append) (journal.Receipt, error) {
	if c.ended.Load() {
		return journal.Receipt{}, holdfast.Errorf(holdfast.Unavailable, "the process has ended")
	}
	return c.Journal.Append(ctx, a)
}

// start makes a node that folds the journal anew, as after a kill.
func (s *schedule) start() {
	w := &world{T: s.T, store: s.store}
	s.node = w.newNode()
	way := &cut{Journal: s.store}
	s.node.Now, s.node.desk.Now, s.node.desk.Journal = s.now, s.now, way
	courier, err := notify.NewCourier(notify.CourierOptions{
		Desk: s.node.desk, Book: s.node.Book, Senders: map[string]notify.Sender{"smtp": s}, Log: slog.New(slog.DiscardHandler),
	})
	s.must(err)
	ctx, cancel := context.WithCancel(s.Context())
	var loops sync.WaitGroup
	for _, run := range []func(context.Context) error{s.node.State.Run, courier.Run} {
		loops.Go(func() { _ = run(ctx) })
	}
	s.kill = func() { way.ended.Store(true); cancel(); loops.Wait() }
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

type (
	notice = procedure.Notice
	step   = procedure.EscalationStep
)

func minutes(n int) procedure.Duration { return procedure.Duration(time.Duration(n) * time.Minute) }

func (s *schedule) open(edit ...func(*notice)) {
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
	for _, e := range edit {
		e(n)
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
		s.kill() // perhaps in the middle of sending
		if s.rng.IntN(2) > 0 {
			time.Sleep(time.Duration(s.rng.IntN(15)) * time.Minute)
		}
		s.start()
	case 1:
		time.Sleep(time.Duration(1+s.rng.IntN(15)) * time.Minute) // stalled
	case 2:
		s.offset.Add(int64(time.Duration(s.rng.IntN(31)-15) * time.Minute))
		s.lasting = nil // the courier notices within a minute of this
	case 3:
		// A later plan, without any escalation, changes nothing for this incident.
		s.plans++
		text := strings.NewReplacer("within: 3m\n", "\n", "again: 1m\n", "\n", "within: 5m", fmt.Sprintf("within: %dm", 10+s.plans)).Replace(string(plan.Builtin()))
		s.must(s.do(func(now time.Time) ([]journal.Draft, error) {
			_, drafts, err := plan.PublishApproved(s.node.Plans, "payment-system", []byte(text), "", plan.Approved{}, now)
			return drafts, err
		}))
	case 6, 7, 8:
		s.down.Store(!s.down.Load())
	case 4, 5:
		var who []string
		s.node.State.View(func() {
			for _, p := range s.node.Book.ByRound(s.id, s.task.ID, s.node.Incidents.Incident(s.id).Round()) {
				who = append(who, p.ID)
			}
		})
		if len(who) > 0 {
			s.must(s.node.Notices.Acknowledge(s.Context(), mei, s.id, s.task.ID, who[s.rng.IntN(len(who))], notify.ByPhone, ""))
		}
	}
	s.node.Step(s.Context())
	synctest.Wait()
	s.look()
}

func (s *schedule) audit(tolerance time.Duration) (found []Finding) {
	s.node.State.View(func() { found = s.node.Audit(s.now(), tolerance) })
	return found
}

// look is the auditor's: after a step no page and no escalation is missing; an attempt
// may be for a minute, until a courier notices that its clock was set.
func (s *schedule) look() {
	was := s.lasting
	s.lasting = map[string]int{}
	for _, f := range s.audit(0) {
		switch {
		case f.Kind == Unmarked:
			s.Errorf("%+v does not say how late it was", f)
		case f.Missing() && f.Kind != AttemptDue:
			s.Errorf("after a step %+v is missing", f)
		case f.Missing():
			if s.lasting[f.key()] = was[f.key()] + 1; s.lasting[f.key()] > 3 {
				s.Errorf("%+v is missing still", f)
			}
		}
	}
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
	s.node.State.View(func() { s.toldAll(asked) })
}

// toldAll looks whether all whom a round names were told, or had answered.
func (s *schedule) toldAll(asked map[string]bool) {
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

// settle lets every channel work and time pass, and looks whether each notice that was
// asked for has come to an end that says so.
func (s *schedule) settle() {
	s.well.Store(true)
	for range 20 {
		time.Sleep(30 * time.Second)
		synctest.Wait()
	}
	facts, err := s.store.Read(s.Context(), 0, 1_000_000)
	s.must(err)
	for _, f := range facts {
		if f.Kind != "notice.asked" {
			continue
		}
		var d notify.Delivery
		s.node.State.View(func() { d = *s.node.Book.Notice(f.Subject.ID()) })
		s.mu.Lock()
		left := s.sent[d.ID]
		s.mu.Unlock()
		switch {
		case d.State == notify.Delivered && left > 0, d.State == notify.Acknowledged, d.State == notify.GaveUp && d.Detail != "":
		default:
			s.Errorf("the notice of round %d to %s is %s after %d attempts and left %d times: %s", d.Again, d.Person, d.State, d.Attempts, left, d.Detail)
		}
	}
}

// Over stalls, kills in the middle of sending, channels that fail or say nothing, and
// a clock that jumps, no page is lost, none is asked for twice, and each says how late
// it came; the auditor misses nothing after a step.
func TestSchedules(t *testing.T) {
	t.Parallel()
	n := 12
	if os.Getenv("HOLDFAST_SOAK") != "" {
		n = 1000
	}
	rounds, dead, again := 0, 0, 0
	for seed := range n {
		synctest.Test(t, func(t *testing.T) {
			s := &schedule{T: t, seed: uint64(seed), rng: rand.New(rand.NewPCG(uint64(seed), 7)), store: journal.NewMemory("test"), sent: map[string]int{}}
			s.start()
			s.open()
			for range 80 {
				if s.tick(); t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
			s.judge()
			s.settle()
			s.node.State.View(func() { rounds += s.node.Incidents.Incident(s.id).Escalation(s.task.ID).Round() })
			s.kill()
			dead += s.dead
			for _, times := range s.sent {
				again += times - 1
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		})
	}
	if rounds < 3*n || dead < n || again < n {
		t.Errorf("%d schedules had only %d rounds, %d attempts that hung and %d repetitions", n, rounds, dead, again)
	}
}
