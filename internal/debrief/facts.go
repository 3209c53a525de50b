package debrief

import (
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
)

// event is the body of a fact. Each kind of fact has one type.
type event interface {
	kind() string
	// fold changes a copy that nobody else has, but for what its slices and maps hold.
	fold(d *Debrief, f holdfast.Fact)
}

// changing is an event that changes what people sign.
type changing interface{ changes() }

// Written is a section's new text.
type Written struct {
	Section Section `json:"section"`
	Text    string  `json:"text"`
}

// CauseSet is a cause as it is now understood.
type CauseSet struct {
	ID string `json:"id"`
	CauseForm
}

// CauseWithdrawn takes a cause back.
type CauseWithdrawn struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// ImprovementSet is an improvement as it is now agreed.
type ImprovementSet struct {
	ID string `json:"id"`
	ImprovementForm
}

// ImprovementWithdrawn takes an improvement back.
type ImprovementWithdrawn struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// PresentedKind is the kind of fact that holds figures.
const PresentedKind = "debrief.presented"

// PresentedFact presents the debrief for signature. Lists that are too long for one
// fact follow in [FiguresPart].
type PresentedFact struct {
	Round   int           `json:"round"`
	Hash    holdfast.Hash `json:"hash"`
	Sign    []string      `json:"sign,omitempty"`
	Figures Figures       `json:"figures"`
}

// Signed is the word of a holder of a role.
type Signed struct {
	Round int    `json:"round"`
	Role  string `json:"role"`
}

// Returned sends the debrief back.
type Returned struct {
	Round  int    `json:"round"`
	Reason string `json:"reason"`
}

// Voided says that a change voids the signatures of a round.
type Voided struct {
	Round int `json:"round"`
	// By is the kind of the fact that changed something.
	By string `json:"by"`
}

// AcceptedFact says that everyone has signed.
type AcceptedFact struct {
	Round int `json:"round"`
}

// AtRisk says that the last fifth of the time for the debrief has begun.
type AtRisk struct {
	Due time.Time `json:"due"`
}

// Breached says that the time for the debrief has passed.
type Breached struct {
	Due time.Time `json:"due"`
	// Late is by how many seconds this was noticed late.
	Late int64 `json:"late,omitempty"`
}

func (Written) kind() string              { return "debrief.written" }
func (CauseSet) kind() string             { return "debrief.cause-set" }
func (CauseWithdrawn) kind() string       { return "debrief.cause-withdrawn" }
func (ImprovementSet) kind() string       { return "debrief.improvement-set" }
func (ImprovementWithdrawn) kind() string { return "debrief.improvement-withdrawn" }
func (PresentedFact) kind() string        { return PresentedKind }
func (Signed) kind() string               { return "debrief.signed" }
func (Returned) kind() string             { return "debrief.returned" }
func (Voided) kind() string               { return "debrief.voided" }
func (AcceptedFact) kind() string         { return "debrief.accepted" }
func (AtRisk) kind() string               { return "debrief.at-risk" }
func (Breached) kind() string             { return "debrief.breached" }

func (Written) changes()              {}
func (CauseSet) changes()             {}
func (CauseWithdrawn) changes()       {}
func (ImprovementSet) changes()       {}
func (ImprovementWithdrawn) changes() {}

func decode[E event](f holdfast.Fact) (event, error) {
	var e E
	err := f.Decode(&e)
	return e, err
}

// decoders knows the kinds of facts.
var decoders = map[string]func(holdfast.Fact) (event, error){
	Written{}.kind():              decode[Written],
	CauseSet{}.kind():             decode[CauseSet],
	CauseWithdrawn{}.kind():       decode[CauseWithdrawn],
	ImprovementSet{}.kind():       decode[ImprovementSet],
	ImprovementWithdrawn{}.kind(): decode[ImprovementWithdrawn],
	PresentedFact{}.kind():        decode[PresentedFact],
	FiguresPart{}.kind():          decode[FiguresPart],
	Signed{}.kind():               decode[Signed],
	Returned{}.kind():             decode[Returned],
	Voided{}.kind():               decode[Voided],
	AcceptedFact{}.kind():         decode[AcceptedFact],
	AtRisk{}.kind():               decode[AtRisk],
	Breached{}.kind():             decode[Breached],
}

func (e Written) fold(d *Debrief, f holdfast.Fact) {
	d.Texts = maps.Clone(d.Texts)
	if d.Texts == nil {
		d.Texts = map[Section]Text{}
	}
	d.Texts[e.Section] = Text{e.Text, f.Actor, f.Time, d.Texts[e.Section].Entries + 1}
}

func (e CauseSet) fold(d *Debrief, f holdfast.Fact) {
	d.Causes = set(d.Causes, e.ID, Cause{CauseForm: e.CauseForm}, f)
}

func (e CauseWithdrawn) fold(d *Debrief, f holdfast.Fact) {
	d.Causes = withdraw(d.Causes, e.ID, e.Reason, f)
}

func (e ImprovementSet) fold(d *Debrief, f holdfast.Fact) {
	d.Improvements = set(d.Improvements, e.ID, Improvement{ImprovementForm: e.ImprovementForm}, f)
}

func (e ImprovementWithdrawn) fold(d *Debrief, f holdfast.Fact) {
	d.Improvements = withdraw(d.Improvements, e.ID, e.Reason, f)
}

func (e PresentedFact) fold(d *Debrief, f holdfast.Fact) {
	d.Rounds = append(slices.Clone(d.Rounds), Round{N: e.Round, By: f.Actor, At: f.Time, Hash: e.Hash, Sign: e.Sign, Figures: e.Figures})
}

// onRound changes a round of a debrief.
func (d *Debrief) onRound(n int, change func(r *Round)) {
	d.Rounds = slices.Clone(d.Rounds)
	for i := range d.Rounds {
		if d.Rounds[i].N == n {
			change(&d.Rounds[i])
		}
	}
}

func (e Signed) fold(d *Debrief, f holdfast.Fact) {
	d.onRound(e.Round, func(r *Round) {
		r.Signatures = append(slices.Clone(r.Signatures), Signature{e.Role, f.Actor, f.Time})
	})
}

func (e Returned) fold(d *Debrief, f holdfast.Fact) {
	d.onRound(e.Round, func(r *Round) { r.Returned = &Withdrawal{e.Reason, f.Actor, f.Time} })
}

func (e Voided) fold(d *Debrief, f holdfast.Fact) {
	d.onRound(e.Round, func(r *Round) { r.Voided = &Void{e.By, f.Actor, f.Time} })
}

func (e AcceptedFact) fold(d *Debrief, f holdfast.Fact) {
	d.onRound(e.Round, func(r *Round) { r.Accepted = f.Time })
}

func (e AtRisk) fold(d *Debrief, f holdfast.Fact) {
	d.Warned = append(slices.Clone(d.Warned), Warning{Due: e.Due, At: f.Time})
}

func (e Breached) fold(d *Debrief, f holdfast.Fact) {
	d.Warned = append(slices.Clone(d.Warned), Warning{e.Due, true, f.Time})
}

// Book is all debriefs, folded from the journal. Use it under the state's lock.
type Book struct {
	all   map[string]*Debrief
	order []string // by the first entry
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{all: map[string]*Debrief{}} }

var _ journal.Projection = (*Book)(nil)

func subject(incident string) holdfast.Subject { return holdfast.NewSubject("debrief", incident) }

// Debrief returns that of an incident, or nil while nobody has written any of it.
func (b *Book) Debrief(incident string) *Debrief { return b.all[incident] }

// All lists the debriefs, the one begun last first.
func (b *Book) All() (list []*Debrief) {
	for _, id := range slices.Backward(b.order) {
		list = append(list, b.all[id])
	}
	return list
}

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	switch {
	case noun == "incident" && f.Kind == incident.DebriefKind:
		e, err := incident.Decode(f)
		if err != nil {
			return err
		}
		b.change(id, func(d *Debrief) { d.old(e.(incident.DebriefSaved), f) })
	case noun == "debrief":
		decoder, known := decoders[f.Kind]
		if !known {
			b.change(id, func(d *Debrief) { d.revision = f.Revision })
			return nil
		}
		e, err := decoder(f)
		if err != nil {
			return err
		}
		b.change(id, func(d *Debrief) {
			d.revision = f.Revision
			e.fold(d, f)
		})
	}
	return nil
}

// change replaces a debrief by a changed copy: readers keep what they were given.
func (b *Book) change(id string, change func(d *Debrief)) {
	next := Debrief{Incident: id}
	if before := b.all[id]; before != nil {
		next = *before
	} else {
		b.order = append(b.order, id)
	}
	change(&next)
	b.all[id] = &next
}

// old folds a debrief of the time before this package.
func (d *Debrief) old(e incident.DebriefSaved, f holdfast.Fact) {
	Written{Summary, e.Summary}.fold(d, f)
	Written{Well, e.WentWell}.fold(d, f)
	d.Causes, d.Improvements = nil, nil
	if e.Causes != "" {
		CauseSet{"c1", CauseForm{Why: e.Causes, Kind: Root}}.fold(d, f)
	}
	for i, m := range e.Improvements {
		ImprovementSet{nextID("i", i), ImprovementForm{What: m.What, Who: m.Who, Due: m.Due}}.fold(d, f)
	}
}

// clone copies what folding changes in place, which is nothing.
func (d *Debrief) clone() *Debrief {
	c := *d
	return &c
}

// draft turns events into drafts. A change of what was presented voids the round.
func (d *Debrief) draft(events ...event) (drafts []journal.Draft) {
	c := d.clone()
	add := func(e event) {
		drafts = append(drafts, journal.NewDraft(subject(d.Incident), c.revision, e.kind(), e))
		c.revision++
		e.fold(c, holdfast.Fact{})
	}
	for _, e := range events {
		add(e)
		if _, does := e.(changing); does {
			if r, some := c.Round(); some && r.Stands() {
				add(Voided{r.N, e.kind()})
			}
		}
	}
	return drafts
}
