package view

import (
	"context"

	"holdfast"
	"holdfast/internal/settlement"
	"holdfast/internal/standin"
)

// Settlement is a settlement file of the primary, with what the gates say of it.
type Settlement struct {
	settlement.File
	// Missing are the gates that have not said all of what is asked of them; Progress is
	// how far they are, as far as this node knows.
	Missing  []string            `json:"missing"`
	Progress []SettlementPass    `json:"progress"`
	Tallies  []standin.FileTally `json:"tallies"`
	// Changes is how many payments are, or would be, changed; Known how many rows the
	// gates know something of.
	Changes int `json:"changes"`
	Known   int `json:"known"`
	// Others are the rows that no gate knows anything of: payments that the primary did without
	// stand-in, whose outcome was never unknown.
	Others int `json:"others"`
	// Uncovered is how many shards of advice sources no gate compared, by source.
	Uncovered map[string]int `json:"uncovered"`
	// TakesTwo says that it takes two people to confirm it.
	TakesTwo bool `json:"takes_two"`
}

// SettlementPass is how far a gate is.
type SettlementPass struct {
	Gate  string `json:"gate"`
	Page  int    `json:"page"`
	Pages int    `json:"pages"`
}

// SettlementRefusal is why a row was not read.
type SettlementRefusal struct {
	Line    int    `json:"line"`
	Message string `json:"message"`
}

// SettlementFound is a payment on which file and gates do not agree.
type SettlementFound struct {
	standin.Found
	Gate string `json:"gate"`
	// Carried: it is what was recorded; else what would be.
	Carried bool `json:"carried,omitempty"`
}

// SettlementMappings lists what is known of files' columns, by name.
func (s *Source) SettlementMappings() (list []settlement.Mapping) {
	s.State.View(func() { list = s.Settlement.Nouns.Book.Mappings() })
	return list
}

// Settlements assembles a page of files, newest first.
func (s *Source) Settlements(offset, size int) (p Page[Settlement]) {
	s.State.View(func() { p = paginate(s.Settlement.Nouns.Book.All(), offset, size, s.settlement) })
	return p
}

// SettlementOf assembles one file.
func (s *Source) SettlementOf(id string) (v Settlement, err error) {
	s.State.View(func() {
		f, found := s.Settlement.Nouns.Book.File(id)
		if !found {
			err = holdfast.Errorf(holdfast.NotFound, "there is no settlement file %q", id)
			return
		}
		v = s.settlement(f)
	})
	return v, err
}

func (s *Source) settlement(f *settlement.File) Settlement {
	said := f.Compared
	v := Settlement{File: *f, Missing: s.Settlement.Nouns.Missing(f), Progress: []SettlementPass{}, TakesTwo: f.Takes()}
	if f.State == settlement.Ordered || f.State == settlement.Done {
		said = f.Carried
		v.Missing = f.Left()
	}
	if v.Missing == nil {
		v.Missing = []string{}
	}
	for _, g := range v.Missing {
		if page, pages := s.Settlement.Progress(f.ID, g); pages > 0 {
			v.Progress = append(v.Progress, SettlementPass{g, page, pages})
		}
	}
	v.Tallies, v.Changes, v.Uncovered = settlement.Sum(said), settlement.Changed(said), settlement.Uncovered(said)
	for _, a := range said {
		v.Known += a.Known
	}
	v.Others = max(0, f.Rows-v.Known)
	return v
}

// SettlementRefusals returns the first rows of a file that were refused.
func (s *Source) SettlementRefusals(ctx context.Context, id string) ([]settlement.Refusal, error) {
	var f *settlement.File
	s.State.View(func() { f, _ = s.Settlement.Nouns.Book.File(id) })
	if f == nil {
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no settlement file %q", id)
	}
	read, err := s.Settlement.Rows(ctx, f)
	if err != nil {
		return nil, err
	}
	return read.Refusals, nil
}

// Found lists the payments on which the file and the gates do not agree: what was
// recorded, once that is known.
func (v Settlement) Found() []SettlementFound {
	said, carried := v.Compared, false
	if len(v.Carried) > 0 {
		said, carried = v.Carried, true
	}
	list := []SettlementFound{}
	for _, a := range said {
		for _, f := range a.Found {
			list = append(list, SettlementFound{Found: f, Gate: a.Gate, Carried: carried})
		}
	}
	return list
}
