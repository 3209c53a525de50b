package api

import (
	"slices"

	"holdfast"
	"holdfast/internal/lint"
	"holdfast/internal/locale"
	"holdfast/internal/plandoc"
	"holdfast/internal/roster"
)

// ImportedPlan is what a Word document gives as a plan. Nothing is recorded: begin a
// draft with the text.
type ImportedPlan struct {
	Text string `json:"text"`
	// Found counts the parts of each chapter that were recognised.
	Found []plandoc.Found `json:"found"`
	// Kept are headings that no chapter has a place for: their text is an annex.
	Kept []string `json:"kept_as_text"`
	// Unread says what could not be read, in the reader's language.
	Unread []string `json:"unread"`
	// People is a holdfast-people/1 file of those of the document's tables of names and
	// numbers, empty without any.
	People string `json:"people"`
	// Missing is what the plan still lacks.
	Missing []Fault `json:"missing"`
}

func (a *API) importPlan(c *call) (any, error) {
	lang := holdfast.Lang(c.query("lang"))
	if lang == "" {
		lang = c.lang
	}
	if !slices.Contains(holdfast.Langs[:], lang) {
		return nil, holdfast.Errorf(holdfast.Invalid, "there is no language %q", lang).At("lang")
	}
	content, err := c.content()
	if err != nil {
		return nil, err
	}
	got, err := a.View.ReadWord(content, lang)
	if err != nil {
		return nil, err
	}
	words := locale.For(c.lang)
	out := ImportedPlan{Text: string(got.Text), Found: got.Found(), Kept: append([]string{}, got.Kept...), Unread: []string{}, Missing: findings(got.Missing, words)}
	if len(got.People) > 0 {
		out.People = string(roster.EncodePeople(got.People))
	}
	for _, err := range got.Unread {
		out.Unread = append(out.Unread, words.Error(err))
	}
	for _, f := range got.Faults {
		out.Missing = append(out.Missing, Fault{Line: f.Line, Column: f.Column, Path: f.Path, Rule: f.Rule, Severity: lint.Error, Blocks: true, Message: words.Error(f.Error)})
	}
	return out, nil
}
