package roster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// listing is what a file holds, with the line on which each entry begins and
// everything that is wrong with the file by itself.
type listing[T any] struct {
	entries []T
	lines   []int
	faults  Faults
	// Of a file in CSV: the fields that it lacks columns for, in order, the question whether it
	// has one, and what only what is recorded can mend. Another file has all it says.
	kept   []string
	has    func(column string) bool
	absent Faults
}

// over returns the entries with what the file has no columns for as it is recorded.
func (s listing[T]) over(keep func(s listing[T], entry, now T) T, recorded func(T) (T, bool)) []T {
	if s.has == nil {
		return s.entries
	}
	entries := slices.Clone(s.entries)
	for i, entry := range entries {
		if now, known := recorded(entry); known {
			entries[i] = keep(s, entry, now)
		}
	}
	return entries
}

// result returns the entries of a file without a fault.
func (s listing[T]) result() ([]T, error) {
	if all := sortFaults(slices.Concat(s.faults, s.absent)); len(all) > 0 {
		return nil, all
	}
	return s.entries, nil
}

// RowAct is what importing a row would do.
type RowAct string

const (
	RowAdded   RowAct = "added"
	RowChanged RowAct = "changed"
	RowSame    RowAct = "same"
	// RowRefused keeps the whole file from being imported.
	RowRefused RowAct = "refused"
)

// Row is one entry of a file that may be imported.
type Row struct {
	// Line is where it begins, from 1.
	Line int    `json:"line"`
	ID   string `json:"id"`
	Name string `json:"name"`
	Act  RowAct `json:"act"`
	// Differences are what a changed row changes.
	Differences []Difference `json:"differences"`
	// Faults say why a row is refused.
	Faults Faults `json:"-"`
}

// Preview is what importing a file would do. A file is imported whole or not at all.
type Preview struct {
	Rows []Row `json:"rows"`
	// Kept are the fields for which a file in CSV lacks columns: what is recorded there
	// stays.
	Kept []string `json:"kept"`
	// Faults concern the file and no row of it.
	Faults Faults `json:"-"`
}

// Count returns how many rows an act concerns.
func (p Preview) Count(act RowAct) (n int) {
	for _, r := range p.Rows {
		if r.Act == act {
			n++
		}
	}
	return n
}

// Fit reports whether the file can be imported.
func (p Preview) Fit() bool { return len(p.Faults) == 0 && p.Count(RowRefused) == 0 && len(p.Rows) > 0 }

// Digest stands for what the preview shows: if it differs, so does what importing
// does.
func (p Preview) Digest() string {
	b, err := json.Marshal(p.Rows)
	if err != nil {
		panic("roster: rows in JSON: " + err.Error()) // they are our own types
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// refuse returns the error of a file that cannot be imported, or nil.
func (p Preview) refuse(digest string) error {
	var all Faults
	all = append(all, p.Faults...)
	for _, r := range p.Rows {
		all = append(all, r.Faults...)
	}
	switch {
	case len(all) > 0:
		return holdfast.Errorf(holdfast.Invalid, "%d rows are refused, so nothing was imported:\n%v", p.Count(RowRefused), all).At("text")
	case len(p.Rows) == 0:
		return holdfast.Errorf(holdfast.Invalid, "the file has no rows").At("text")
	case digest != "" && digest != p.Digest():
		return holdfast.Errorf(holdfast.Conflict, "the roster was changed since the preview, so nothing was imported: look at what would change now, then import again")
	}
	return nil
}

// preview compares a file with what is recorded. list and wrong are what prepare
// makes of its entries.
func preview[T state](s listing[T], list []T, wrong [][]*holdfast.Error, name func(T) (id, name string), now func(id string) (T, bool)) Preview {
	p := Preview{Rows: []Row{}, Kept: append([]string{}, s.kept...)}
	if len(s.entries) == 0 {
		p.Faults = s.faults
		return p
	}
	for i, entry := range list {
		r := Row{Line: s.lines[i], Act: RowAdded, Differences: []Difference{}}
		r.ID, r.Name = name(entry)
		if before, known := now(r.ID); known {
			r.Differences = Compare(before, entry)
			if r.Act = RowChanged; len(r.Differences) == 0 {
				r.Act = RowSame
			}
		}
		p.Rows = append(p.Rows, r)
	}
	for _, f := range s.faults {
		if i := rowAt(s.lines, f.Line); i >= 0 {
			p.Rows[i].Faults = append(p.Rows[i].Faults, f)
		} else {
			p.Faults = append(p.Faults, f)
		}
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		if len(r.Faults) == 0 { // what the file says is wrong comes first; the roster would only repeat it
			for _, e := range wrong[i] {
				r.Faults = append(r.Faults, Fault{Line: r.Line, Err: e})
			}
		}
		if len(r.Faults) > 0 {
			r.Act, r.Differences = RowRefused, []Difference{}
		}
	}
	return p
}

// rowAt returns which row a line of the file belongs to, or -1.
func rowAt(lines []int, line int) int {
	at := -1
	for i, begin := range lines {
		if begin <= line {
			at = i
		}
	}
	return at
}

// A file is in YAML or in CSV.
const (
	YAML = "yaml"
	CSV  = "csv"
)

func readPeople(format string, src []byte) (listing[Person], error) {
	switch format {
	case "", YAML:
		return peopleYAML("", src), nil
	case CSV:
		return peopleCSV("", src), nil
	}
	return listing[Person]{}, noFormat(format)
}

func readParties(format string, src []byte) (listing[Party], error) {
	switch format {
	case "", YAML:
		return partiesYAML("", src), nil
	case CSV:
		return partiesCSV("", src), nil
	}
	return listing[Party]{}, noFormat(format)
}

func noFormat(format string) error {
	return holdfast.Errorf(holdfast.Invalid, "there is no format %q here; write yaml or csv", format).At("format")
}

func (b *Book) peopleOf(s listing[Person]) []Person {
	return s.over(keepPerson, func(p Person) (Person, bool) { now, known := b.people[p.ID]; return now, known })
}

func (b *Book) partiesOf(s listing[Party]) []Party {
	return s.over(keepParty, func(p Party) (Party, bool) { now, known := b.parties[p.ID]; return now, known })
}

func (b *Book) previewPeople(s listing[Person], now time.Time) Preview {
	list, wrong := prepare(b, b.peopleOf(s), now)
	return preview(s, list, wrong, func(p Person) (string, string) { return p.ID, p.Name }, b.Person)
}

func (b *Book) previewParties(s listing[Party], now time.Time) Preview {
	list, wrong := prepareParties(b, b.partiesOf(s), now)
	return preview(s, list, wrong, func(p Party) (string, string) { return p.ID, p.Name }, b.Party)
}

// PreviewPeople says what importing a file of people in a format would do.
func (s *Service) PreviewPeople(format string, src []byte) (p Preview, err error) {
	file, err := readPeople(format, src)
	if err == nil {
		s.desk.State.View(func() { p = s.book.previewPeople(file, s.desk.Now()) })
	}
	return p, err
}

// PreviewParties is [Service.PreviewPeople] for parties.
func (s *Service) PreviewParties(format string, src []byte) (p Preview, err error) {
	file, err := readParties(format, src)
	if err == nil {
		s.desk.State.View(func() { p = s.book.previewParties(file, s.desk.Now()) })
	}
	return p, err
}

// ImportPeople records the people of a file, all of them or none. A digest holds
// the import to the preview that has it; without one it goes by what is.
func (s *Service) ImportPeople(ctx context.Context, by holdfast.Actor, format string, src []byte, digest string) error {
	file, err := readPeople(format, src)
	if err != nil {
		return err
	}
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		if err := s.book.previewPeople(file, now).refuse(digest); err != nil {
			return nil, err
		}
		return record(s.book, s.book.peopleOf(file), now)
	})
}

// ImportParties is [Service.ImportPeople] for parties.
func (s *Service) ImportParties(ctx context.Context, by holdfast.Actor, format string, src []byte, digest string) error {
	file, err := readParties(format, src)
	if err != nil {
		return err
	}
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		if err := s.book.previewParties(file, now).refuse(digest); err != nil {
			return nil, err
		}
		return recordParties(s.book, s.book.partiesOf(file), now)
	})
}

// Template is a file in CSV with the names of the columns and one entry to write
// over.
func Template(what string) ([]byte, error) {
	contact := []Contact{{Label: "duty desk", Channel: Phone, Address: "+86 21 5555 0101"}, {Channel: SMTP, Address: "name@example.com"}}
	switch what {
	case "people":
		return EncodePeopleCSV([]Person{{ID: "chen.wei", Name: "陳偉", Names: holdfast.Text{En: "Chen Wei"}, Department: "technology", Roles: []string{"duty-officer"}, Lang: holdfast.ZhHant, Contacts: contact}}), nil
	case "parties":
		return EncodePartiesCSV([]Party{{ID: "clearing-house", Name: "Clearing House", Kind: "clearing-house", Lang: holdfast.En, Contract: "2026-17", Contacts: contact}}), nil
	}
	return nil, fmt.Errorf("no template of %s", what)
}
