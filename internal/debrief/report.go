package debrief

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
)

// Report is what the published report is made of: print, PDF (which is the print page,
// printed by the browser) and Word show the same blocks.
type Report struct {
	Incident string
	Title    string
	Debrief  *Debrief
	Figures  Figures
	// Round is that whose figures these are; nil while they are those of now.
	Round *Round
	Names
}

// Names says what ids stand for. One that it does not know stands for itself.
type Names struct {
	Roles, Risks map[string]holdfast.Text
	People       map[string]string
}

// Edition is a language and a time zone.
type Edition struct {
	Words *locale.Printer
	Zone  *time.Location
	// Most is how many rows a table of figures has at most; 0 for all of them.
	Most int
}

func (e Edition) t(key string, pairs ...any) string { return e.Words.T("debrief."+key, pairs...) }

func (e Edition) at(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return e.Words.Time(t, e.Zone)
}

// name is a text in the reader's language, or an id that has none.
func (e Edition) name(t holdfast.Text, id string) string { return cmp.Or(t.In(e.Words.Lang()), id) }

// level names a level; a data leak has none.
func (e Edition) level(l holdfast.Level) string {
	if l == holdfast.Unknown {
		return e.Words.T("level.triage")
	}
	return e.Words.T("level.n", "n", l)
}

// Document is the report as a document.
func (r Report) Document(e Edition) docx.Document {
	title := e.t("report", "id", r.Incident)
	blocks := []docx.Block{{Kind: docx.Title, Text: title}, docx.P(r.Title)}
	if r.Figures.Record.Drill {
		blocks = append(blocks, docx.P(e.Words.T("mark.drill")))
	}
	foot := e.t("draft")
	if r.Round != nil {
		foot = e.t("foot", "round", r.Round.N, "hash", r.Round.Hash)
	}
	blocks = append(blocks, docx.P(foot))
	blocks = append(blocks, r.Signatures(e)...)
	blocks = append(blocks, r.Texts(e)...)
	blocks = append(blocks, docx.H(1, e.t("facts")))
	blocks = append(blocks, r.Figures.Blocks(e, 2)...)
	return docx.Document{Title: title, Lang: string(e.Words.Lang()), Head: title, Foot: foot, Blocks: blocks}
}

// Signatures says who signed, and who has still to.
func (r Report) Signatures(e Edition) []docx.Block {
	if r.Round == nil || len(r.Round.Sign) == 0 {
		return nil
	}
	table := docx.T([]string{e.t("role"), e.t("signed-by"), e.t("signed-at")})
	for _, role := range r.Round.Sign {
		if s, signed := r.Round.Signed(role); signed {
			table.Rows = append(table.Rows, []string{e.name(r.Roles[role], role), s.By.String(), e.at(s.At)})
		} else {
			table.Rows = append(table.Rows, []string{e.name(r.Roles[role], role), e.t("unsigned"), "–"})
		}
	}
	return []docx.Block{docx.H(1, e.t("signatures")), table}
}

// Texts is what people wrote: the sections, the tree of whys, the improvements.
func (r Report) Texts(e Edition) (blocks []docx.Block) {
	section := func(s Section) {
		if text := r.Debrief.Text(s); text != "" {
			blocks = append(blocks, docx.H(1, e.t("section."+string(s))), docx.P(text))
		}
	}
	section(Summary)
	if tree := r.Debrief.Tree(); len(tree) > 0 {
		blocks = append(blocks, docx.H(1, e.t("causes")))
		for _, b := range tree {
			blocks = append(blocks, docx.Block{Kind: docx.Entry, Text: strings.Repeat("　", b.Depth) + e.cause(b)})
		}
	}
	section(Well)
	section(Badly)
	section(Lucky)
	if list := r.Debrief.Agreed(); len(list) > 0 {
		table := docx.T([]string{e.t("what"), e.t("who"), e.t("due"), e.t("chapter"), e.t("risk")}).Wide(6, 3, 3, 3, 3)
		for _, m := range list {
			table.Rows = append(table.Rows, []string{m.What, r.Owner(m), m.Due, e.chapter(m.Chapter), e.name(r.Risks[m.Risk], cmp.Or(m.Risk, "–"))})
		}
		blocks = append(blocks, docx.H(1, e.t("improvements")), table)
	}
	return blocks
}

// Owner names who sees to an improvement.
func (r Report) Owner(m Improvement) string {
	if m.Owner != "" {
		return cmp.Or(r.People[m.Owner], m.Owner)
	}
	return m.Who
}

// chapter names a chapter of the plan.
func (e Edition) chapter(key string) string {
	if key == "" {
		return "–"
	}
	return e.Words.T("choice.chapter." + key)
}

func (e Edition) cause(b Branch) string {
	text := e.t("kind." + b.Kind)
	if b.Class != "" {
		text += " · " + e.t("class."+b.Class)
	}
	text += e.Words.T("document.bracket", "text", b.ID) + " " + b.Why
	for _, ev := range b.Evidence {
		var parts []string
		for _, part := range []string{ev.Text, ev.Link} {
			if part != "" {
				parts = append(parts, part)
			}
		}
		if ev.File != nil {
			parts = append(parts, fmt.Sprintf("%s (SHA-256 %s)", ev.File.Name, ev.File.Hash))
		}
		text += "\n" + e.t("evidence") + " " + strings.Join(parts, " · ")
	}
	return text
}
