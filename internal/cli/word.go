package cli

import (
	"bytes"
	"io"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/docx"
)

// draftImport has the node read a document: as a revision of its plan in force, and
// judged with its roster and gates, which "plan import" does not know.
func (s *shell) draftImport() *cobra.Command {
	var out, lang string
	cmd := s.api("POST /plan/import", "import FILE", "Have the node read a document (.docx) as a revision of the plan in force, and say what is missing", func(c *call) error {
		content, err := c.read(c.args[0], docx.MaxFile)
		if err != nil {
			return err
		}
		c.args = nil
		if lang != "" {
			c.query.Set("lang", lang)
		}
		var text string
		if err := show(c, bytes.NewReader(content), func(p *page, v api.ImportedPlan) {
			text = v.Text
			for _, f := range v.Found {
				p.line("found: %s %d", f.Chapter, f.Parts)
			}
			for _, heading := range v.Kept {
				p.line("kept as text: %s", heading)
			}
			for _, what := range v.Unread {
				p.line("not read: %s", what)
			}
			for _, f := range v.Missing {
				p.line("missing: %s %s", f.Rule, f.Message)
			}
		}); err != nil || out == "" || text == "" {
			return err
		}
		return writeTo(out, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
	})
	cmd.Flags().StringVarP(&out, "output", "o", "", `write the plan's text to this new file, for "plan draft begin --file"`)
	cmd.Flags().StringVar(&lang, "document", "", "the language of the document: zh-Hant, zh-Hans or en (default: yours)")
	return cmd
}
