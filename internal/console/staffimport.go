package console

import (
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/roster"
	"holdfast/internal/web"
)

// importPage shows what a file of people or parties would change. It is imported
// whole or not at all, and only as the preview shows it.
type importPage struct {
	// What is people or parties.
	What         string
	Text, Format string
	Preview      roster.Preview
	Digest       string
	Rows         []importRow
	// Faults concern the file as a whole; Added to Refused count the rows.
	Faults                         []string
	Added, Changed, Same, RefusedN int
	// Seen is whether there is a preview.
	Seen bool
}

type importRow struct {
	roster.Row
	Faults []lineFault
}

type lineFault struct {
	Line    int
	Message string
}

func (c *Console) peopleImport(v *visit) error { return c.importPage(v, "people", nil) }

func (c *Console) partiesImport(v *visit) error { return c.importPage(v, "parties", nil) }

// importPage shows a preview of a text, or of the one that was to be imported.
func (c *Console) importPage(v *visit, what string, text []byte) error {
	own := importPage{What: what, Text: string(text), Format: v.form("format")}
	if text == nil {
		own.Text = v.form("text")
	}
	if own.Text != "" {
		if own.Format == "" {
			own.Format = formatOf("", own.Text)
		}
		preview := c.Roster.PreviewPeople
		if what == "parties" {
			preview = c.Roster.PreviewParties
		}
		p, err := preview(own.Format, []byte(own.Text))
		if err != nil {
			return err
		}
		own.fill(v, p)
	}
	return c.show(v, "staffimport", v.words.T("staff.import"), false, own)
}

func (own *importPage) fill(v *visit, p roster.Preview) {
	own.Seen, own.Preview, own.Digest = true, p, p.Digest()
	own.Added, own.Changed, own.Same, own.RefusedN = p.Count(roster.RowAdded), p.Count(roster.RowChanged), p.Count(roster.RowSame), p.Count(roster.RowRefused)
	for _, f := range p.Faults {
		own.Faults = append(own.Faults, v.words.Error(f.Err))
	}
	for _, r := range p.Rows {
		row := importRow{Row: r}
		for _, f := range r.Faults {
			row.Faults = append(row.Faults, lineFault{f.Line, v.words.Error(f.Err)})
		}
		own.Rows = append(own.Rows, row)
	}
}

// formatOf tells a file in YAML from one in CSV by its name or its first words.
func formatOf(name, text string) string {
	first := strings.TrimLeft(strings.TrimPrefix(text, "\uFEFF"), " \r\n")
	switch ext := strings.ToLower(path.Ext(name)); {
	case ext == ".yaml", ext == ".yml", ext == "" && (strings.HasPrefix(first, "format:") || strings.HasPrefix(first, "#")):
		return roster.YAML
	}
	return roster.CSV
}

// uploaded reads the file of a form, or what was pasted instead.
func uploaded(v *visit) (name string, content []byte, err error) {
	file, head, err := v.r.FormFile("file")
	if err != nil {
		if text := v.form("text"); strings.TrimSpace(text) != "" {
			return "", []byte(text), nil
		}
		return "", nil, holdfast.Errorf(holdfast.Invalid, "choose a file").At("file")
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err = io.ReadAll(file)     // the form's size is bounded
	return head.Filename, content, err
}

func (c *Console) importPeople(v *visit) error { return c.importStaff(v, "people") }

func (c *Console) importParties(v *visit) error { return c.importStaff(v, "parties") }

// importStaff previews a file, and imports it if the form holds the preview's
// digest.
func (c *Console) importStaff(v *visit, what string) error {
	if v.form("digest") == "" {
		name, content, err := uploaded(v)
		if err != nil {
			return err
		}
		v.r.PostForm.Set("format", formatOf(name, string(content)))
		v.r.Form.Set("format", v.r.PostForm.Get("format"))
		return c.importPage(v, what, content)
	}
	record := c.Roster.ImportPeople
	if what == "parties" {
		record = c.Roster.ImportParties
	}
	if err := record(v.r.Context(), v.by(), v.form("format"), []byte(v.form("text")), v.form("digest")); err != nil {
		return err
	}
	n, _ := strconv.Atoi(v.form("rows")) // it is only said
	return v.seeOther("/"+what+"?"+url.Values{"ok": {"imported"}, "n": {strconv.Itoa(n)}}.Encode(), "")
}

func (c *Console) template(v *visit, what string) error {
	content, err := roster.Template(what)
	if err != nil {
		return err
	}
	return web.WriteFile(v.w, what+"-template.csv", content)
}

func (c *Console) peopleTemplate(v *visit) error { return c.template(v, "people") }

func (c *Console) partiesTemplate(v *visit) error { return c.template(v, "parties") }

func (c *Console) exportPeople(v *visit) error {
	if v.query("format") == roster.YAML {
		return web.WriteFile(v.w, "people.yaml", roster.EncodePeople(c.Roster.People()))
	}
	return web.WriteFile(v.w, "people.csv", roster.EncodePeopleCSV(c.Roster.People()))
}

func (c *Console) exportParties(v *visit) error {
	var list []roster.Party
	for _, p := range c.View.Parties() {
		list = append(list, p.Party)
	}
	if v.query("format") == roster.YAML {
		return web.WriteFile(v.w, "parties.yaml", roster.EncodeParties(list))
	}
	return web.WriteFile(v.w, "parties.csv", roster.EncodePartiesCSV(list))
}
