package draft

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/approval"
	"holdfast/internal/attachment"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// Files of a draft: attachments, which its text names by their hash, and signed
// scans beside the decisions on it, which are facts of the draft and change nothing
// that was decided. The bytes are stored before the fact that names them: a crash
// between the two leaves bytes that nothing names, never a name without its bytes.

// kindScanned is the fact that a signed paper was scanned.
const kindScanned = "draft.scanned"

type scanned struct {
	// Decision is the number of the decision that it shows.
	Decision int             `json:"decision"`
	File     attachment.File `json:"file"`
}

// Scan is a signed paper beside a decision.
type Scan struct {
	Decision int
	File     attachment.File
	By       holdfast.Actor
	At       time.Time
}

// maxScans is how many scans one decision may have; the newest counts, earlier
// ones stay to be seen.
const maxScans = 10

// maxTitle is the longest title of an attachment in characters, as it is uploaded.
const maxTitle = 200

// ScansOf lists the scans of a decision, the newest first.
func (d *Draft) ScansOf(decision int) (list []Scan) {
	for _, s := range slices.Backward(d.Scans) {
		if s.Decision == decision {
			list = append(list, s)
		}
	}
	return list
}

func (d *Draft) applyScanned(f holdfast.Fact) error {
	var body scanned
	if err := f.Decode(&body); err != nil {
		return err
	}
	d.Scans = append(slices.Clip(d.Scans), Scan{body.Decision, body.File, f.Actor, f.Time})
	return nil
}

// Attaching says which attachment a file becomes.
type Attaching struct {
	// Entry is the attachment's id; one that the plan does not have yet is added.
	// Empty is that of the material, or a new one.
	Entry string
	// Material is the id of the material that the file is of; empty if it is of none.
	Material string
	// Title is that of an attachment that is added; empty is that of the material, or
	// the file's name.
	Title string
	// Over is the hash of the file that is replaced; zero if the attachment has none.
	Over holdfast.Hash
}

// attach makes a file an attachment of the text. Of the chapters only the entries
// concerned are changed, whoever else works on them. A file that the text names
// already does not change it, even where it cannot be changed any more: it is handed in
// because it was not, or because its bytes were not kept.
func attach(b *Book, id string, a Attaching, f attachment.File) (entry string, drafts []journal.Draft, err error) {
	d, known := b.Draft(id)
	if !known {
		_, err := b.open(id)
		return "", nil, err
	}
	p, _ := plan.Decode("", d.Text())
	if a.Entry == "" && a.Material == "" {
		for _, old := range p.Attachments {
			if of, ok := old.File(); ok && of.Hash == f.Hash {
				return old.ID, d.hand(f), nil
			}
		}
	}
	m := slices.IndexFunc(p.Materials, func(m plan.Material) bool { return m.ID == a.Material })
	if a.Material != "" && m < 0 {
		return "", nil, holdfast.Errorf(holdfast.NotFound, "the draft has no material %q", a.Material).At("material")
	}
	next := *p
	next.Attachments, next.Materials = slices.Clone(p.Attachments), slices.Clone(p.Materials)
	if entry, err = a.put(&next, m, f); err != nil {
		return "", nil, err
	}
	if m >= 0 {
		next.Materials[m].File = entry
	}
	drafts = d.hand(f)
	for _, key := range []string{"attachments", "materials"} {
		chapter, _ := plan.ChapterOf(key)
		text := plan.EncodeChapter(&next, chapter)
		if string(text) == string(plan.EncodeChapter(p, chapter)) {
			continue // also what others wrote, and its comments, stays as it is
		}
		_, last := d.Chapter(key)
		one, err := save(b, id, key, last, text)
		if err != nil {
			return "", nil, err
		}
		for _, fact := range one {
			fact.Expect += holdfast.Revision(len(drafts))
			drafts = append(drafts, fact)
		}
	}
	return entry, drafts, nil
}

// put makes the file the attachment that is meant and returns its id. m is the
// index of the material, or negative.
func (a Attaching) put(p *plan.Plan, m int, f attachment.File) (string, error) {
	id := a.Entry
	if id == "" && m >= 0 {
		id = p.Materials[m].File
	}
	i := slices.IndexFunc(p.Attachments, func(old plan.Attachment) bool { return old.ID == id })
	if i < 0 {
		title := holdfast.Text{ZhHant: f.Name, ZhHans: f.Name, En: f.Name}
		if m >= 0 && !p.Materials[m].Title.IsZero() {
			title = p.Materials[m].Title
		}
		if a.Title = strings.TrimSpace(a.Title); a.Title != "" {
			title = inLang(p.Language, a.Title)
		}
		switch {
		case id == "":
			id = newEntry(p, a.Material)
		case !holdfast.ValidName(id):
			return "", holdfast.Errorf(holdfast.Invalid, "%q is no id of an attachment: begin with a letter or a digit, then write a-z, 0-9 and '-' only", id).At("entry")
		}
		switch {
		case utf8.RuneCountInString(a.Title) > maxTitle:
			return "", holdfast.Errorf(holdfast.TooLarge, "%s has more than %d characters; shorten it", "title", maxTitle).At("title")
		case len(p.Attachments) >= plan.MaxEntries:
			return "", holdfast.Errorf(holdfast.TooLarge, "a plan has at most %d attachments", plan.MaxEntries).At("entry")
		}
		p.Attachments = append(p.Attachments, plan.Attachment{ID: id, Title: title})
		i = len(p.Attachments) - 1
	}
	to := &p.Attachments[i]
	old, there := to.File()
	switch {
	case there && old.Hash == f.Hash:
		return id, nil
	case there && old.Hash != a.Over:
		return "", holdfast.Errorf(holdfast.Conflict, "the attachment %q has the file %s, with the hash %s: to replace it, say that hash", id, old.Name, old.Hash).At("over")
	}
	to.Name, to.Type, to.Size, to.Hash = f.Name, f.Type, f.Size, f.Hash.String()
	return id, nil
}

func inLang(l holdfast.Lang, s string) (t holdfast.Text) {
	switch l {
	case holdfast.ZhHant:
		t.ZhHant = s
	case holdfast.ZhHans:
		t.ZhHans = s
	default:
		t.En = s
	}
	return t
}

// newEntry returns an id that no attachment has: the material's if it is free.
func newEntry(p *plan.Plan, material string) string {
	free := func(id string) bool {
		return !slices.ContainsFunc(p.Attachments, func(a plan.Attachment) bool { return a.ID == id })
	}
	if holdfast.ValidName(material) && free(material) {
		return material
	}
	for n := len(p.Attachments) + 1; ; n++ {
		if id := "attachment-" + strconv.Itoa(n); free(id) {
			return id
		}
	}
}

// MayScan reports whether somebody may attach a scan to a decision: who gave it, and
// who wrote, began or submitted the draft.
func (d *Draft) MayScan(g approval.Decision, by holdfast.Actor) bool {
	return d.State != Withdrawn && (by.SameParty(g.By) || d.Author(by) || by.SameParty(d.By) || d.Submitted != nil && by.SameParty(d.Submitted.By))
}

// scan keeps a signed paper beside a decision that was given. It counts for nothing
// in the approval.
func scan(b *Book, id string, decision int, f attachment.File, by holdfast.Actor) ([]journal.Draft, error) {
	d, known := b.Draft(id)
	switch {
	case !known:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no draft %q", id)
	case d.State == Withdrawn:
		return nil, holdfast.Errorf(holdfast.Conflict, "draft %s is %s: it cannot be changed any more", id, string(d.State))
	}
	i := slices.IndexFunc(d.Decisions, func(g approval.Decision) bool { return g.Number == decision })
	if i < 0 {
		return nil, holdfast.Errorf(holdfast.Conflict, "draft %s has no decision %d that holds: a scan belongs to one that was given on the text as it is", id, decision)
	}
	if !d.MayScan(d.Decisions[i], by) {
		return nil, holdfast.Errorf(holdfast.Forbidden, "only who gave this decision and the authors of the draft attach a scan to it")
	}
	scans := d.ScansOf(decision)
	switch {
	case len(scans) > 0 && scans[0].File.Hash == f.Hash:
		return nil, nil
	case len(scans) >= maxScans:
		return nil, holdfast.Errorf(holdfast.TooLarge, "the decision has %d scans, which is the limit: put all pages into one file", maxScans)
	}
	return d.fact(kindScanned, scanned{decision, f}), nil
}

// keep decides before the bytes are stored, so that nobody fills the journal with
// files that he may not hand in, and decides anew to write.
func (s *Service) keep(ctx context.Context, by holdfast.Actor, act string, content []byte, decide func() ([]journal.Draft, error)) error {
	var err error
	s.Desk.State.View(func() { _, err = decide() })
	if err == nil {
		err = attachment.Keep(ctx, s.Files, content)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return s.do(ctx, by, act, func(time.Time) ([]journal.Draft, error) { return decide() })
}

// Attach keeps a file and makes it an attachment of the draft's text. It returns
// the attachment's id. Another file in its place is code Conflict, unless it is the
// one that the caller means to replace.
func (s *Service) Attach(ctx context.Context, by holdfast.Actor, id string, a Attaching, name string, content []byte) (entry string, f attachment.File, err error) {
	if f, err = attachment.Of(name, content); err != nil {
		return "", f, err
	}
	err = s.keep(ctx, by, "attach the file", content, func() (drafts []journal.Draft, err error) {
		entry, drafts, err = attach(s.Nouns.Drafts, id, a, f)
		return drafts, err
	})
	return entry, f, err
}

// Scan keeps a signed paper that was scanned beside a decision on the draft.
func (s *Service) Scan(ctx context.Context, by holdfast.Actor, id string, decision int, name string, content []byte) (f attachment.File, err error) {
	if f, err = attachment.ScanOf(name, content); err != nil {
		return f, err
	}
	return f, s.keep(ctx, by, "attach the scan", content, func() ([]journal.Draft, error) { return scan(s.Nouns.Drafts, id, decision, f, by) })
}

// KeepAgain keeps a file that a published revision names and that is not kept
// here: the text came from another installation. It writes no fact.
func (s *Service) KeepAgain(ctx context.Context, planID string, revision int, name string, content []byte) (f attachment.File, err error) {
	if f, err = attachment.Of(name, content); err != nil {
		return f, err
	}
	s.Desk.State.View(func() {
		r, found := s.Nouns.Plans.Revision(planID, revision)
		if !found {
			err = holdfast.Errorf(holdfast.NotFound, "the plan has no revision %d", revision)
			return
		}
		if named, ok := r.Plan().Names(f.Hash); ok {
			f.Name = named.Name
			return
		}
		err = holdfast.Errorf(holdfast.Invalid, "revision %d names no file with the hash %s: hand in the very file, to the byte", revision, f.Hash).At("file")
	})
	if err == nil {
		err = attachment.Keep(ctx, s.Files, content)
	}
	return f, err
}

// allKept refuses a draft whose text names a file that is not kept, and returns the
// hash of the text that it looked at. What is kept stays kept.
func (s *Service) allKept(ctx context.Context, id string) (text holdfast.Hash, err error) {
	d, err := s.Draft(id)
	if err != nil {
		return text, err
	}
	p, _ := plan.Decode("", d.Text())
	for _, a := range p.Attachments {
		f, ok := a.File()
		if !ok {
			continue // the text has a fault, which is told of all others
		}
		switch kept, err := s.Files.HasBlob(ctx, f.Hash); {
		case err != nil:
			return text, err
		case !kept || !s.handed(d, f.Hash):
			return text, holdfast.Errorf(holdfast.Invalid, "the file %s of the attachment %q is not kept here: upload the very same file once more", a.Name, a.ID).At("attachments")
		}
	}
	return plan.Hash(d.Text()), nil
}
