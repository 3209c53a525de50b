package cli

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/plandoc"
	"holdfast/internal/roster"
)

// The commands on a plan's file; they need no control node.

func (s *shell) language() (holdfast.Lang, error) {
	if lang := holdfast.Lang(s.lang); slices.Contains(holdfast.Langs[:], lang) {
		return lang, nil
	}
	return "", holdfast.Errorf(holdfast.Invalid, "there is no language %q: give --lang zh-Hant, zh-Hans or en", s.lang)
}

// readPlan reads a plan's file; one with faults is refused.
func (s *shell) readPlan(name string) (*plan.Plan, []byte, error) {
	content, err := s.read(name, plan.MaxSize+1)
	if err != nil {
		return nil, nil, err
	}
	p, faults := plan.Decode(name, content)
	if len(faults) > 0 {
		return nil, nil, &ending{exitInvalid, faults.Error()}
	}
	return p, content, nil
}

func (s *shell) planTemplate() *cobra.Command {
	return &cobra.Command{
		Use: "template", Short: "Write a plan to start from, in the language of --lang", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			lang, err := s.language()
			if err != nil {
				return err
			}
			_, err = s.Stdout.Write(plan.Starter(lang))
			return err
		},
	}
}

func (s *shell) planSchema() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Write the JSON Schema of a plan's file, for editors", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := s.Stdout.Write(plan.Schema())
			return err
		},
	}
}

func (s *shell) planFmt() *cobra.Command {
	return &cobra.Command{
		Use: "fmt FILE", Short: "Write a plan's text in its canonical form, - for standard input",
		Long: `Write a plan's text in its canonical form to standard output: chapters and keys
in their order, comments kept. What the plan says is not judged.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			content, err := s.read(args[0], plan.MaxSize+1)
			if err != nil {
				return err
			}
			chapters, faults := plan.Split(content)
			if len(faults) > 0 {
				for i := range faults {
					faults[i].File = args[0]
				}
				return &ending{exitInvalid, faults.Error()}
			}
			_, err = s.Stdout.Write(plan.Join(chapters))
			return err
		},
	}
}

func (s *shell) planExport() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "export FILE", Short: "Make an official document (.docx) of a plan's text, in the language of --lang", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			lang, err := s.language()
			if err != nil {
				return err
			}
			p, content, err := s.readPlan(args[0])
			if err != nil {
				return err
			}
			document := plandoc.Export(p, locale.For(lang), plandoc.Record{Hash: plan.Hash(content)})
			return writeTo(out, func(w io.Writer) error { return docx.Write(w, document) })
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "write it to this new file")
	if err := cmd.MarkFlagRequired("output"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

func (s *shell) planImport() *cobra.Command {
	var base, people string
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Make a plan's text of a document (.docx) in the language of --lang",
		Long: `Make a plan's text of a word-processing document and write it to standard output.
What "plan export" wrote is read whole. Of other documents, headings become
chapters, tables of risks, levels, materials, roles and contacts their rows; every
other text is kept as an annex. What was found, what was kept as text and what the
plan still lacks is listed on standard error; the exit code is 0 all the same.

--base names the plan that the document revises: parts of the same name keep their
ids, and texts that say the same keep their other languages. --people writes those
of tables of names and numbers to a new file for "roster import".`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			lang, err := s.language()
			if err != nil {
				return err
			}
			var before *plan.Plan
			if base != "" {
				if before, _, err = s.readPlan(base); err != nil {
					return err
				}
			}
			content, err := s.read(args[0], docx.MaxFile)
			if err != nil {
				return err
			}
			blocks, err := docx.Read(content)
			if err != nil {
				return err
			}
			got := plandoc.Import(blocks, locale.For(lang), before)
			if people != "" {
				if err := writeTo(people, func(w io.Writer) error { _, err := w.Write(roster.EncodePeople(got.People)); return err }); err != nil {
					return err
				}
			}
			text := plan.Encode(got.Plan)
			if _, err := s.Stdout.Write(text); err != nil {
				return err
			}
			s.tellImported(got)
			if _, faults := plan.Decode("", text); len(faults) > 0 {
				s.complain(faults)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&base, "base", "", "the plan's text that the document revises")
	cmd.Flags().StringVar(&people, "people", "", "write the people that were found to this new file")
	return cmd
}

// tellImported says what a document gave and what it did not.
func (s *shell) tellImported(got plandoc.Imported) {
	for _, f := range got.Found() {
		fmt.Fprintf(s.Stderr, "found: %s %d\n", f.Chapter, f.Parts)
	}
	if n := len(got.People); n > 0 {
		fmt.Fprintf(s.Stderr, "found: people for the roster %d\n", n)
	}
	for _, heading := range got.Kept {
		fmt.Fprintf(s.Stderr, "kept as text: %s\n", heading)
	}
	for _, err := range got.Unread {
		s.complain(err)
	}
}
