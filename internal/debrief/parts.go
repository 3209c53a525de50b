package debrief

import (
	"encoding/json"
	"slices"

	"holdfast"
)

// partSize is how many bytes of figures one fact holds, which is well below
// journal.MaxBody. An append holds some 30,000 people.
const partSize = 512 << 10

// FiguresPart is what of a round's lists did not fit its first fact. Each list goes on
// where the part before left off. All parts are in the append that presents the round.
type FiguresPart struct {
	Round      int                `json:"round"`
	People     []Told             `json:"people,omitempty"`
	Limits     []Limit            `json:"limits,omitempty"`
	Steps      []Step             `json:"steps,omitempty"`
	Turns      []Turn             `json:"turns,omitempty"`
	Changes    []LevelChange      `json:"changes,omitempty"`
	Stated     []Stated           `json:"stated,omitempty"`
	Decisions  []Decision         `json:"decisions,omitempty"`
	Directives []DirectiveSummary `json:"directives,omitempty"`
	Owed       []Owed             `json:"owed,omitempty"`
	// Payments and Resolutions are of the outcomes.
	Payments    []UnknownPayment `json:"payments,omitempty"`
	Resolutions []Resolved       `json:"resolutions,omitempty"`
}

// PartKind is the kind of fact that goes on with figures.
const PartKind = "debrief.figures"

func (FiguresPart) kind() string { return PartKind }

func (e FiguresPart) fold(d *Debrief, _ holdfast.Fact) {
	d.onRound(e.Round, func(r *Round) { r.Figures = r.Figures.with(e) })
}

// with returns the figures with the lists of a part behind their own.
func (f Figures) with(p FiguresPart) Figures {
	r := &f.Record
	r.People = slices.Concat(r.People, p.People)
	r.Limits = slices.Concat(r.Limits, p.Limits)
	r.Steps = slices.Concat(r.Steps, p.Steps)
	r.Evaluations.Turns = slices.Concat(r.Evaluations.Turns, p.Turns)
	r.Changes = slices.Concat(r.Changes, p.Changes)
	r.Stated = slices.Concat(r.Stated, p.Stated)
	r.Decisions = slices.Concat(r.Decisions, p.Decisions)
	r.Directives = slices.Concat(r.Directives, p.Directives)
	f.Owed = slices.Concat(f.Owed, p.Owed)
	if f.Counts.Outcomes != nil {
		o := *f.Counts.Outcomes
		o.Payments, o.Resolutions = slices.Concat(o.Payments, p.Payments), slices.Concat(o.Resolutions, p.Resolutions)
		f.Counts.Outcomes = &o
	}
	return f
}

// parted returns the figures as their first fact has them, and the parts with the lists
// that are too long for it. Figures that fit one fact stay whole.
func (f Figures) parted(round int) (Figures, []FiguresPart) {
	if sizeOf(f) <= partSize {
		return f, nil
	}
	p := parter{round: round}
	r := &f.Record
	part(&p, r.People, func(to *FiguresPart) *[]Told { return &to.People })
	part(&p, r.Limits, func(to *FiguresPart) *[]Limit { return &to.Limits })
	part(&p, r.Steps, func(to *FiguresPart) *[]Step { return &to.Steps })
	part(&p, r.Evaluations.Turns, func(to *FiguresPart) *[]Turn { return &to.Turns })
	part(&p, r.Changes, func(to *FiguresPart) *[]LevelChange { return &to.Changes })
	part(&p, r.Stated, func(to *FiguresPart) *[]Stated { return &to.Stated })
	part(&p, r.Decisions, func(to *FiguresPart) *[]Decision { return &to.Decisions })
	part(&p, r.Directives, func(to *FiguresPart) *[]DirectiveSummary { return &to.Directives })
	part(&p, f.Owed, func(to *FiguresPart) *[]Owed { return &to.Owed })
	if f.Counts.Outcomes != nil {
		o := *f.Counts.Outcomes
		part(&p, o.Payments, func(to *FiguresPart) *[]UnknownPayment { return &to.Payments })
		part(&p, o.Resolutions, func(to *FiguresPart) *[]Resolved { return &to.Resolutions })
		o.Payments, o.Resolutions = nil, nil
		f.Counts.Outcomes = &o
	}
	r.People, r.Limits, r.Steps, r.Evaluations.Turns, r.Changes, r.Stated, r.Decisions, r.Directives, f.Owed = nil, nil, nil, nil, nil, nil, nil, nil, nil
	return f, p.parts
}

// parter fills parts one after the other.
type parter struct {
	round int
	parts []FiguresPart
	left  int // bytes that the last one has room for
}

// part puts a list into the last part, and what does not fit into further ones.
func part[T any](p *parter, list []T, of func(*FiguresPart) *[]T) {
	for _, x := range list {
		size := sizeOf(x) + 1
		if p.left < size {
			p.parts, p.left = append(p.parts, FiguresPart{Round: p.round}), partSize
		}
		to := of(&p.parts[len(p.parts)-1])
		*to, p.left = append(*to, x), p.left-size
	}
}

// sizeOf is how many bytes something has as JSON.
func sizeOf(v any) int {
	b, err := json.Marshal(v)
	if err != nil {
		panic("debrief: " + err.Error()) // they are our own types, of what was decoded
	}
	return len(b)
}
