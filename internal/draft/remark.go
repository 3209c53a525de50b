package draft

import (
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/plan"
)

// Remark is a comment to be made.
type Remark struct {
	// Chapter may be empty where Path says it.
	Chapter string
	// Path is the place: an anchor, or a path with positions. Empty is the whole
	// chapter.
	Path string
	// Quote is what stands there; empty is filled in with the words in Lang.
	Quote string
	Lang  holdfast.Lang
	Text  string
}

// anchored makes the fact of a remark: its place as an anchor, with the chapter
// that holds it and the words that stand there.
func (d *Draft) anchored(m Remark) (commented, error) {
	c := commented{m.Chapter, m.Path, m.Quote, m.Text}
	if m.Path == "" {
		return c, nil
	}
	p, _ := plan.Decode("", d.Text())
	anchor, found := p.Anchor(m.Path)
	if !found {
		return c, holdfast.Errorf(holdfast.Conflict, "the draft has no %s: someone may have removed it; go back to the chapter", cut(m.Path, maxQuote))
	}
	path, _ := p.Find(anchor)
	chapter := p.ChapterAt(path)
	if c.Chapter != "" && c.Chapter != chapter {
		return c, holdfast.Errorf(holdfast.Invalid, "%s belongs to the chapter %s, not %s", anchor, chapter, c.Chapter).At("chapter")
	}
	c.Chapter, c.Path = chapter, anchor
	if c.Quote == "" {
		c.Quote = cut(p.Words(anchor, m.Lang), maxQuote)
	}
	return c, nil
}

// cut shortens a text to a number of characters.
func cut(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}
