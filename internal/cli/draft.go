package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/view"
)

func (s *shell) draft() *cobra.Command {
	return group("draft", "Drafts of the plan: begin, review, approve, publish", slices.Concat(
		[]*cobra.Command{s.draftBegin(), s.draftImport(), s.draftList(), s.draftShow(), s.draftChapter(), s.draftRestore()},
		s.reviewers(),
		[]*cobra.Command{
			s.api("POST /drafts/{id}/review", "review DRAFT", "Open a draft to its reviewers", func(c *call) error {
				return c.act(nil, "draft %s is in review", c.args[0])
			}),
			s.draftSubmit(), s.draftApprove(), s.draftScan(),
			s.because("POST /drafts/{id}/return", "return DRAFT", "Give a draft back to its authors: refuse it, or take it back; all decisions on it are void", "draft %s is with its authors again"),
			s.because("POST /drafts/{id}/withdraw", "withdraw DRAFT", "End a draft for good", "draft %s is withdrawn"),
			s.draftPublish(),
		},
	)...)
}

func (s *shell) draftBegin() *cobra.Command {
	var in api.BeginDraft
	var file string
	cmd := s.api("POST /drafts", "begin", "Begin a draft of the latest revision, or of a file", func(c *call) error {
		if file != "" {
			text, err := s.read(file, plan.MaxSize)
			if err != nil {
				return err
			}
			in.Text = string(text)
		}
		return c.create(in, "draft %s is begun")
	})
	cmd.Flags().StringVar(&in.Note, "note", "", "what the revision is about")
	cmd.Flags().StringVar(&file, "file", "", "begin with this text, - for standard input")
	return cmd
}

func (s *shell) draftList() *cobra.Command {
	return s.api("GET /drafts", "list", "List drafts, newest first", func(c *call) error {
		return show(c, nil, func(p *page, v []view.DraftHead) {
			p.row("DRAFT", "PLAN", "FROM", "STATE", "OPEN COMMENTS", "BEGUN", "BY", "NOTE")
			for _, d := range v {
				p.row(d.ID, d.Plan, d.From, d.State, d.OpenComments, d.At, d.By.ID, d.Note)
			}
		})
	})
}

func (s *shell) draftShow() *cobra.Command {
	return s.api("GET /drafts/{id}", "show DRAFT", "Show a draft: its chapters, comments and how far its approval is", func(c *call) error {
		return show(c, nil, writeDraft)
	})
}

func writeDraft(p *page, d view.Draft) {
	p.line("draft %s of plan %s, from revision %d: %s", d.ID, d.Plan, d.From, d.State)
	p.line("hash %s", d.Hash)
	p.row("CHAPTER", "SAVE", "AT", "BY")
	for _, c := range d.Chapters {
		if c.Save > 0 {
			p.row(c.Chapter, c.Save, c.At, c.By.ID)
		}
	}
	for _, r := range d.Reviewers {
		who := r.Account
		if r.Outside != nil {
			who = r.Outside.ID + ", " + r.Outside.Name + " from outside"
		}
		if !r.Finished.IsZero() {
			who += ", finished " + clock(r.Finished)
		}
		p.line("reviewer %s", who)
	}
	for _, c := range d.Comments {
		state := "open"
		if c.Resolved != nil {
			state = "resolved"
		}
		place := c.Chapter
		if c.Path != "" {
			place = c.Path
		}
		if c.Gone {
			place += " (gone)"
		}
		p.line("comment %d on %s by %s, %s: %s", c.ID, place, c.By.Name, state, c.Text)
		for _, r := range c.Replies {
			p.line("  %s: %s", r.By.Name, r.Text)
		}
	}
	for _, r := range d.Returned {
		p.line("returned %s by %s: %s", clock(r.At), r.By.Name, r.Reason)
	}
	if d.Approval == nil || !d.Approval.Complete {
		for _, one := range d.Deciders {
			p.line("approves in %s as %s: %s%s", one.Step.ID, one.Role, cell(one.Name), unless(one.Why == "", ", but cannot: "+one.Why))
		}
	}
	if a := d.Approval; a != nil {
		for _, g := range a.Given {
			p.line("decision %d: approved %s by %s, step %s %s", g.Number, clock(g.At), g.By, g.Step, g.Role)
		}
		for _, scan := range a.Scans {
			p.line("scan of decision %d by %s, %s: %s  %s", scan.Decision, scan.By.Name, clock(scan.At), scan.File.Hash, scan.File.Name)
		}
		if a.Complete {
			p.line("APPROVED, to be published until %s", clock(a.Until))
		} else {
			p.line("NOT APPROVED: step %s waits for %s", a.Step, strings.Join(a.Missing, ", "))
		}
	}
}

func (s *shell) draftChapter() *cobra.Command {
	return s.api("GET /drafts/{id}/chapters/{chapter}", "chapter DRAFT CHAPTER", "Print one chapter of a draft", func(c *call) error {
		return show(c, nil, func(p *page, v view.ChapterText) { p.text.WriteString(v.Text) })
	})
}

func (s *shell) draftRestore() *cobra.Command {
	var in api.RestoreChapter
	cmd := s.api("POST /drafts/{id}/chapters/{chapter}/restore", "restore DRAFT CHAPTER", "Bring an earlier save of a chapter back", func(c *call) error {
		return c.act(in, "save %d of %s is back", in.Save, c.args[1])
	})
	cmd.Flags().IntVar(&in.Save, "save", 0, "the save to bring back")
	cmd.Flags().IntVar(&in.Base, "base", 0, "the save that the chapter has now")
	return required(cmd, "save", "base")
}

func (s *shell) draftSubmit() *cobra.Command {
	var in api.Submit
	cmd := s.api("POST /drafts/{id}/submit", "submit DRAFT", "Send a draft to approval", func(c *call) error {
		return c.act(in, "draft %s is in approval", c.args[0])
	})
	cmd.Flags().StringVar(&in.Document, "document", "", "the operator's number for it")
	return cmd
}

func (s *shell) draftApprove() *cobra.Command {
	var hash, role string
	cmd := s.api("POST /drafts/{id}/approve", "approve DRAFT", "Approve the text that you read, where it is your turn", func(c *call) error {
		in := api.ApproveDraft{Role: role}
		if err := in.Hash.UnmarshalText([]byte(hash)); err != nil {
			return holdfast.Errorf(holdfast.Invalid, "%q is no hash: draft show prints it", hash)
		}
		return c.act(in, "you have approved draft %s", c.args[0])
	})
	cmd.Flags().StringVar(&hash, "hash", "", "the hash of the text that you read")
	cmd.Flags().StringVar(&role, "role", "", "the role that you decide as, if you fill several; otherwise the first that is missing")
	return required(cmd, "hash")
}

func (s *shell) draftPublish() *cobra.Command {
	var from string
	cmd := s.api("POST /drafts/{id}/publish", "publish DRAFT", "Make an approved draft the next revision", func(c *call) (err error) {
		var in api.PublishDraft
		if from != "" {
			if in.From, err = time.Parse(time.RFC3339, from); err != nil {
				return holdfast.Errorf(holdfast.Invalid, "%q is no time: write it as 2026-12-01T00:00:00+08:00", from)
			}
		}
		return show(c, in, func(p *page, v api.Published) { p.line("revision %d is published", v.Revision) })
	})
	cmd.Flags().StringVar(&from, "from", "", "when it comes into force (default: at once)")
	return cmd
}

func (s *shell) planComment() *cobra.Command {
	var in api.Remark
	add := s.api("POST /drafts/{id}/comments", "add DRAFT TEXT", "Comment on a place, or on a whole chapter", func(c *call) error {
		in.Text = c.args[1]
		return c.act(in, "it is said")
	})
	add.Flags().StringVar(&in.Chapter, "chapter", "", "the chapter; not needed with --path")
	add.Flags().StringVar(&in.Path, "path", "", "the place in the plan, such as risks[power].title")
	add.Flags().StringVar(&in.Quote, "quote", "", "what stands there (default: the place's words)")
	var why api.Resolve
	resolve := s.api("POST /drafts/{id}/comments/{n}/resolve", "resolve DRAFT COMMENT", "Answer a comment by a reason, or by what was saved of its chapter since", func(c *call) error {
		return c.act(why, "comment %s is resolved", c.args[1])
	})
	resolve.Flags().StringVar(&why.Reason, "reason", "", "why, if nothing was changed")
	return group("comment", "Comments on a draft", add,
		s.commentChanges(),
		s.api("POST /drafts/{id}/comments/{n}/replies", "reply DRAFT COMMENT TEXT", "Reply to a comment", func(c *call) error {
			return c.act(api.Reply{Text: c.args[2]}, "it is said")
		}),
		resolve,
		s.api("POST /drafts/{id}/comments/{n}/reopen", "reopen DRAFT COMMENT", "Take the answer to a comment back", func(c *call) error {
			return c.act(nil, "comment %s is open", c.args[1])
		}),
	)
}

func (s *shell) planAcknowledge() *cobra.Command {
	return s.api("POST /plan/revisions/{n}/acknowledge", "acknowledge REVISION", "Say that you have read a revision", func(c *call) error {
		return c.act(nil, "revision %s is acknowledged", c.args[0])
	})
}

func (s *shell) planReadings() *cobra.Command {
	return s.api("GET /plan/revisions/{n}/readings", "readings REVISION", "List who has to read a revision, and who has", func(c *call) error {
		return show(c, nil, func(p *page, v []view.Reading) {
			p.row("PERSON", "ROLES", "ACKNOWLEDGED", "DUE", "TOLD", "NAME")
			for _, r := range v {
				told := strconv.Itoa(len(r.Told))
				if !r.Reachable {
					told = "cannot be"
				}
				p.row(r.Person, strings.Join(r.Roles, " "), r.At, r.Due, told, r.Name)
			}
		})
	})
}

func (s *shell) planRemind() *cobra.Command {
	return s.api("POST /plan/revisions/{n}/remind", "remind REVISION [PERSON]", "Remind a reader now, or all who have not acknowledged a revision", func(c *call) error {
		in := api.Remind{}
		if len(c.args) > 1 {
			in.Person = c.args[1]
		}
		return show(c, in, func(p *page, v api.RemindedPeople) {
			p.line("reminded: %d %s", len(v.People), strings.Join(v.People, " "))
		})
	})
}

func (s *shell) planNews() *cobra.Command {
	return s.api("GET /plan/revisions/{n}/news", "news REVISION", "What a revision changes for you: what concerns your roles, then the rest", func(c *call) error {
		return show(c, nil, func(p *page, v view.News) {
			p.row("YOURS", "CHAPTER", "CHANGE", "WHAT", "NAME", "BEFORE", "AFTER")
			for i, ch := range slices.Concat(v.Own, v.Others) {
				yours := ""
				if i < len(v.Own) {
					yours = "yes"
				}
				p.row(yours, ch.Chapter, ch.Kind, ch.What, ch.Name.In(p.lang), ch.Old, ch.New)
			}
		})
	})
}

// base is what a file was pulled over: it stands beside the file, as FILE.base.
type base struct {
	Draft string `json:"draft"`
	// Chapters has, by chapter, the save and the hash of its text.
	Chapters map[string]pulled `json:"chapters"`
}

type pulled struct {
	Save int           `json:"save"`
	Hash holdfast.Hash `json:"hash"`
}

func (b base) write(file string) error {
	content, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return posture.WriteFile(file+".base", append(content, '\n'))
}

func (s *shell) planPull() *cobra.Command {
	cmd := s.api("GET /drafts/{id}", "pull DRAFT [FILE]", "Write a draft's whole text to a file, and beside it FILE.base, which push needs; without a file, print it", func(c *call) error {
		answer, err := c.do(nil)
		if err != nil {
			return err
		}
		var d view.Draft
		if err := json.Unmarshal(answer, &d); err != nil {
			return fmt.Errorf("the node's answer cannot be read: %w", err)
		}
		if len(c.args) == 1 {
			_, err := s.Stdout.Write([]byte(d.Text))
			return err
		}
		chapters, faults := plan.Split([]byte(d.Text))
		if len(faults) > 0 {
			return holdfast.Errorf(holdfast.Invalid, "the draft's text cannot be taken apart: %v", faults)
		}
		b := base{d.ID, map[string]pulled{}}
		for _, chapter := range d.Chapters {
			b.Chapters[chapter.Chapter] = pulled{chapter.Save, plan.Hash(chapters[chapter.Chapter])}
		}
		if err := posture.WriteFile(c.args[1], []byte(d.Text)); err != nil {
			return err
		}
		if err := b.write(c.args[1]); err != nil {
			return err
		}
		s.say("draft %s is in %s", d.ID, c.args[1])
		p, _ := plan.Decode("", []byte(d.Text))
		for _, a := range p.Attachments {
			s.say("its file %q: holdfast plan file draft %s %s -o FILE", a.Name, d.ID, a.Hash)
		}
		return nil
	})
	cmd.Args = cobra.RangeArgs(1, 2)
	return cmd
}

func (s *shell) planPush() *cobra.Command {
	return s.api("PUT /drafts/{id}/chapters/{chapter}", "push DRAFT FILE", "Save the chapters of a pulled file that were changed; conflicts are told chapter by chapter", func(c *call) error {
		file := c.args[1]
		b, err := readBase(file, c.args[0])
		if err != nil {
			return err
		}
		content, err := s.read(file, plan.MaxSize)
		if err != nil {
			return err
		}
		chapters, faults := plan.Split(content)
		if len(faults) > 0 {
			return &ending{exitInvalid, faults.Error()}
		}
		return c.push(file, b, chapters)
	})
}

func readBase(file, draft string) (b base, err error) {
	content, err := os.ReadFile(file + ".base")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return b, holdfast.Errorf(holdfast.Invalid, "there is no %s.base: pull the draft into %s first, so that nothing another has saved is overwritten", file, file)
	case err != nil:
		return b, err
	}
	if err := json.Unmarshal(content, &b); err != nil || b.Chapters == nil {
		return b, holdfast.Errorf(holdfast.Invalid, "%s.base is not as pull wrote it: pull the draft again", file)
	}
	if b.Draft != draft {
		return b, holdfast.Errorf(holdfast.Invalid, "%s was pulled from draft %s, not %s", file, b.Draft, draft)
	}
	return b, nil
}

// push saves each chapter that is not as it was pulled. What was saved is noted in
// the base at once, so that a push that broke off can be repeated.
func (c *call) push(file string, b base, chapters map[string][]byte) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	saved, refused := 0, []error{}
	for _, chapter := range plan.Chapters {
		was, text := b.Chapters[chapter.Key], chapters[chapter.Key]
		if plan.Hash(text) == was.Hash {
			continue
		}
		path := "/drafts/" + url.PathEscape(b.Draft) + "/chapters/" + chapter.Key
		var now api.Saved
		err := node.Do(c.cmd.Context(), http.MethodPut, path, api.SaveChapter{Base: was.Save, Text: string(text)}, &now)
		switch code := holdfast.CodeOf(err); {
		case err == nil:
		case code == holdfast.Conflict || code == holdfast.Invalid || code == holdfast.TooLarge:
			c.say("%s: NOT SAVED: %v", chapter.Key, err)
			refused = append(refused, err)
			continue
		default:
			return err
		}
		saved++
		c.say("%s: saved as %d", chapter.Key, now.Save)
		b.Chapters[chapter.Key] = pulled{now.Save, plan.Hash(text)}
		if err := b.write(file); err != nil {
			return err
		}
	}
	if len(refused) > 0 {
		return fmt.Errorf("%d chapters saved, %d refused; the first: %w", saved, len(refused), refused[0])
	}
	c.say("%d chapters saved", saved)
	return nil
}
