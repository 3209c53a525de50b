package draft

import (
	"strings"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// The decisions on writing and commenting. Each is pure: what it may append, or
// why not.

func (d *Draft) fact(kind string, body any) []journal.Draft {
	return []journal.Draft{journal.NewDraft(subject(d.ID), d.revision, kind, body)}
}

func (b *Book) open(id string) (*Draft, error) {
	d, ok := b.drafts[id]
	switch {
	case !ok:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no draft %q", id)
	case !d.State.Open():
		return nil, holdfast.Errorf(holdfast.Conflict, "draft %s is %s: it cannot be changed any more", id, string(d.State))
	}
	return d, nil
}

// writable returns a draft whose text may be changed now.
func (b *Book) writable(id string) (*Draft, error) {
	d, err := b.open(id)
	if err == nil && d.State != Drafting && d.State != InReview {
		err = holdfast.Errorf(holdfast.Conflict, "draft %s is in approval: take it back before you change its text", id)
	}
	return d, err
}

// sized reports a text that is empty or too long.
func sized(field, text string, limit int) error {
	switch {
	case strings.TrimSpace(text) == "":
		return holdfast.Errorf(holdfast.Invalid, "%s is empty: write it", field).At(field)
	case utf8.RuneCountInString(text) > limit:
		return holdfast.Errorf(holdfast.TooLarge, "%s has more than %d characters; shorten it", field, limit).At(field)
	}
	return nil
}

// begin opens a draft of a text: of a revision, or of one that was brought in.
func begin(b *Book, planID string, from, since int, note string, src []byte) (id string, drafts []journal.Draft, err error) {
	if d, found := b.OpenOf(planID); found {
		return "", nil, holdfast.Errorf(holdfast.Conflict, "draft %s of this plan is open: go on with it, or withdraw it first", d.ID)
	}
	if utf8.RuneCountInString(note) > plan.MaxNote {
		return "", nil, holdfast.Errorf(holdfast.TooLarge, "the note has more than %d characters; shorten it", plan.MaxNote).At("note")
	}
	chapters, faults := plan.Split(src)
	if len(faults) > 0 {
		return "", nil, holdfast.Errorf(holdfast.Invalid, "the plan has %d faults; mend them and begin again", len(faults)).At("text").Because(faults)
	}
	body := begun{Plan: planID, From: from, Since: since, Note: note, Chapters: map[string]string{}}
	for key, text := range chapters {
		body.Chapters[key] = string(text)
	}
	id = b.nextID()
	return id, []journal.Draft{journal.NewDraft(subject(id), 0, kindBegun, body)}, nil
}

// save replaces a chapter's text. base is the save that its author saw. A text
// that is so already gives no fact.
func save(b *Book, id, chapter string, base int, text []byte) ([]journal.Draft, error) {
	d, err := b.writable(id)
	if err != nil {
		return nil, err
	}
	if len(text) > MaxChapter {
		return nil, holdfast.Errorf(holdfast.TooLarge, "the chapter has %d bytes; %d is the limit", len(text), MaxChapter).At("text")
	}
	formatted, faults := plan.FormatChapter(chapter, text)
	if len(faults) > 0 {
		return nil, holdfast.Errorf(holdfast.Invalid, "the chapter has %d faults; mend them and save again", len(faults)).At("text").Because(faults)
	}
	now, last := d.Chapter(chapter)
	switch {
	case now == string(formatted):
		return nil, nil
	case base < 0 || base > last:
		return nil, holdfast.Errorf(holdfast.NotFound, "the chapter has no save %d", base).At("base")
	case base < last:
		newer := Newer{d.Saves[last-1]}
		return nil, holdfast.Errorf(holdfast.Conflict, "%s has changed this chapter since you opened it: bring the two together and save again", newer.By).Because(newer)
	}
	return d.fact(kindSaved, saved{chapter, string(formatted), base}), nil
}

// restore brings an earlier save of a chapter back, as a new save; 0 is the text
// that the draft began with.
func restore(b *Book, id, chapter string, base, number int) ([]journal.Draft, error) {
	d, err := b.writable(id)
	if err != nil {
		return nil, err
	}
	if number == 0 {
		return save(b, id, chapter, base, []byte(d.begun[chapter]))
	}
	if number < 0 || number > len(d.Saves) || d.Saves[number-1].Chapter != chapter {
		return nil, holdfast.Errorf(holdfast.NotFound, "the chapter has no save %d", number)
	}
	return save(b, id, chapter, base, []byte(d.Saves[number-1].Text))
}

// review opens the draft to its reviewers.
func review(b *Book, id string) ([]journal.Draft, error) {
	d, err := b.open(id)
	switch {
	case err != nil:
		return nil, err
	case d.State == InReview:
		return nil, nil
	case d.State != Drafting:
		return nil, holdfast.Errorf(holdfast.Conflict, "draft %s is in approval: take it back first", id)
	case len(d.Reviewers) == 0:
		return nil, holdfast.Errorf(holdfast.Invalid, "nobody is invited: invite at least one reviewer first")
	}
	return d.fact(kindInReview, struct{}{}), nil
}

// comment adds a remark. Authors and reviewers comment, nobody else. One that
// stands there already and is open, word for word, gives no fact: its author
// repeats what he was not told had worked.
func comment(b *Book, id string, c commented, by holdfast.Actor, mayWrite bool) ([]journal.Draft, error) {
	d, err := b.room(id, by, mayWrite)
	if err != nil {
		return nil, err
	}
	if err := sized("comment", c.Text, maxText); err != nil {
		return nil, err
	}
	if _, known := plan.ChapterOf(c.Chapter); !known {
		return nil, holdfast.Errorf(holdfast.Invalid, "a plan has no chapter %q", c.Chapter).At("chapter")
	}
	if utf8.RuneCountInString(c.Quote) > maxQuote || len(c.Path) > maxQuote {
		return nil, holdfast.Errorf(holdfast.TooLarge, "the place commented on has more than %d characters", maxQuote).At("quote")
	}
	for _, o := range d.Comments {
		if o.Resolved == nil && o.By.SameParty(by) && (commented{o.Chapter, o.Path, o.Quote, o.Text}) == c {
			return nil, nil
		}
	}
	return d.fact(kindCommented, c), nil
}

// discussed returns a draft that somebody may speak on.
func (b *Book) discussed(id string, by holdfast.Actor, mayWrite bool) (*Draft, error) {
	d, err := b.open(id)
	if err == nil && !mayWrite && !d.Reviews(by) {
		err = holdfast.Errorf(holdfast.Forbidden, "only its authors and invited reviewers comment on draft %s", id)
	}
	return d, err
}

// room returns a draft that somebody may add a remark to.
func (b *Book) room(id string, by holdfast.Actor, mayWrite bool) (*Draft, error) {
	d, err := b.discussed(id, by, mayWrite)
	if err != nil {
		return nil, err
	}
	n := len(d.Comments)
	for _, c := range d.Comments {
		n += len(c.Replies)
	}
	if n >= MaxComments {
		return nil, holdfast.Errorf(holdfast.TooLarge, "the draft has %d comments and replies, which is the limit", MaxComments)
	}
	return d, nil
}

func (d *Draft) comment(number int) (*Comment, error) {
	if number < 1 || number > len(d.Comments) {
		return nil, holdfast.Errorf(holdfast.NotFound, "the draft has no comment %d", number)
	}
	return d.Comments[number-1], nil
}

func reply(b *Book, id string, r replied, by holdfast.Actor, mayWrite bool) ([]journal.Draft, error) {
	d, err := b.room(id, by, mayWrite)
	if err != nil {
		return nil, err
	}
	c, err := d.comment(r.Comment)
	if err != nil {
		return nil, err
	}
	if err := sized("comment", r.Text, maxText); err != nil {
		return nil, err
	}
	if n := len(c.Replies); n > 0 && c.Replies[n-1].By.SameParty(by) && c.Replies[n-1].Text == r.Text {
		return nil, nil // said again by who was not told that it had worked
	}
	return d.fact(kindReplied, r), nil
}

// resolve answers a comment: by what was saved of its chapter since, or by a
// reason.
func resolve(b *Book, id string, number int, why string) ([]journal.Draft, error) {
	d, err := b.open(id)
	if err != nil {
		return nil, err
	}
	c, err := d.comment(number)
	if err != nil || c.Resolved != nil {
		return nil, err
	}
	r := resolved{Comment: number, Reason: strings.TrimSpace(why)}
	for _, s := range d.Saves {
		if s.Chapter == c.Chapter && s.Number > c.After {
			r.Saves = append(r.Saves, s.Number)
		}
	}
	if r.Reason == "" && len(r.Saves) == 0 {
		return nil, holdfast.Errorf(holdfast.Invalid, "nothing in this chapter has changed since the comment: change it, or give a reason").At("reason")
	}
	if r.Reason != "" {
		if err := sized("reason", r.Reason, maxText); err != nil {
			return nil, err
		}
	}
	return d.fact(kindResolved, r), nil
}

// reopen takes an answer back: its author, or who made the comment, may.
func reopen(b *Book, id string, number int, by holdfast.Actor, mayWrite bool) ([]journal.Draft, error) {
	d, err := b.discussed(id, by, mayWrite)
	if err != nil {
		return nil, err
	}
	c, err := d.comment(number)
	if err != nil || c.Resolved == nil {
		return nil, err
	}
	if d.State == InApproval {
		return nil, holdfast.Errorf(holdfast.Conflict, "draft %s is in approval: take it back first", id)
	}
	return d.fact(kindReopened, replied{Comment: number}), nil
}
