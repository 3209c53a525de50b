package callout

import (
	"slices"
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// FindingKind is what was due.
type FindingKind string

const (
	// PageDue: a notice that ought to exist.
	PageDue FindingKind = "page"
	// AttemptDue: an attempt to deliver a notice.
	AttemptDue FindingKind = "attempt"
	// EscalationDue: a step, a round, or the end of an escalation.
	EscalationDue FindingKind = "escalation"
	// LoopDue: the loop that tells people has not been heard of.
	LoopDue FindingKind = "loop"
	// Unmarked: what came to pass does not say rightly how late it was.
	Unmarked FindingKind = "unmarked"
)

// Finding is something that was due and has not come to pass, or came late.
type Finding struct {
	Kind     FindingKind `json:"kind"`
	Incident string      `json:"incident,omitempty"`
	Task     string      `json:"task,omitempty"`
	// Person is whom it concerns, if one; What is the kind of [Due] of an escalation.
	Person string    `json:"person,omitempty"`
	What   string    `json:"what,omitempty"`
	Due    time.Time `json:"due"`
	// Done is zero if it is missing.
	Done time.Time `json:"done,omitzero"`
}

// Missing reports whether it has not come to pass.
func (f Finding) Missing() bool { return f.Done.IsZero() }

func (f Finding) key() string {
	return string(f.Kind) + "/" + f.Incident + "/" + f.Task + "/" + f.Person + "/" + f.What
}

// Tolerance is how much later than its instant something may come to pass without
// being late.
const Tolerance = 30 * time.Second

// Audit compares, for the incidents that are open, what was due by an instant with
// what the ledger says came to pass. It lists what is missing, then what came late,
// each in order of its instant. Which tasks are open it takes from the incidents, and
// who holds a role from the roster; the waits are those of the procedure that the
// incident was confirmed with.
func (s *Service) Audit(now time.Time, tolerance time.Duration) []Finding {
	a := &audit{Service: s, people: s.Roster.People(), now: now, tolerance: tolerance}
	for _, in := range s.Incidents.Open() {
		a.suspected(in)
		a.handovers(in)
		a.consents(in)
		a.levelAsked(in)
		for i, stage := range in.Procedure.Stages {
			for _, t := range stage.Tasks {
				if in.Stages[i].Status != procedure.Waiting {
					a.task(in, stage.Kind, t)
				}
			}
		}
	}
	a.attempts()
	slices.SortStableFunc(a.findings, func(a, b Finding) int {
		if a.Missing() != b.Missing() {
			if a.Missing() {
				return -1
			}
			return 1
		}
		return a.Due.Compare(b.Due)
	})
	return a.findings
}

// audit is one look.
type audit struct {
	*Service
	people    []roster.Person
	now       time.Time
	tolerance time.Duration
	findings  []Finding
}

// miss notes what is missing if it was due long enough ago.
func (a *audit) miss(f Finding) {
	if !f.Due.IsZero() && a.now.Sub(f.Due) > a.tolerance {
		a.findings = append(a.findings, f)
	}
}

// suspected looks whether those were told whom a rule of the plan tells of a
// suspicion.
func (a *audit) suspected(in *incident.Incident) {
	if in.State != incident.Suspected || len(in.Tell) == 0 {
		return
	}
	at := account{incident: in.ID, task: Suspected}
	a.first(at, in.Opened, procedure.Notice{To: in.Tell}, false)
}

// handovers looks whether those were told whom a post is offered.
func (a *audit) handovers(in *incident.Incident) {
	for _, h := range in.Handovers {
		for _, p := range a.people {
			if h.Open() && h.To.Account != "" && p.Account == h.To.Account && usable(p, nil) {
				a.page(account{incident: in.ID, task: "handover-" + strconv.Itoa(h.N)}, p.ID, h.Offered)
			}
		}
	}
}

// page looks whether a person was told for an account at all.
func (a *audit) page(at account, person string, due time.Time) {
	if len(a.Ledger.read(at).asked[person]) == 0 {
		a.miss(Finding{Kind: PageDue, Incident: at.incident, Task: at.task, Person: person, Due: due})
	}
}

// usable reports whether a person has an address that a notice over these channels,
// or over any, goes to.
func usable(p roster.Person, channels []string) bool {
	return slices.ContainsFunc(p.Contacts, func(c roster.Contact) bool {
		return c.Channel != roster.Phone && (len(channels) == 0 || slices.Contains(channels, string(c.Channel)))
	})
}

// first looks whether those were told whom a notice tells first: all who hold a role
// and can be reached or, of a role with duty times, somebody.
func (a *audit) first(at account, since time.Time, n procedure.Notice, everyone bool) {
	asked := a.Ledger.read(at).asked
	for _, role := range n.To {
		var holders []string
		for _, p := range a.people {
			if slices.Contains(p.Roles, role) && usable(p, n.Channels) {
				holders = append(holders, p.ID)
			}
		}
		if everyone || n.Everyone || !a.Roster.Scheduled(role) {
			for _, id := range holders {
				a.page(at, id, since)
			}
		} else if len(holders) > 0 && len(asked) == 0 {
			a.miss(Finding{Kind: PageDue, Incident: at.incident, Task: at.task, Due: since})
		}
	}
}

// task looks at what was due for one task.
func (a *audit) task(in *incident.Incident, stage procedure.StageKind, t procedure.Task) {
	at, st := a.Ledger.account(in.ID, t.ID), in.Tasks[t.ID]
	if d := st.Deputised; d != nil && st.Status == procedure.Open && st.Owner.ID == "" {
		for _, id := range d.People {
			if p, ok := a.Roster.Person(id); ok && usable(p, nil) {
				a.page(at, id, d.Due.Add(time.Duration(d.Late)*time.Second))
			}
		}
	}
	if t.Notice == nil || st.Opened.IsZero() {
		return
	}
	since := st.Opened
	if v := a.Ledger.levels[in.ID]; v != nil {
		since = later(since, v.since)
	}
	open := st.Status == procedure.Open
	if open {
		a.first(at, since, *t.Notice, stage == procedure.Convene)
	}
	w := a.waits(at, since, *t.Notice)
	a.stamps(at)
	follows := open || st.Status == procedure.Done && t.Notice.Lapse > 0 && st.EndedBy.Kind == holdfast.System
	if follows && in.State == incident.Active && in.Ongoing() {
		a.silence(in, at, w, *t.Notice)
		a.rounds(at, *t.Notice)
	}
}

// rounds looks whether the people of each round were told in it who have not answered.
func (a *audit) rounds(at account, n procedure.Notice) {
	t := a.Ledger.read(at)
	for _, r := range t.rounds {
		for _, id := range r.people {
			p, here := a.Roster.Person(id)
			when, told := t.asked[id][r.number]
			switch f := (Finding{Kind: PageDue, Incident: at.incident, Task: at.task, Person: id, Due: r.at, Done: when}); {
			case told && when.Sub(r.at) > a.tolerance:
				a.findings = append(a.findings, f)
			case !told && here && usable(p, n.Channels) && !t.answered(id):
				a.miss(f)
			}
		}
	}
}

// stamps looks at what came to pass late, and at what does not say so.
func (a *audit) stamps(at account) {
	t := a.Ledger.read(at)
	list := slices.Clone(t.marks)
	for _, r := range t.rounds {
		list = append(list, r.stamp)
	}
	for _, s := range list {
		f := Finding{Kind: EscalationDue, Incident: at.incident, Task: at.task, Person: s.person, What: string(s.kind), Due: s.due, Done: s.at}
		if !s.honest() {
			f.Kind = Unmarked
			a.findings = append(a.findings, f)
		} else if s.at.Sub(s.due) > a.tolerance {
			a.findings = append(a.findings, f)
		}
	}
}

// waiting is where an account's escalation stands.
type waiting struct {
	step, rounds int
	began, last  time.Time
}

// waits goes through the rounds of the present phase, and looks whether each says
// that it was due no later than the waits that the procedure has.
func (a *audit) waits(at account, since time.Time, n procedure.Notice) waiting {
	t, steps := a.Ledger.read(at), n.Steps()
	w := waiting{began: since, last: since}
	changes := 0
	if v := a.Ledger.levels[at.incident]; v != nil {
		changes = v.changes
	}
	w.rounds = 1
	for _, r := range t.rounds {
		if r.changes == changes && r.why == "unacknowledged" && len(t.lapsed) == 0 && w.step < len(steps) {
			wanted := w.began.Add(steps[w.step].Within.D())
			if r.kind == ToRePage {
				wanted = w.last.Add(steps[w.step].Again.D())
			}
			if r.due.After(wanted.Add(time.Second)) {
				a.findings = append(a.findings, Finding{Kind: Unmarked, Incident: at.incident, Task: at.task, What: string(r.kind), Due: wanted, Done: r.at})
			}
		}
		if r.step != w.step {
			w.rounds = 0
		}
		w.rounds++
		if r.changes == changes {
			if r.step != w.step || w.began.After(r.at) {
				w.began = r.at
			}
			w.last = r.at
		}
		w.step = r.step
	}
	return w
}

// silence looks whether nobody was told for longer than the procedure lets it be
// silent while too few have answered, and whether a word counts for too long.
func (a *audit) silence(in *incident.Incident, at account, w waiting, n procedure.Notice) {
	t, steps, task := a.Ledger.read(at), n.Steps(), at.task
	if w.step >= len(steps) || n.Acknowledge == 0 {
		return
	}
	all, of := t.answers(len(steps))
	enough := all >= n.Acknowledge
	for i, step := range steps {
		enough = enough || step.Acknowledge > 0 && of[i] >= step.Acknowledge
	}
	if enough {
		a.lapses(in, at, n)
		return
	}
	var resumed time.Time
	for _, lapsed := range t.lapsed {
		resumed = later(resumed, lapsed)
	}
	due := func(kind DueKind, from time.Time, wait procedure.Duration) {
		f := Finding{Kind: EscalationDue, Incident: in.ID, Task: task, What: string(kind), Due: later(from.Add(wait.D()), resumed)}
		a.missSince(from, f)
	}
	step := steps[w.step]
	switch {
	case step.Within == 0:
	case w.step+1 < len(steps):
		due(ToEscalate, w.began, step.Within)
	case !t.byHand:
		due(ToCall, w.began, step.Within)
	}
	if step.Again > 0 && w.rounds < procedure.MaxRounds {
		due(ToRePage, w.last, step.Again)
	}
}

// missSince is miss for what follows a wait: one that began later than now by a clock
// that was set back since is over.
func (a *audit) missSince(began time.Time, f Finding) {
	if began.After(a.now.Add(skew)) {
		a.findings = append(a.findings, f)
		return
	}
	a.miss(f)
}

func (a *audit) lapses(in *incident.Incident, at account, n procedure.Notice) {
	if n.Lapse == 0 {
		return
	}
	for id, since := range a.Ledger.read(at).taken {
		p, here := a.Roster.Person(id)
		if here && p.Account != "" && !in.TookPart(p.Account) {
			a.miss(Finding{Kind: EscalationDue, Incident: at.incident, Task: at.task, Person: id, What: string(ToLapse), Due: since.Add(n.Lapse.D())})
		}
	}
}

// attempts looks at the notices of open incidents that should have left. One that is
// not urgent may wait for its turn, and for the quiet hours.
func (a *audit) attempts() {
	for _, m := range a.Ledger.open {
		if !m.urgent && (!m.begun || !a.Roster.QuietUntil(m.person, a.now).IsZero()) {
			continue
		}
		if in := a.Incidents.Incident(m.incident); in != nil && !in.Over() {
			a.missSince(m.set, Finding{Kind: AttemptDue, Incident: m.incident, Task: m.task, Person: m.person, What: m.channel, Due: m.due})
		}
	}
}
