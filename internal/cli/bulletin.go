package cli

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/journal"
	"holdfast/internal/status"
	"holdfast/internal/statuspage"
	"holdfast/internal/subscription"
	"holdfast/internal/view"
)

func (s *shell) bulletin() *cobra.Command {
	return group("bulletin", "What the public is told: the status page and its bulletins",
		s.bulletinPage(), s.bulletinList(), s.bulletinShow(), s.bulletinFill(), s.bulletinNext(), s.bulletinBegin(), s.bulletinWrite(),
		s.bulletinPublish(), s.bulletinDrop(), s.bulletinExport(), s.bulletinSubscribers(), s.bulletinErase())
}

func (s *shell) bulletinPage() *cobra.Command {
	return s.api("GET /status-page", "page", "Show the public status page, with what those inside know", func(c *call) error {
		return show(c, nil, func(p *page, v view.PublicStatus) {
			p.row("COMPONENT", "STATE", "WHY HOLDFAST DOUBTS", "NAME")
			for _, k := range v.Components {
				p.row(k.ID, string(k.State), string(v.Doubts[k.ID]), p.in(k.Name))
			}
			section(p, "Without a bulletin", v.Untold, []any{"INCIDENT", "LEVEL", "TITLE"}, func(p *page, u view.Untold) { p.row(u.ID, u.Level.String(), u.Title) })
			section(p, "Open", v.Open, []any{"BULLETIN", "STAGE", "UPDATED", "TITLE"}, func(p *page, n status.Notice) { p.row(n.ID, string(n.Stage), n.Updated, p.in(n.Title)) })
			section(p, "Planned", v.Ahead, []any{"BULLETIN", "FROM", "UNTIL", "TITLE"}, func(p *page, n status.Notice) { p.row(n.ID, n.From, n.Until, p.in(n.Title)) })
			switch f := v.Files; {
			case f.Failing != "":
				p.line("the files in %s CANNOT BE WRITTEN: %s", f.Dir, f.Failing)
			case f.Dir == "":
				p.line("no files are written: status.dir is not set")
			default:
				p.line("files written to %s %s", f.Dir, clock(f.Written))
			}
		})
	})
}

func (s *shell) bulletinList() *cobra.Command {
	return paged(s.api("GET /bulletins", "list", "List bulletins, newest first", func(c *call) error {
		return show(c.paging(), nil, func(p *page, v view.Page[view.Bulletin]) {
			p.row("BULLETIN", "KIND", "STAGE", "WAITING", "INCIDENT", "TITLE")
			for _, b := range v.Items {
				waiting := ""
				if b.Draft != nil {
					waiting = "text " + strconv.Itoa(b.Draft.Number)
				}
				p.row(b.ID, string(b.Kind), string(b.Stage), waiting, b.Incident, p.in(b.Title))
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	}))
}

func (s *shell) bulletinShow() *cobra.Command {
	return s.api("GET /bulletins/{id}", "show BULLETIN", "Show one bulletin", func(c *call) error {
		return show(c, nil, func(p *page, b view.Bulletin) {
			for _, e := range b.Entries {
				p.line("%d  %s  %s  written by %s, published by %s%s", e.Number, e.Stage, clock(e.At), e.Writer, e.By, unless(e.Corrects == 0, ", corrects "+strconv.Itoa(e.Corrects)))
				bulletinText(p, e.Content)
			}
			if b.Draft != nil {
				p.line("text %d waits: %s, written by %s%s", b.Draft.Number, b.Draft.Stage, b.Draft.By, unless(!b.SecondPerson, "; a second person publishes it"))
				bulletinText(p, b.Draft.Content)
			}
		})
	})
}

func bulletinText(p *page, c status.Content) {
	p.line("%s\n%s", p.in(c.Title), p.in(c.Text))
	for _, said := range c.States {
		p.line("  %s: %s", p.in(said.Name), said.State)
	}
}

func (s *shell) bulletinFill() *cobra.Command {
	return filled(s.api("GET /incidents/{id}/bulletin", "fill INCIDENT", "Print the first text on an incident as it writes itself, as JSON to change", fill))
}

func (s *shell) bulletinNext() *cobra.Command {
	return filled(s.api("GET /bulletins/{id}/text", "next BULLETIN", "Print a bulletin's next text as it writes itself, as JSON to change", fill))
}

func filled(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().String("stage", "", "investigating, identified, monitoring, resolved; scheduled, in-progress, completed, cancelled")
	return cmd
}

func fill(c *call) error {
	answer, err := c.pass("stage").do(nil)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, answer, "", "  "); err != nil {
		return err
	}
	_, err = b.WriteTo(c.Stdout)
	return err
}

// contentOf reads a text from a file, "-" being what comes in.
func (c *call) contentOf(file string) (content status.Content, err error) {
	var src []byte
	if src, err = c.read(file, journal.MaxBody); err != nil {
		return content, err
	}
	d := json.NewDecoder(bytes.NewReader(src))
	d.DisallowUnknownFields()
	if err := d.Decode(&content); err != nil {
		return content, holdfast.Errorf(holdfast.Invalid, "%s is not the JSON that bulletin fill prints: %v", file, err)
	}
	return content, nil
}

func (s *shell) bulletinBegin() *cobra.Command {
	var in api.NewBulletin
	var maintenance bool
	cmd := s.api("POST /bulletins", "begin FILE", "Write the first text of a bulletin; nothing is published by it", func(c *call) (err error) {
		in.Kind = status.Interruption
		if maintenance {
			in.Kind = status.Planned
		}
		if in.Content, err = c.contentOf(c.args[0]); err != nil {
			return err
		}
		return c.create(in, "bulletin %s waits to be published")
	})
	cmd.Flags().StringVar(&in.Incident, "incident", "", "incident that it is on; it is not published")
	cmd.Flags().BoolVar(&maintenance, "maintenance", false, "on planned maintenance, with from and until in the file")
	return cmd
}

func (s *shell) bulletinWrite() *cobra.Command {
	return s.api("POST /bulletins/{id}/drafts", "write BULLETIN FILE", "Write a bulletin's next text; with corrects in the file, a correction", func(c *call) error {
		in, err := c.contentOf(c.args[1])
		if err != nil {
			return err
		}
		return c.act(in, "the text of bulletin %s waits to be published", c.args[0])
	})
}

func (s *shell) bulletinPublish() *cobra.Command {
	return s.api("POST /bulletins/{id}/publish", "publish BULLETIN NUMBER", "Publish the text of a number", func(c *call) error {
		n, err := draftNumber(c.args[1])
		if err != nil {
			return err
		}
		return c.act(api.BulletinDecision{Draft: n}, "text %d of bulletin %s is published", n, c.args[0])
	})
}

func (s *shell) bulletinDrop() *cobra.Command {
	var in api.BulletinDecision
	cmd := s.api("POST /bulletins/{id}/drop", "drop BULLETIN NUMBER", "Drop the text of a number", func(c *call) (err error) {
		if in.Draft, err = draftNumber(c.args[1]); err != nil {
			return err
		}
		return c.act(in, "text %d of bulletin %s is dropped", in.Draft, c.args[0])
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return required(cmd, "reason")
}

func draftNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, holdfast.Errorf(holdfast.Invalid, "%q is no whole number: write digits only", text)
	}
	return n, nil
}

func (s *shell) bulletinExport() *cobra.Command {
	return s.api("GET /status-page/files", "export DIR", "Write all files of the public status page to a directory", func(c *call) error {
		answer, err := c.do(nil)
		if err != nil {
			return err
		}
		var list []api.StatusFile
		if err := json.Unmarshal(answer, &list); err != nil {
			return err
		}
		files := map[string][]byte{}
		for _, f := range list {
			files[f.Path] = []byte(f.Content)
		}
		if err := statuspage.Write(c.args[0], files); err != nil {
			return err
		}
		c.say("%d files are in %s: %s", len(files), c.args[0], strings.Join(slices.Sorted(maps.Keys(files)), " "))
		return nil
	})
}

func (s *shell) bulletinSubscribers() *cobra.Command {
	return s.api("GET /status-page/subscribers", "subscribers", "Count those who have subscribed by mail", func(c *call) error {
		return show(c, nil, func(p *page, n subscription.Count) {
			p.line("%d confirmed, %d asked and not confirmed; %d have mails to come", n.Confirmed, n.Asked, n.Waiting)
		})
	})
}

func (s *shell) bulletinErase() *cobra.Command {
	return s.api("POST /status-page/subscribers/erase", "erase ADDRESS", "Erase a subscriber's address on its holder's wish", func(c *call) error {
		return c.act(api.Subscriber{Address: c.args[0]}, "the address is not among the subscribers any more")
	})
}
