package callout

import (
	"context"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// Callee is one person of a call list.
type Callee struct {
	Person roster.Person
	// Role is the one for which he is called; Why is that of a [Recipient].
	Role, Why string
	// DeputyOf is for whom he stands in, if that is why he is called.
	DeputyOf string
	// Reached is whether he has acknowledged already, or was told by phone.
	Reached bool
	// ByHand says why no notice is enough: it is empty where one has arrived, or may
	// still.
	ByHand ByHand
	// Calls are those that were made, oldest first.
	Calls []incident.Call
}

// ByHand is why somebody has to be called.
type ByHand string

const (
	// NoWay: no notice can reach him.
	NoWay ByHand = "no-way"
	// AllFailed: every notice to him was given up, or has failed so far.
	AllFailed ByHand = "all-failed"
	// TimeOver: the escalation's last step is over, and he has not acknowledged.
	TimeOver ByHand = "time-over"
)

// CallList is whom to call for one task, in order.
type CallList struct {
	Task procedure.Task
	// People are those of the present step first, then those of the steps after it,
	// then those of the steps before; of a role first who is on duty. Each is followed
	// by his deputies.
	People []Callee
}

// Needed reports whether somebody has to be called.
func (l CallList) Needed() bool {
	return slices.ContainsFunc(l.People, func(c Callee) bool { return !c.Reached && c.ByHand != "" })
}

// CallLists returns whom to call for the open tasks of an incident that tell people.
func CallLists(b *notify.Book, people *roster.Book, in *incident.Incident, now time.Time) (lists []CallList) {
	noticeTasks(in, func(stage procedure.StageKind, t procedure.Task) {
		if in.State != incident.Active || in.Tasks[t.ID].Status != procedure.Open && !Escalating(in, stage, t) {
			return
		}
		st := Stand(b, people, in, stage, t, now)
		l := lister{b: b, people: people, in: in, task: t, standing: st, list: CallList{Task: t}}
		for _, i := range l.order() {
			l.step(stage, st.Steps[i], i <= st.Step, now)
		}
		lists = append(lists, l.list)
	})
	return lists
}

type lister struct {
	b        *notify.Book
	people   *roster.Book
	in       *incident.Incident
	task     procedure.Task
	standing Standing
	list     CallList
}

func (l *lister) order() (steps []int) {
	for i := l.standing.Step; i < len(l.standing.Steps); i++ {
		steps = append(steps, i)
	}
	for i := range l.standing.Step {
		steps = append(steps, i)
	}
	return steps
}

func (l *lister) step(stage procedure.StageKind, step StepStanding, begun bool, now time.Time) {
	for _, role := range step.To {
		n := procedure.Notice{To: []string{role}, Everyone: step.Everyone, Acknowledge: step.Acknowledge, Channels: l.task.Notice.Channels}
		for _, r := range Recipients(l.people, stage, n, now) {
			l.add(Callee{Person: r.Person, Role: role, Why: r.Why}, begun)
		}
		for _, p := range l.people.Holders(role) { // those off duty may be at home, with a phone
			l.add(Callee{Person: p, Role: role}, false)
		}
		for _, p := range l.people.Holders(role) {
			for _, d := range l.people.Deputies(p.ID, role) {
				l.add(Callee{Person: d, Role: role, Why: Deputy, DeputyOf: p.Name}, false)
			}
		}
	}
}

// add adds somebody, once. Who was told, or should have been, may have to be called.
func (l *lister) add(c Callee, due bool) {
	if slices.ContainsFunc(l.list.People, func(o Callee) bool { return o.Person.ID == c.Person.ID }) {
		return
	}
	c.Reached = Acknowledged(l.b, l.in, l.task.ID, c.Person.ID)
	for _, call := range l.in.Calls {
		if call.Task == l.task.ID && call.Person == c.Person.ID {
			c.Calls = append(c.Calls, call)
		}
	}
	if due && !c.Reached && !l.standing.Enough {
		c.ByHand = l.byHand(c.Person)
	}
	l.list.People = append(l.list.People, c)
}

func (l *lister) byHand(p roster.Person) ByHand {
	told := l.b.Told(l.in.ID, l.task.ID, l.in.Round(), p.ID)
	switch {
	case !Reachable(p, *l.task.Notice):
		return NoWay
	case told != nil && !told.Reached() && !slices.ContainsFunc(told.Deliveries, func(d *notify.Delivery) bool {
		return d.State == notify.Asked || d.State == notify.Sending && d.Attempts < 2
	}):
		return AllFailed
	case !l.standing.ByHand.IsZero():
		return TimeOver
	}
	return ""
}

// Caller records calls that people make by hand.
type Caller struct {
	Desk      *journal.Desk
	Incidents *incident.Book
	Book      *notify.Book
	Roster    *roster.Book
}

// Record records a call. One that reached the person is his acknowledgement: notices
// to him that have not left yet do not leave any more.
func (c *Caller) Record(ctx context.Context, by holdfast.Actor, id string, call incident.Called) error {
	_, err := c.Desk.Do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		call.Note = strings.Join(strings.Fields(call.Note), " ")
		person, ok := c.Roster.Person(call.Person)
		in, round := c.Incidents.Incident(id), 0
		if in != nil {
			round = in.Round()
		}
		told := c.Book.Told(id, call.Task, round, call.Person)
		switch {
		case ok:
			call.Name = person.Name
		case told != nil:
			call.Name = told.Name
		default:
			return nil, holdfast.Errorf(holdfast.NotFound, "the roster has no person %q", call.Person).At("person")
		}
		drafts, err := incident.RecordCall(in, call, now)
		if err != nil || call.Result != incident.Reached || told == nil {
			return drafts, err
		}
		more, err := notify.AcknowledgeDrafts(c.Book, id, call.Task, round, call.Person, notify.ByPhone, call.Note)
		return append(drafts, more...), err
	})
	return err
}
