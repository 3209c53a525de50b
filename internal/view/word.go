package view

import (
	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/lint"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/plandoc"
)

// NewPlan is the id of a plan that is begun here.
const NewPlan = "payment-system"

// Word is what a Word document gives as a plan. Nothing is recorded by it.
type Word struct {
	plandoc.Imported
	// Text is the plan's, Faults what is wrong with it by itself, and Missing the errors
	// that lint finds in a text without faults.
	Text    []byte
	Faults  plan.Faults
	Missing []lint.Finding
}

// ReadWord makes a plan of a document in a language, as a revision of the plan in
// force if there is one.
func (s *Source) ReadWord(content []byte, lang holdfast.Lang) (Word, error) {
	blocks, err := docx.Read(content)
	if err != nil {
		return Word{}, err
	}
	var base *plan.Plan
	if now, err := s.Plan(0); err == nil {
		base = now.Content
	}
	w := Word{Imported: plandoc.Import(blocks, locale.For(lang), base)}
	if base == nil {
		w.Plan.ID = NewPlan
	}
	w.Text = plan.Encode(w.Plan)
	var p *plan.Plan
	if p, w.Faults = plan.Decode("", w.Text); len(w.Faults) > 0 {
		return w, nil
	}
	_, places, _ := plan.Read("", w.Text)
	for _, f := range s.LintText(p, places) {
		// What else could be better the draft shows.
		if f.Waived == nil && f.Severity == lint.Error {
			w.Missing = append(w.Missing, f)
		}
	}
	return w, nil
}
