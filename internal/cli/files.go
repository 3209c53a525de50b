package cli

import (
	"bytes"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/attachment"
	"holdfast/internal/filing"
)

// The commands on files of a plan, of approvals and of filings.

// upload sends a file as the body of a call, and its name beside it.
func (c *call) upload(file string) (*bytes.Reader, error) {
	content, err := c.read(file, attachment.MaxSize)
	if err != nil {
		return nil, err
	}
	c.query.Set("name", filepath.Base(file))
	return bytes.NewReader(content), nil
}

// keep sends a file that is kept, and says how it is named from then on.
func (c *call) keepFile(file string) error {
	in, err := c.upload(file)
	if err != nil {
		return err
	}
	return show(c, in, writeFile)
}

func writeFile(p *page, f attachment.File) {
	p.line("%s  %s, %s, %d bytes", f.Hash, f.Name, f.Type, f.Size)
}

// fetch makes a command that writes a file to standard output, or to a new file. The
// flags named go with the call.
func (s *shell) fetch(route, use, short string, flags ...string) *cobra.Command {
	var out string
	cmd := s.api(route, use, short, func(c *call) error {
		node, err := c.pass(flags...).node()
		if err != nil {
			return err
		}
		if out == "" {
			return node.Copy(c.cmd.Context(), c.path(), s.Stdout)
		}
		return writeTo(out, func(w io.Writer) error { return node.Copy(c.cmd.Context(), c.path(), w) })
	})
	cmd.Flags().StringVarP(&out, "output", "o", "", "write it to this new file")
	return cmd
}

func (s *shell) planAttach() *cobra.Command {
	cmd := s.api("POST /drafts/{id}/files", "attach DRAFT ENTRY FILE", "Make a file an attachment of a draft, under the id ENTRY", func(c *call) error {
		in, err := c.upload(c.args[2])
		if err != nil {
			return err
		}
		c.query.Set("entry", c.args[1])
		return show(c.pass("material", "title", "over"), in, func(p *page, v api.Attached) {
			p.line("attachment %s of draft %s:", v.Entry, c.args[0])
			writeFile(p, v.File)
		})
	})
	f := cmd.Flags()
	f.String("material", "", "the material that the file is of")
	f.String("title", "", "the title of an attachment that is added (default: the material's, or the file's name)")
	f.String("over", "", "the hash of the file that it replaces")
	return cmd
}

func (s *shell) planFile() *cobra.Command {
	return group("file", "Files that plans name",
		s.fetch("GET /drafts/{id}/files/{hash}", "draft DRAFT HASH", "Write a file of a draft to standard output"),
		s.fetch("GET /plan/revisions/{n}/files/{hash}", "get REVISION HASH", "Write a file of a published revision to standard output"),
		s.api("POST /plan/revisions/{n}/files", "keep REVISION FILE", "Keep a file that a revision names and that is not kept by the node", func(c *call) error {
			return c.keepFile(c.args[1])
		}),
	)
}

func (s *shell) draftScan() *cobra.Command {
	return s.api("POST /drafts/{id}/decisions/{n}/scan", "scan DRAFT DECISION FILE", "Keep a signed paper, as PDF or picture, beside a decision; draft show numbers them", func(c *call) error {
		return c.keepFile(c.args[2])
	})
}

func (s *shell) filingScan() *cobra.Command {
	var receipt bool
	cmd := s.api("POST /filings/{id}/scans", "scan FILING FILE", "Keep a scan, as PDF or picture, of a filing or of its receipt", func(c *call) error {
		of := filing.Filed
		if receipt {
			of = filing.Received
		}
		c.query.Set("of", string(of))
		return c.keepFile(c.args[1])
	})
	cmd.Flags().BoolVar(&receipt, "receipt", false, "it is of the receipt")
	return cmd
}

func (s *shell) filingFile() *cobra.Command {
	return s.fetch("GET /filings/{id}/files/{hash}", "file FILING HASH", "Write a scan of a filing to standard output")
}
