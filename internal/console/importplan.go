package console

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/lint"
	"holdfast/internal/plandoc"
	"holdfast/internal/roster"
)

// wordPage is what a Word document gave, shown before a draft is begun with it.
type wordPage struct {
	Name, Note string
	Lang       holdfast.Lang
	Found      []plandoc.Found
	Kept       []string
	Unread     []string
	People     []roster.Person
	// PeopleText is a file of the people, to import into the roster.
	PeopleText string
	// Missing is what the plan still lacks.
	Missing []finding
	// Text is the plan.
	Text string
}

// planFile reads the file of the form.
func planFile(v *visit) (name string, content []byte, err error) {
	file, head, err := v.r.FormFile("file")
	if err != nil {
		return "", nil, holdfast.Errorf(holdfast.Invalid, "choose a file").At("file")
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err = io.ReadAll(file)     // the form's size is bounded
	return head.Filename, content, err
}

// What a file that a draft is to begin with may be.
type planKind int

const (
	otherFile planKind = iota
	wordFile
	textFile
)

// kindOf goes by what a file holds; a document that is damaged is called by its name.
func kindOf(name string, content []byte) planKind {
	switch kind, _ := attachment.Type(name, content); {
	case kind == attachment.Word, strings.HasSuffix(strings.ToLower(name), ".docx"):
		return wordFile
	case utf8.Valid(content) && !bytes.ContainsRune(content, 0) && kind != attachment.PDF:
		return textFile
	}
	return otherFile
}

// showWord shows what a Word document gives as a plan. Nothing is begun yet.
func (c *Console) showWord(v *visit, name string, content []byte) error {
	lang := v.words.Lang()
	if given := holdfast.Lang(v.form("lang")); slices.Contains(holdfast.Langs[:], given) {
		lang = given
	}
	got, err := c.View.ReadWord(content, lang)
	if err != nil {
		return err
	}
	own := wordPage{Name: name, Note: v.form("note"), Lang: lang, Found: got.Found(), Kept: got.Kept, People: got.People, Text: string(got.Text)}
	if len(got.People) > 0 {
		own.PeopleText = string(roster.EncodePeople(got.People))
	}
	for _, err := range got.Unread {
		own.Unread = append(own.Unread, v.words.Error(err))
	}
	for _, f := range got.Faults {
		own.Missing = append(own.Missing, finding{Severity: string(lint.Error), Rule: f.Rule, Message: v.words.Error(f.Error)})
	}
	for _, f := range got.Missing {
		own.Missing = append(own.Missing, finding{Severity: string(f.Severity), Rule: f.Rule, Message: v.words.Error(f.Error)})
	}
	return c.write(v, "importplan", http.StatusOK, c.page(v, v.words.T("import.title"), own))
}
