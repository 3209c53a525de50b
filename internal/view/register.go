package view

import (
	"cmp"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/plan"
	"holdfast/internal/trigger"
)

// Register is the risks and materials of the plan in force or of an open draft.
type Register struct {
	// Revision is that of the plan in force; 0 if Draft is named instead.
	Revision int    `json:"revision,omitempty"`
	Draft    string `json:"draft,omitempty"`
	// Drafts lists the open drafts, whose registers can be asked for.
	Drafts    []string   `json:"drafts"`
	Risks     []Risk     `json:"risks"`
	Materials []Material `json:"materials"`

	Plan *plan.Plan `json:"-"`
}

// Aged is the days since an entry was judged or issued, nil if nobody wrote when,
// and what has been told of it since.
type Aged struct {
	Days *int `json:"age_days,omitempty"`
	// Changes are the triggers that name the entry and are not settled.
	Changes []Trigger `json:"changes"`
}

// Risk is one risk; they are listed by rank.
type Risk struct {
	plan.Risk
	Score     int           `json:"score"`
	OwnerName holdfast.Text `json:"owner_name,omitzero"`
	Aged
}

// Material is one material.
type Material struct {
	plan.Material
	FileName string `json:"file_name,omitempty"`
	// By lists what rests on it.
	By []CitedBy `json:"cited_by"`
	Aged
}

// CitedBy is a chapter that rests on a material, or an entry of one.
type CitedBy struct {
	Chapter string        `json:"chapter"`
	Entry   string        `json:"entry,omitempty"`
	Name    holdfast.Text `json:"name,omitzero"`
}

// Register assembles the register of the plan in force, or of an open draft as far
// as its text can be read.
func (s *Source) Register(draftID string) (v Register, err error) {
	v = Register{Drafts: []string{}, Risks: []Risk{}, Materials: []Material{}}
	s.State.View(func() {
		now := s.Now()
		for _, d := range s.Triggers.Drafts.Drafts() {
			if d.State.Open() {
				v.Drafts = append(v.Drafts, d.ID)
			}
		}
		planID := ""
		switch r, found := s.Plans.Current("", now); {
		case draftID != "":
			d, found := s.Triggers.Drafts.Draft(draftID)
			if !found || !d.State.Open() {
				err = holdfast.Errorf(holdfast.NotFound, "there is no open draft %q", draftID)
				return
			}
			v.Draft, planID = d.ID, d.Plan
			v.Plan, _ = plan.Decode("", d.Text())
		case !found:
			err = errNoPlan()
			return
		default:
			v.Revision, planID, v.Plan = r.Number, r.ID, r.Plan()
		}
		s.enter(&v, planID, now)
	})
	return v, err
}

func (s *Source) enter(v *Register, planID string, now time.Time) {
	changes := map[trigger.About][]Trigger{}
	for _, t := range s.Triggers.Unsettled(planID, now) {
		if t.About != nil {
			key := trigger.About{Chapter: t.About.Chapter, Entry: t.About.Entry}
			changes[key] = append(changes[key], s.trigger(t, now))
		}
	}
	aged := func(chapter, entry string, since plan.Date) Aged {
		a := Aged{Changes: append([]Trigger{}, changes[trigger.About{Chapter: chapter, Entry: entry}]...)}
		if day, err := time.Parse(time.DateOnly, string(since)); err == nil {
			days := int(now.Sub(day).Hours() / 24)
			a.Days = &days
		}
		return a
	}
	for _, r := range v.Plan.Risks {
		v.Risks = append(v.Risks, Risk{Risk: r, Score: r.Score(), OwnerName: role(v.Plan, r.Owner).Name, Aged: aged(trigger.Risks, r.ID, r.Assessed)})
	}
	slices.SortStableFunc(v.Risks, func(a, b Risk) int { return cmp.Compare(b.Score, a.Score) })
	for _, m := range v.Plan.Materials {
		one := Material{Material: m, By: citations(v.Plan, m), Aged: aged(trigger.Materials, m.ID, m.Date)}
		if a, found := v.Plan.Attachment(m.File); found {
			one.FileName = a.Name
		}
		v.Materials = append(v.Materials, one)
	}
}

// citations lists what rests on a material.
func citations(p *plan.Plan, m plan.Material) []CitedBy {
	list := []CitedBy{}
	for _, chapter := range m.Cited {
		list = append(list, CitedBy{Chapter: chapter})
	}
	for _, r := range p.Risks {
		if slices.Contains(r.Materials, m.ID) {
			list = append(list, CitedBy{"risks", r.ID, r.Title})
		}
	}
	for _, o := range p.Obligations {
		if o.Material == m.ID {
			list = append(list, CitedBy{"obligations", o.ID, o.Title})
		}
	}
	return list
}

// WorkIn is a trigger that a draft has to work in.
type WorkIn struct {
	Trigger
	// Done says that the draft's text says what the trigger names; of one that names
	// no entry, that the draft was named as its answer.
	Done bool `json:"done"`
}

// ToWorkIn lists what an open draft has to work in, the newest first.
func (s *Source) ToWorkIn(d *draft.Draft) []WorkIn {
	list := []WorkIn{}
	s.State.View(func() {
		p, _ := plan.Decode("", d.Text())
		for _, t := range s.Triggers.ToWorkIn(d, s.Now()) {
			w := WorkIn{Trigger: s.trigger(t, s.Now()), Done: t.Disposed != nil && t.Disposed.Draft == d.ID}
			if t.About != nil {
				w.Done = t.About.In(p)
			}
			list = append(list, w)
		}
	})
	return list
}
