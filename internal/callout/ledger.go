package callout

import (
	"time"

	"holdfast"
)

// Ledger is the auditor's own reading of the facts about telling people: whom a
// notice told and when, who has acknowledged, which rounds came and how late they say
// they were, which attempts are due. It shares nothing with what decides ([Stand]) and
// what delivers (the book of package notify), so that a fault of theirs does not hide
// itself. Use it under the state's lock.
type Ledger struct {
	levels map[string]*levels
	tells  map[account]*telling
	mails  map[string]*mailing
	// open are the mails of which an attempt is due now or later.
	open map[string]*mailing
}

// levels are those of an incident.
type levels struct {
	first, now holdfast.Level
	since      time.Time
	changes    int
}

// account is what is counted by itself: one task at one level, as notices number it.
type account struct {
	incident, task string
	level          int
}

// telling is what came to pass for one account.
type telling struct {
	// asked has, for each person, when he was told in each round.
	asked map[string]map[int]time.Time
	// taken is since when somebody's word counts; lapsed when it ceased to.
	taken, reached, lapsed map[string]time.Time
	rounds                 []round
	byHand                 bool
	mails                  []string
	marks                  []stamp
}

// round is one telling after the first.
type round struct {
	stamp
	number, step int
	why          string
	people       []string
	// changes are those of level before it.
	changes int
}

// stamp is something that came to pass, with what it says of its lateness.
type stamp struct {
	kind    DueKind
	at, due time.Time
	late    int64
	person  string
}

// honest reports whether it says rightly, to the second, how late it was.
func (s stamp) honest() bool {
	off := max(0, s.at.Sub(s.due)) - time.Duration(s.late)*time.Second
	return -time.Second <= off && off <= time.Second
}

// mailing is one notice on its way.
type mailing struct {
	account
	person, channel string
	urgent          bool
	begun           bool
	// due was set at an instant.
	due, set time.Time
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{levels: map[string]*levels{}, tells: map[account]*telling{}, mails: map[string]*mailing{}, open: map[string]*mailing{}}
}

// body has what the ledger reads of any fact.
type body struct {
	Level    holdfast.Level `json:"level"`
	To       holdfast.Level `json:"to"`
	Incident string         `json:"incident"`
	Task     string         `json:"task"`
	Person   string         `json:"person"`
	Channel  string         `json:"channel"`
	Urgent   bool           `json:"urgent"`
	Round    int            `json:"round"`
	Again    int            `json:"again"`
	Step     int            `json:"step"`
	Due      time.Time      `json:"due"`
	Until    time.Time      `json:"until"`
	Retry    time.Time      `json:"retry"`
	Late     int64          `json:"late"`
	Why      string         `json:"why"`
	Result   string         `json:"result"`
	People   []struct {
		ID string `json:"id"`
	} `json:"people"`
}

// Apply folds a fact.
func (l *Ledger) Apply(f holdfast.Fact) error {
	read, known := map[string]func(id string, b body, f holdfast.Fact){
		"incident.confirmed": l.confirmed, "incident.level-changed": l.changed, "incident.called": l.called,
		"incident.escalated": l.told, "incident.re-paged": l.told, "incident.call-by-hand": l.told,
		"notice.asked": l.asked, "notice.acknowledged": l.acknowledged, "notice.acknowledgement-lapsed": l.lapse,
		"notice.sending": l.attempt, "notice.failed": l.attempt, "notice.doubtful": l.attempt, "notice.delivered": l.attempt, "notice.gave-up": l.attempt,
	}[f.Kind]
	if !known {
		return nil
	}
	var b body
	if err := f.Decode(&b); err != nil {
		return err
	}
	read(f.Subject.ID(), b, f)
	return nil
}

func (l *Ledger) confirmed(id string, b body, f holdfast.Fact) {
	l.levels[id] = &levels{first: b.Level, now: b.Level, since: f.Time}
}

func (l *Ledger) changed(id string, b body, f holdfast.Fact) {
	if v := l.levels[id]; v != nil {
		v.now, v.since = b.To, f.Time
		v.changes++
	}
}

// account returns where what happens to a task of an incident now is counted.
func (l *Ledger) account(incident, task string) account {
	a := account{incident: incident, task: task}
	if v := l.levels[incident]; v != nil && v.now != v.first {
		a.level = int(v.now)
	}
	return a
}

// of returns what came to pass for an account, to be changed.
func (l *Ledger) of(a account) *telling {
	t := l.tells[a]
	if t == nil {
		t = &telling{asked: map[string]map[int]time.Time{}, taken: map[string]time.Time{}, reached: map[string]time.Time{}, lapsed: map[string]time.Time{}}
		l.tells[a] = t
	}
	return t
}

// read returns what came to pass for an account.
func (l *Ledger) read(a account) *telling {
	if t := l.tells[a]; t != nil {
		return t
	}
	return &telling{}
}

func (l *Ledger) told(id string, b body, f holdfast.Fact) {
	t := l.of(l.account(id, b.Task))
	s := stamp{kind: ToEscalate, at: f.Time, due: b.Due, late: b.Late}
	switch f.Kind {
	case "incident.call-by-hand":
		s.kind, t.byHand = ToCall, true
		t.marks = append(t.marks, s)
		return
	case "incident.re-paged":
		s.kind = ToRePage
	}
	r := round{stamp: s, number: b.Round, step: b.Step, why: b.Why}
	for _, p := range b.People {
		r.people = append(r.people, p.ID)
	}
	if v := l.levels[id]; v != nil {
		r.changes = v.changes
	}
	t.rounds = append(t.rounds, r)
}

func (l *Ledger) called(id string, b body, f holdfast.Fact) {
	if b.Result == "reached" {
		l.of(l.account(id, b.Task)).reached[b.Person] = f.Time
	}
}

func (l *Ledger) asked(id string, b body, f holdfast.Fact) {
	m := &mailing{account: account{b.Incident, b.Task, b.Round}, person: b.Person, channel: b.Channel, urgent: b.Urgent, due: f.Time, set: f.Time}
	t := l.of(m.account)
	if t.asked[m.person] == nil {
		t.asked[m.person] = map[int]time.Time{}
	}
	if _, again := t.asked[m.person][b.Again]; !again {
		t.asked[m.person][b.Again] = f.Time
	}
	l.mails[id] = m
	t.mails = append(t.mails, id)
	if _, over := t.taken[m.person]; !over {
		l.open[id] = m
	}
}

func (l *Ledger) acknowledged(id string, b body, f holdfast.Fact) {
	m := l.mails[id]
	if m == nil {
		return
	}
	t := l.of(m.account)
	t.taken[b.Person] = f.Time
	for _, other := range t.mails {
		if l.mails[other].person == b.Person {
			delete(l.open, other)
		}
	}
}

func (l *Ledger) lapse(id string, b body, f holdfast.Fact) {
	if m := l.mails[id]; m != nil {
		t := l.of(m.account)
		delete(t.taken, b.Person)
		t.lapsed[b.Person] = f.Time
		t.marks = append(t.marks, stamp{ToLapse, f.Time, b.Due, b.Late, b.Person})
	}
}

func (l *Ledger) attempt(id string, b body, f holdfast.Fact) {
	m := l.mails[id]
	if m == nil {
		return
	}
	m.set = f.Time
	switch f.Kind {
	case "notice.sending":
		m.begun, m.due = true, b.Until
	case "notice.failed", "notice.doubtful":
		m.due = b.Retry
	default:
		delete(l.open, id)
	}
}

// answered reports whether somebody's word counts: he has acknowledged and that has
// not lapsed, or was reached by phone since.
func (t *telling) answered(person string) bool {
	if _, ok := t.taken[person]; ok {
		return true
	}
	at, ok := t.reached[person]
	return ok && (t.lapsed[person].IsZero() || at.After(t.lapsed[person]))
}

// stepOf returns the step in which a round told.
func (t *telling) stepOf(number int) int {
	for _, r := range t.rounds {
		if r.number == number {
			return r.step
		}
	}
	return 0
}

// answers counts whose word counts: in all, and of those told in each step.
func (t *telling) answers(steps int) (all int, of []int) {
	of = make([]int, steps)
	in := map[string]map[int]bool{}
	put := func(person string, step int) {
		if in[person] == nil {
			in[person] = map[int]bool{}
		}
		in[person][step] = true
	}
	for person, rounds := range t.asked {
		for number := range rounds {
			put(person, t.stepOf(number))
		}
	}
	for _, r := range t.rounds {
		for _, person := range r.people {
			put(person, r.step)
		}
	}
	for person := range t.reached {
		put(person, -1) // told by phone alone
	}
	for person, told := range in {
		if !t.answered(person) {
			continue
		}
		all++
		for step := range told {
			if 0 <= step && step < steps {
				of[step]++
			}
		}
	}
	return all, of
}
