package draft

import (
	"context"
	"fmt"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

const (
	kindAcknowledged = "reading.acknowledged"
	kindReminded     = "reading.reminded"

	// ReadingSubject stands where other notices name their incident, in the notices
	// of a revision to its readers; PLAN.REVISION stands where they name a task, and
	// PLAN.REVISION.late in those to whoever sees to it that it is read.
	ReadingSubject = "reading"

	// FirstReminder is how long after he was told a reader is reminded, NextReminder
	// how long after each reminder again, where the plan does not say.
	FirstReminder = 3 * 24 * time.Hour
	NextReminder  = 7 * 24 * time.Hour
	// Reminders is after how many of them without an answer the owner of the plan is
	// told, with the next.
	Reminders = 2

	// remindPause is the shortest time between two reminders that people ask for.
	remindPause = time.Minute
)

type (
	acknowledged struct {
		Person string        `json:"person"`
		Hash   holdfast.Hash `json:"hash"`
	}
	reminded struct {
		People []string `json:"people"`
	}
)

// reading is what readers did about one revision, and when people last asked for
// each to be reminded.
type reading struct {
	revision     holdfast.Revision
	at, reminded map[string]time.Time
}

func readingID(plan string, revision int) string { return fmt.Sprintf("%s.%d", plan, revision) }

func (b *Book) applyReading(id string, f holdfast.Fact) error {
	r := b.readings[id]
	if r == nil {
		r = &reading{at: map[string]time.Time{}, reminded: map[string]time.Time{}}
		b.readings[id] = r
	}
	r.revision = f.Revision
	switch f.Kind {
	case kindAcknowledged:
		var a acknowledged
		if err := f.Decode(&a); err != nil {
			return err
		}
		r.at[a.Person] = f.Time
	case kindReminded:
		var body reminded
		if err := f.Decode(&body); err != nil {
			return err
		}
		for _, id := range body.People {
			r.reminded[id] = f.Time
		}
	}
	return nil
}

// Read returns when a person acknowledged a revision.
func (b *Book) Read(plan string, revision int, person string) (time.Time, bool) {
	r := b.readings[readingID(plan, revision)]
	if r == nil {
		return time.Time{}, false
	}
	at, ok := r.at[person]
	return at, ok
}

func (b *Book) readingFact(r *plan.Revision, kind string, body any) []journal.Draft {
	id := readingID(r.ID, r.Number)
	var expect holdfast.Revision
	if seen := b.readings[id]; seen != nil {
		expect = seen.revision
	}
	return []journal.Draft{journal.NewDraft(holdfast.NewSubject("reading", id), expect, kind, body)}
}

// reader is the person who signs in as somebody: the one for whom the roster
// names the account, else the one whom the account names itself.
func (n Nouns) reader(by holdfast.Actor, named string) string {
	for _, p := range n.Roster.People() {
		if by.Kind == holdfast.Account && p.Account == by.ID {
			return p.ID
		}
	}
	return named
}

// acknowledge states that a person has read a revision.
func (n Nouns) acknowledge(planID string, revision int, person string) ([]journal.Draft, error) {
	r, found := n.Plans.Revision(planID, revision)
	if !found {
		return nil, holdfast.Errorf(holdfast.NotFound, "the plan has no revision %d", revision)
	}
	if _, found := n.Roster.Person(person); !found {
		return nil, holdfast.Errorf(holdfast.Forbidden, "your account belongs to nobody in the roster: an admin can name it there, at your person")
	}
	if _, read := n.Drafts.Read(planID, revision, person); read {
		return nil, nil
	}
	return n.Drafts.readingFact(r, kindAcknowledged, acknowledged{person, r.Hash}), nil
}

// Owed is one person who has to read a revision.
type Owed struct {
	Person string
	Name   string
	Roles  []string
	// At is when he acknowledged it; the zero time if he has not.
	At time.Time
	// Due is by when he should.
	Due time.Time
	// Told is when he was told of it, and each time that he was reminded.
	Told []time.Time
	// Reached says that a notice was delivered; Reachable, that he has an address to
	// which one can go.
	Reached, Reachable bool
}

// Reminded counts the reminders.
func (o Owed) Reminded() int { return max(0, len(o.Told)-1) }

// Late reports whether the owner of the plan is told that somebody has not read a
// revision published at a time: reminders went unanswered, or none can be sent.
func (o Owed) Late(published, now time.Time) bool {
	return o.At.IsZero() && (len(o.Told) > Reminders+1 || !o.Reachable && !now.Before(published.Add(FirstReminder)))
}

// Readings lists who has to read a revision: the holders now of the roles on its
// distribution list, by id.
func (n Nouns) Readings(r *plan.Revision) (list []Owed) {
	governance := r.Plan().Governance
	within := governance.AcknowledgeWithin.D()
	if within == 0 {
		within = DefaultAcknowledgeWithin
	}
	for _, p := range n.Roster.People() {
		var roles []string
		for _, role := range p.Roles {
			if slices.Contains(governance.Distribution, role) {
				roles = append(roles, role)
			}
		}
		if len(roles) == 0 {
			continue
		}
		at, _ := n.Drafts.Read(r.ID, r.Number, p.ID)
		o := Owed{Person: p.ID, Name: p.Name, Roles: roles, At: at, Due: r.At.Add(within)}
		o.Reachable = slices.ContainsFunc(p.Contacts, func(c roster.Contact) bool { return c.Channel.Private() })
		o.Told, o.Reached = n.told(readingID(r.ID, r.Number), p.ID)
		list = append(list, o)
	}
	return list
}

// told returns each time at which notices of a task were asked for to a person.
// Those asked for at once have one time, whatever the number of addresses.
func (n Nouns) told(task, person string) (rounds []time.Time, reached bool) {
	if n.Notices == nil {
		return nil, false
	}
	people := n.Notices.ByTask(ReadingSubject, task)
	i := slices.IndexFunc(people, func(p *notify.Person) bool { return p.ID == person })
	if i < 0 {
		return nil, false
	}
	for _, d := range people[i].Deliveries {
		if !slices.ContainsFunc(rounds, d.Asked.Equal) {
			rounds = append(rounds, d.Asked)
		}
	}
	return rounds, people[i].Reached()
}

// Letter is a notice of a revision that is due.
type Letter struct {
	Revision *plan.Revision
	// Task names what it is for, as notices do; Round counts from 0, the first time
	// that he is told.
	Task  string
	Round int
	To    roster.Person
	// Own and Others are what is new for the reader since Before, the revision that
	// he has read last; 0 if there is none.
	Before      int
	Own, Others []plan.Change
	Due         time.Time
	// Late are those who have not read it, in a letter to whoever sees to it.
	Late []Owed
}

// Letters returns what is due to readers of the latest revision of each plan, and
// when the next will be; the zero time if nothing follows. A reader is told as soon
// as it is published or he becomes one, and reminded from then on until he has
// acknowledged, has left, or a later revision is published. What was missed while
// nobody looked is due once.
func (n Nouns) Letters(now time.Time) (due []Letter, next time.Time) {
	for _, id := range n.Plans.Plans() {
		r, _ := n.Plans.Latest(id)
		readings := n.Readings(r)
		var late []Owed
		for _, o := range readings {
			if !o.At.IsZero() {
				continue
			}
			if o.Late(r.At, now) {
				late = append(late, o)
			}
			at := n.dueTo(r, o)
			if o.Reachable && !now.Before(at) {
				due = append(due, n.letter(r, o))
				continue
			}
			next = sooner(next, at, now)
		}
		for _, l := range n.toOwner(r, late) {
			if now.Before(l.Due) {
				next = sooner(next, l.Due, now)
				continue
			}
			due = append(due, l)
		}
	}
	return due, next
}

// sooner returns the earlier of two instants to come; zero is none.
func sooner(a, b, now time.Time) time.Time {
	if !b.After(now) || !a.IsZero() && a.Before(b) {
		return a
	}
	return b
}

// dueTo returns when a reader is to be told next. Who cannot be told has the
// instant at which that comes to the owner.
func (n Nouns) dueTo(r *plan.Revision, o Owed) time.Time {
	switch {
	case !o.Reachable:
		return r.At.Add(FirstReminder)
	case len(o.Told) == 0:
		return r.At
	}
	last := o.Told[len(o.Told)-1]
	if seen := n.Drafts.readings[readingID(r.ID, r.Number)]; seen != nil && seen.reminded[o.Person].After(last) {
		return seen.reminded[o.Person]
	}
	first, again := intervals(r.Plan().Governance)
	if len(o.Told) == 1 {
		return last.Add(first)
	}
	return last.Add(again)
}

// intervals are the times between the notices to one reader.
func intervals(g plan.Governance) (first, again time.Duration) {
	if every := g.RemindEvery.D(); every > 0 {
		return every, every
	}
	return FirstReminder, NextReminder
}

func (n Nouns) letter(r *plan.Revision, o Owed) Letter {
	to, _ := n.Roster.Person(o.Person)
	l := Letter{Revision: r, Task: readingID(r.ID, r.Number), Round: len(o.Told), To: to, Due: o.Due}
	l.Before, l.Own, l.Others = n.ChangesFor(r, o.Person)
	return l
}

// toOwner are letters to whoever sees to it that a revision is read: the holders of
// the plan's owner, or where it has none, those who approve last. They are told of
// the late together, once when there are any and then at the interval of
// reminders.
func (n Nouns) toOwner(r *plan.Revision, late []Owed) (letters []Letter) {
	if len(late) == 0 {
		return nil
	}
	governance := r.Plan().Governance
	roles := []string{governance.Owner}
	if steps := governance.Approval; governance.Owner == "" && len(steps) > 0 {
		roles = steps[len(steps)-1].Roles
	}
	_, again := intervals(governance)
	task := readingID(r.ID, r.Number) + ".late"
	for _, p := range n.Roster.People() {
		if !slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(p.Roles, role) }) {
			continue
		}
		l := Letter{Revision: r, Task: task, To: p, Late: late, Due: r.At}
		if told, _ := n.told(task, p.ID); len(told) > 0 {
			l.Round, l.Due = len(told), told[len(told)-1].Add(again)
		}
		letters = append(letters, l)
	}
	return letters
}

// ChangesFor tells a person what a revision changes in the one that he has read
// last; where he has read none, in the one before: what concerns his roles, and
// everything else. before is 0 if there is none to compare with.
func (n Nouns) ChangesFor(r *plan.Revision, person string) (before int, own, others []plan.Change) {
	before = r.Number - 1
	for i := r.Number - 1; i > 0; i-- {
		if _, read := n.Drafts.Read(r.ID, i, person); read {
			before = i
			break
		}
	}
	was, found := n.Plans.Revision(r.ID, before)
	if !found {
		return 0, nil, nil
	}
	p, _ := n.Roster.Person(person)
	own, others = plan.SplitChanges(was.Plan(), r.Plan(), plan.Compare(was.Plan(), r.Plan()), p.Roles)
	return before, own, others
}

// remind asks for readers to be reminded now: one person, or with an empty id all
// who have not read a revision.
func (n Nouns) remind(planID string, revision int, person string, now time.Time) ([]string, []journal.Draft, error) {
	r, found := n.Plans.Latest(planID)
	if !found || r.Number != revision {
		return nil, nil, holdfast.Errorf(holdfast.Conflict, "revision %d is not the latest: nobody has to read it any more", revision)
	}
	var people []string
	for _, o := range n.Readings(r) {
		if person != "" && o.Person != person {
			continue
		}
		switch recent := len(o.Told) > 0 && now.Before(o.Told[len(o.Told)-1].Add(remindPause)); {
		case person != "" && !o.At.IsZero():
			return nil, nil, holdfast.Errorf(holdfast.Conflict, "%s has acknowledged this revision already", o.Name)
		case person != "" && !o.Reachable:
			return nil, nil, holdfast.Errorf(holdfast.Conflict, "%s has no address to which a notice can go: tell him by hand, and complete the roster", o.Name)
		case person != "" && recent:
			return nil, nil, holdfast.Errorf(holdfast.TooMany, "%s was told less than a minute ago; wait for the notice to arrive", o.Name)
		case o.At.IsZero() && o.Reachable && !recent:
			people = append(people, o.Person)
		}
	}
	if len(people) == 0 {
		if person != "" {
			return nil, nil, holdfast.Errorf(holdfast.NotFound, "%q does not have to read this revision", person)
		}
		return nil, nil, nil
	}
	return people, n.Drafts.readingFact(r, kindReminded, reminded{people}), nil
}

// Acknowledge states that whoever acts has read a revision. named is the person
// whom his account names; the roster's word goes before.
func (s *Service) Acknowledge(ctx context.Context, by holdfast.Actor, planID string, revision int, named string) error {
	return s.do(ctx, by, "acknowledge the revision", func(time.Time) ([]journal.Draft, error) {
		return s.Nouns.acknowledge(planID, revision, s.Nouns.reader(by, named))
	})
}

// Remind asks for a reader to be reminded now, or with an empty id everybody who has
// not acknowledged the revision and can be told. It returns their ids.
func (s *Service) Remind(ctx context.Context, by holdfast.Actor, planID string, revision int, person string) (people []string, err error) {
	err = s.do(ctx, by, "remind the readers", func(now time.Time) (drafts []journal.Draft, err error) {
		people, drafts, err = s.Nouns.remind(planID, revision, person, now)
		return drafts, err
	})
	return people, err
}

// Readings lists who has to read a revision.
func (s *Service) Readings(planID string, revision int) (list []Owed, err error) {
	s.Desk.State.View(func() {
		r, found := s.Nouns.Plans.Revision(planID, revision)
		if !found {
			err = holdfast.Errorf(holdfast.NotFound, "the plan has no revision %d", revision)
			return
		}
		list = s.Nouns.Readings(r)
	})
	return list, err
}

// ChangesFor tells a person what a revision changes for him; see [Nouns.ChangesFor].
func (s *Service) ChangesFor(planID string, revision int, person string) (before int, own, others []plan.Change, err error) {
	s.Desk.State.View(func() {
		r, found := s.Nouns.Plans.Revision(planID, revision)
		if !found {
			err = holdfast.Errorf(holdfast.NotFound, "the plan has no revision %d", revision)
			return
		}
		before, own, others = s.Nouns.ChangesFor(r, person)
	})
	return before, own, others, err
}
