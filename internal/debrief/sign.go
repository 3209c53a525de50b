package debrief

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

// Figures takes the figures of an incident as they are now.
func (n Nouns) Figures(in *incident.Incident, now time.Time) (Figures, error) {
	record, last, err := n.record(in)
	if err != nil {
		return Figures{}, err
	}
	f := Figures{Position: last, At: now.UTC(), Record: record, Owed: n.owed(in, now)}
	from, to := in.Opened, now
	if s := record.Span(ToRecover); s.From != nil {
		from = s.From.At
		if s.To != nil {
			to = s.To.At
		}
	}
	if !in.Ended.IsZero() && in.Ended.Before(to) {
		to = in.Ended
	}
	f.Counts = n.Count(in, from, to)
	return f, nil
}

// facts are those of an incident and of what was merged into it, in the order of the
// journal.
func (n Nouns) facts(id string) (all []holdfast.Fact) {
	whole := n.Incidents.Whole(id)
	for _, part := range whole {
		facts, _ := n.Facts.Of(part)
		all = append(all, facts...)
	}
	if len(whole) > 1 {
		slices.SortStableFunc(all, func(a, b holdfast.Fact) int { return int(int64(a.Position) - int64(b.Position)) })
	}
	return all
}

// again works out the record of a round anew, from the facts up to its position.
func (n Nouns) again(r Round, id string) (Record, error) {
	facts := n.facts(id)
	end, _ := slices.BinarySearchFunc(facts, r.Figures.Position+1, func(f holdfast.Fact, p holdfast.Position) int { return int(int64(f.Position) - int64(p)) })
	return Work(id, facts[:end])
}

// same reports whether two records say the same.
func same(a, b Record) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

func (n Nouns) owed(in *incident.Incident, now time.Time) (list []Owed) {
	for _, d := range n.Obligations.Sheet(in, now).Duties {
		if !d.Open() && !d.State.Done() {
			continue
		}
		o := Owed{Clock: d.Clock, Title: d.Stage.Title, Recipient: d.Rule.Recipient, Applies: d.Applies.String(), State: string(d.State), Due: d.Due, Late: d.Late(now)}
		if len(d.Submissions) > 0 {
			o.Submitted = d.Submissions[0].At
			o.Due = d.Submissions[0].Due
		}
		if k := len(d.Explained); k > 0 {
			o.Explained = d.Explained[k-1].Reason
		}
		list = append(list, o)
	}
	return list
}

// hash stands for what is signed: the texts, causes and improvements that count, and
// the figures.
func (d *Debrief) hash(f Figures) holdfast.Hash {
	type cause struct {
		ID string `json:"id"`
		CauseForm
	}
	type improvement struct {
		ID string `json:"id"`
		ImprovementForm
	}
	content := struct {
		Incident     string             `json:"incident"`
		Texts        map[Section]string `json:"texts"`
		Causes       []cause            `json:"causes"`
		Improvements []improvement      `json:"improvements"`
		Figures      Figures            `json:"figures"`
	}{Incident: d.Incident, Texts: map[Section]string{}, Figures: f}
	for s, t := range d.Texts {
		content.Texts[s] = t.Text
	}
	for _, c := range d.Standing() {
		content.Causes = append(content.Causes, cause{c.ID, c.CauseForm})
	}
	for _, i := range d.Agreed() {
		content.Improvements = append(content.Improvements, improvement{i.ID, i.ImprovementForm})
	}
	raw, err := json.Marshal(content)
	if err != nil {
		panic("debrief: " + err.Error()) // they are our own types, of what was decoded
	}
	return sha256.Sum256(raw)
}

// Void ends the round that stands of an incident's debrief: a fact of the kind change
// gives the incident other figures. It decides nothing where none stands.
func (n Nouns) Void(incident, change string) []journal.Draft {
	d := n.Book.Debrief(incident)
	if r, some := d.Round(); some && r.Stands() {
		return d.draft(Voided{r.N, change})
	}
	return nil
}

// Ready says why an incident cannot be closed for want of a debrief; nil if it can.
func (n Nouns) Ready(in *incident.Incident) error {
	d := n.Book.Debrief(in.ID)
	if len(d.Wanting()) > 0 {
		return errWanting(in.ID, d)
	}
	if len(in.Procedure.Signers()) > 0 && d.State() != Accepted {
		return holdfast.Errorf(holdfast.Conflict, "the debrief of incident %s is not signed yet by everyone whom the plan names", in.ID)
	}
	return nil
}

func errWanting(id string, d *Debrief) error {
	return holdfast.Errorf(holdfast.Conflict, "the debrief of incident %s is not whole: it needs a summary, a root cause and an improvement; missing is: %s", id, strings.Join(d.Wanting(), ", "))
}

// present decides on freezing the figures and asking for signatures.
func (n Nouns) present(id string, now time.Time) ([]journal.Draft, error) {
	in, d, err := n.on(id)
	switch {
	case err != nil:
		return nil, err
	case in.Ongoing():
		return nil, holdfast.Errorf(holdfast.Conflict, "incident %s still goes on; the debrief is presented when only the debrief is left", id)
	case d.State() != Writing:
		r, _ := d.Round()
		return nil, holdfast.Errorf(holdfast.Conflict, "round %d of this debrief stands; change something, or have it returned, before it is presented anew", r.N)
	case len(d.Wanting()) > 0:
		return nil, errWanting(id, d)
	}
	f, err := n.Figures(in, now)
	if err != nil {
		return nil, err
	}
	e := PresentedFact{Round: len(d.Rounds) + 1, Hash: d.hash(f), Sign: in.Procedure.Signers()}
	short, parts := f.parted(e.Round)
	e.Figures = short
	events := []event{e}
	for _, p := range parts {
		events = append(events, p)
	}
	if len(e.Sign) == 0 {
		events = append(events, AcceptedFact{e.Round})
	}
	return d.draft(events...), nil
}

// presented returns the round that waits for signatures, if it is the one that the
// actor has seen.
func (n Nouns) presented(id string, round int) (*Debrief, Round, error) {
	_, d, err := n.on(id)
	if err != nil {
		return nil, Round{}, err
	}
	r, _ := d.Round()
	switch {
	case d.State() != Presented:
		return nil, r, holdfast.Errorf(holdfast.Conflict, "the debrief of incident %s does not wait for signatures: it is %s", id, d.State())
	case r.N != round:
		return nil, r, holdfast.Errorf(holdfast.Conflict, "round %d is over; read round %d before you sign", round, r.N)
	}
	return d, r, nil
}

// Holds lists the roles of a round that a party holds by the roster.
func (n Nouns) Holds(r Round, by holdfast.Actor) (roles []string) {
	if by.Kind != holdfast.Account {
		return nil
	}
	for _, p := range n.Roster.People() {
		if p.Account == "" || p.Account != by.ID {
			continue
		}
		for _, role := range r.Sign {
			if slices.Contains(p.Roles, role) {
				roles = append(roles, role)
			}
		}
	}
	return roles
}

// sign decides on a signature for a role, or for the first that the actor can sign
// for. Each role is signed for by another person.
func (n Nouns) sign(id string, round int, role string, by holdfast.Actor) ([]journal.Draft, error) {
	d, r, err := n.presented(id, round)
	if err != nil {
		return nil, err
	}
	held := n.Holds(r, by)
	if role != "" {
		held = slices.DeleteFunc(held, func(h string) bool { return h != role })
	}
	if len(held) == 0 {
		return nil, holdfast.Errorf(holdfast.Forbidden, "you hold none of the roles that sign this debrief: %s", strings.Join(r.Sign, ", "))
	}
	if slices.ContainsFunc(r.Signatures, func(s Signature) bool { return s.By.SameParty(by) }) {
		return nil, holdfast.Errorf(holdfast.Conflict, "you have signed round %d already; each role is signed for by another person", round)
	}
	missing := r.Missing()
	i := slices.IndexFunc(held, func(h string) bool { return slices.Contains(missing, h) })
	if i < 0 {
		return nil, holdfast.Errorf(holdfast.Conflict, "somebody else has signed for your role already")
	}
	events := []event{Signed{round, held[i]}}
	if len(missing) == 1 {
		events = append(events, AcceptedFact{round})
	}
	return d.draft(events...), nil
}

// giveBack decides on returning what was presented, with a reason.
func (n Nouns) giveBack(id string, round int, reason string, by holdfast.Actor) ([]journal.Draft, error) {
	d, r, err := n.presented(id, round)
	if err != nil {
		return nil, err
	}
	if len(n.Holds(r, by)) == 0 {
		return nil, holdfast.Errorf(holdfast.Forbidden, "you hold none of the roles that sign this debrief: %s", strings.Join(r.Sign, ", "))
	}
	if reason, err = reasoned(reason); err != nil {
		return nil, err
	}
	return d.draft(Returned{round, reason}), nil
}

// Due returns until when the plan wants the debrief accepted, and from when on that is
// at risk; zero where it says nothing or the emergency goes on.
func Due(in *incident.Incident) (due, risk time.Time) {
	if in.Procedure.Debrief == nil {
		return time.Time{}, time.Time{}
	}
	within := in.Procedure.Debrief.Within.D()
	if within == 0 || in.Ongoing() || in.State != incident.Active && in.State != incident.Closed {
		return time.Time{}, time.Time{}
	}
	var ended time.Time
	for i, s := range in.Stages {
		if in.Procedure.Stages[i].Kind != procedure.Review && s.Ended.After(ended) {
			ended = s.Ended
		}
	}
	due = ended.Add(within).UTC()
	return due, due.Add(-within / 5)
}

// remind decides on what is to be told of the due time, and says when the next thing is.
func (n Nouns) remind(in *incident.Incident, now time.Time) (drafts []journal.Draft, next time.Time) {
	due, risk := Due(in)
	_, d, err := n.on(in.ID)
	if err != nil || due.IsZero() || d.State() == Accepted {
		return nil, time.Time{}
	}
	told := func(breached bool) bool {
		return slices.ContainsFunc(d.Warned, func(w Warning) bool { return w.Due.Equal(due) && (w.Breached || !breached) })
	}
	switch {
	case now.After(due):
		if told(true) {
			return nil, time.Time{}
		}
		return d.draft(Breached{due, int64(now.Sub(due) / time.Second)}), time.Time{}
	case now.After(risk):
		if told(false) {
			return nil, due
		}
		return d.draft(AtRisk{due}), due
	default:
		return nil, risk
	}
}
