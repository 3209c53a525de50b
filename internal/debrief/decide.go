package debrief

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/obligation"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// Limits on what people may write.
const (
	maxSection  = 8000 // bytes of a section
	maxWhy      = 2000 // bytes of a cause, an evidence's text, an improvement, a reason
	maxLine     = 200  // bytes of a name
	maxLink     = 2000 // bytes
	maxEvidence = 10   // of one cause
	maxDepth    = 10   // whys in a row
	maxEntries  = 100  // causes, and improvements, of one debrief
)

// Facts are those of one incident and of what belongs to it.
type Facts interface {
	// Of lists them in order. Of a storm of alerts some may be left out, never the first.
	Of(incident string) (facts []holdfast.Fact, left int)
	// Last is the position of the newest; 0 if there are none.
	Last(incident string) holdfast.Position
}

// Nouns is what decisions on debriefs ask. Use them under the state's lock.
type Nouns struct {
	Book        *Book
	Incidents   *incident.Book
	Plans       *plan.Book
	Roster      *roster.Book
	Obligations obligation.Nouns
	Facts       Facts
	Kept        *Kept
	// Count asks the gates' counts of a time, and what was in flight at the stops.
	Count func(in *incident.Incident, from, to time.Time) Counts
}

// on returns an incident that a debrief can be written of, and the debrief.
func (n Nouns) on(id string) (*incident.Incident, *Debrief, error) {
	in := n.Incidents.Incident(id)
	switch {
	case in == nil:
		return nil, nil, holdfast.Errorf(holdfast.NotFound, "there is no incident %q", id)
	case in.Confirmed.IsZero():
		return nil, nil, holdfast.Errorf(holdfast.Conflict, "incident %s was never confirmed, so there is nothing to debrief", id)
	case in.State == incident.Merged:
		return nil, nil, holdfast.Errorf(holdfast.Conflict, "incident %s goes on as part of %s; the debrief is written there", id, in.Into)
	}
	if d := n.Book.Debrief(id); d != nil {
		return in, d, nil
	}
	return in, &Debrief{Incident: id}, nil
}

// Sheet is what people write beside causes and improvements. A section that is nil is
// left as it is.
type Sheet struct {
	Summary *string `json:"summary,omitempty"`
	Well    *string `json:"well,omitempty"`
	Badly   *string `json:"badly,omitempty"`
	Lucky   *string `json:"lucky,omitempty"`
}

func (s Sheet) section(name Section) *string {
	return map[Section]*string{Summary: s.Summary, Well: s.Well, Badly: s.Badly, Lucky: s.Lucky}[name]
}

// write decides on the texts. What says the same as before gives no fact.
func (n Nouns) write(id string, s Sheet) ([]journal.Draft, error) {
	_, d, err := n.on(id)
	if err != nil {
		return nil, err
	}
	var events []event
	for _, name := range Sections {
		text := s.section(name)
		if text == nil {
			continue
		}
		if len(*text) > maxSection {
			return nil, errLong(string(name), maxSection)
		}
		if masked := payment.Mask(strings.TrimSpace(strings.ReplaceAll(*text, "\r\n", "\n"))); masked != d.Text(name) {
			events = append(events, Written{name, masked})
		}
	}
	return d.draft(events...), nil
}

// setCause decides on a new cause, or with an id on a correction of one.
func (n Nouns) setCause(id, cause string, f CauseForm) (string, []journal.Draft, error) {
	_, d, err := n.on(id)
	if err != nil {
		return "", nil, err
	}
	if cause == "" {
		if len(d.Causes) >= maxEntries {
			return "", nil, holdfast.Errorf(holdfast.TooLarge, "a debrief has at most %d causes", maxEntries)
		}
		cause = nextID("c", len(d.Causes))
	} else if _, err := d.causeThere(cause); err != nil {
		return "", nil, err
	}
	if f, err = f.checked(); err != nil {
		return "", nil, err
	}
	if err := d.fits(cause, f.Parent); err != nil {
		return "", nil, err
	}
	return cause, d.draft(CauseSet{cause, f}), nil
}

// causeThere returns a cause that was not withdrawn.
func (d *Debrief) causeThere(id string) (Cause, error) {
	i := find(d.Causes, id)
	switch {
	case i < 0:
		return Cause{}, holdfast.Errorf(holdfast.NotFound, "the debrief of incident %s has no cause %q", d.Incident, id)
	case d.Causes[i].Withdrawn != nil:
		return Cause{}, holdfast.Errorf(holdfast.Conflict, "cause %s was withdrawn; write it as a new one", id)
	}
	return d.Causes[i], nil
}

// fits refuses a parent that would make a circle, or too long a row of whys.
func (d *Debrief) fits(id, parent string) error {
	for depth := 0; parent != ""; depth++ {
		p, err := d.causeThere(parent)
		if err != nil {
			return err
		}
		if parent == id {
			return holdfast.Errorf(holdfast.Invalid, "cause %s cannot answer itself: choose another parent", id).At("parent")
		}
		if depth >= maxDepth {
			return holdfast.Errorf(holdfast.TooLarge, "more than %d whys in a row say no more", maxDepth).At("parent")
		}
		parent = p.Parent
	}
	return nil
}

// checked returns the form masked, or what is wrong with it.
func (f CauseForm) checked() (CauseForm, error) {
	f.Why = payment.Mask(strings.TrimSpace(f.Why))
	switch {
	case f.Why == "":
		return f, holdfast.Errorf(holdfast.Invalid, "write why it happened").At("why")
	case len(f.Why) > maxWhy:
		return f, errLong("why", maxWhy)
	case !slices.Contains(Kinds[:], f.Kind):
		return f, holdfast.Errorf(holdfast.Invalid, "a cause is root or contributing: choose one").At("kind")
	case f.Class != "" && !slices.Contains(Classes[:], f.Class):
		return f, holdfast.Errorf(holdfast.Invalid, "%q is no class of causes: choose one of %s", f.Class, strings.Join(Classes[:], ", ")).At("class")
	case f.Class == "" && f.Kind == Root:
		return f, holdfast.Errorf(holdfast.Invalid, "a root cause has a class, so that incidents can be counted by it: choose one of %s", strings.Join(Classes[:], ", ")).At("class")
	case len(f.Evidence) > maxEvidence:
		return f, holdfast.Errorf(holdfast.TooLarge, "a cause rests on at most %d pieces of evidence", maxEvidence).At("evidence")
	}
	var kept []Evidence
	for _, e := range f.Evidence {
		e, err := e.checked()
		if err != nil {
			return f, err
		}
		if e != (Evidence{}) {
			kept = append(kept, e)
		}
	}
	if f.Evidence = kept; len(kept) == 0 {
		return f, holdfast.Errorf(holdfast.Invalid, "say what it rests on: a text, a link or a file").At("evidence")
	}
	return f, nil
}

func (e Evidence) checked() (Evidence, error) {
	e.Text, e.Link = payment.Mask(strings.TrimSpace(e.Text)), strings.TrimSpace(e.Link)
	if len(e.Text) > maxWhy {
		return e, errLong("evidence", maxWhy)
	}
	if e.Link == "" {
		return e, nil
	}
	if u, err := url.Parse(e.Link); err != nil || len(e.Link) > maxLink || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return e, holdfast.Errorf(holdfast.Invalid, "a link begins with https:// and has at most %d bytes", maxLink).At("link")
	}
	e.Link = payment.MaskLink(e.Link)
	return e, nil
}

// withdrawCause decides on taking a cause back that answers for nothing else.
func (n Nouns) withdrawCause(id, cause, reason string) ([]journal.Draft, error) {
	_, d, err := n.on(id)
	if err != nil {
		return nil, err
	}
	if _, err := d.causeThere(cause); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(d.Standing(), func(c Cause) bool { return c.Parent == cause }); i >= 0 {
		return nil, holdfast.Errorf(holdfast.Conflict, "cause %s says why %s was; withdraw it, or move it, first", d.Standing()[i].ID, cause)
	}
	if reason, err = reasoned(reason); err != nil {
		return nil, err
	}
	return d.draft(CauseWithdrawn{cause, reason}), nil
}

// setImprovement decides on a new improvement, or with an id on a correction of one.
func (n Nouns) setImprovement(id, improvement string, f ImprovementForm, now time.Time) (string, []journal.Draft, error) {
	in, d, err := n.on(id)
	if err != nil {
		return "", nil, err
	}
	if improvement == "" {
		if len(d.Improvements) >= maxEntries {
			return "", nil, holdfast.Errorf(holdfast.TooLarge, "at most %d improvements", maxEntries).At("improvements")
		}
		improvement = nextID("i", len(d.Improvements))
	} else if _, err := d.improvementThere(improvement); err != nil {
		return "", nil, err
	}
	f.What, f.Who, f.Owner = payment.Mask(strings.TrimSpace(f.What)), payment.Mask(strings.TrimSpace(f.Who)), strings.TrimSpace(f.Owner)
	if err := n.possible(in, f, now); err != nil {
		return "", nil, err
	}
	return improvement, d.draft(ImprovementSet{improvement, f}), nil
}

func (d *Debrief) improvementThere(id string) (Improvement, error) {
	i := find(d.Improvements, id)
	switch {
	case i < 0:
		return Improvement{}, holdfast.Errorf(holdfast.NotFound, "the debrief of incident %s has no improvement %q", d.Incident, id)
	case d.Improvements[i].Withdrawn != nil:
		return Improvement{}, holdfast.Errorf(holdfast.Conflict, "improvement %s was withdrawn; write it as a new one", id)
	}
	return d.Improvements[i], nil
}

// possible refuses an improvement that nobody could be asked for.
func (n Nouns) possible(in *incident.Incident, f ImprovementForm, now time.Time) error {
	_, known := n.Roster.Person(f.Owner)
	switch {
	case f.What == "":
		return holdfast.Errorf(holdfast.Invalid, "write what will be changed").At("what")
	case len(f.What) > maxWhy:
		return errLong("what", maxWhy)
	case len(f.Who) > maxLine:
		return errLong("who", maxLine)
	case f.Owner != "" && !known:
		return holdfast.Errorf(holdfast.Invalid, "nobody of the roster is %q: name the person who sees to it", f.Owner).At("owner")
	case f.Owner == "" && f.Who == "":
		return holdfast.Errorf(holdfast.Invalid, "name who sees to it").At("owner")
	}
	if _, err := time.Parse(time.DateOnly, f.Due); err != nil {
		return holdfast.Errorf(holdfast.Invalid, "name until when, as 2026-12-31").At("due")
	}
	if _, known := plan.ChapterOf(f.Chapter); f.Chapter != "" && !known {
		return holdfast.Errorf(holdfast.Invalid, "the plan has no chapter %q", f.Chapter).At("chapter")
	}
	if f.Risk != "" && !slices.ContainsFunc(n.Risks(in, now), func(r plan.Risk) bool { return r.ID == f.Risk }) {
		return holdfast.Errorf(holdfast.Invalid, "the plan has no risk %q", f.Risk).At("risk")
	}
	return nil
}

// Risks are those of the plan in force, and of the revision that the incident runs.
func (n Nouns) Risks(in *incident.Incident, now time.Time) (list []plan.Risk) {
	if r, ok := n.Plans.Current("", now); ok {
		list = append(list, r.Plan().Risks...)
	}
	if r, ok := n.Plans.Revision(in.Plan.ID, in.Plan.Revision); ok {
		for _, risk := range r.Plan().Risks {
			if !slices.ContainsFunc(list, func(o plan.Risk) bool { return o.ID == risk.ID }) {
				list = append(list, risk)
			}
		}
	}
	return list
}

// withdrawImprovement decides on taking an improvement back.
func (n Nouns) withdrawImprovement(id, improvement, reason string) ([]journal.Draft, error) {
	_, d, err := n.on(id)
	if err != nil {
		return nil, err
	}
	if _, err := d.improvementThere(improvement); err != nil {
		return nil, err
	}
	if reason, err = reasoned(reason); err != nil {
		return nil, err
	}
	return d.draft(ImprovementWithdrawn{improvement, reason}), nil
}

func reasoned(reason string) (string, error) {
	reason = payment.Mask(strings.TrimSpace(reason))
	switch {
	case reason == "":
		return "", holdfast.Errorf(holdfast.Invalid, "write the reason").At("reason")
	case len(reason) > maxWhy:
		return "", errLong("reason", maxWhy)
	}
	return reason, nil
}

func errLong(field string, most int) error {
	return holdfast.Errorf(holdfast.TooLarge, "the text is longer than %d bytes", most).At(field)
}
