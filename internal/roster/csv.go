package roster

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast"
)

// The columns of people in CSV, in the order in which they are written; on
// reading any order will do, and only id and name must be there. A column that is not
// there says nothing: what is recorded stays. Columns of
// contacts are numbered from 1, in the order in which they are tried; label N
// may be left out. Roles, and deputies written PERSON or PERSON/ROLE, are
// separated by spaces. Quiet hours are written 22:00-07:00 Asia/Taipei.
//
//	id,name,name en,department,roles,lang,account,deputies,channel 1,address 1,verified 1,label 1
//	chen.wei,陳偉,Chen Wei,technology,duty-officer,zh-Hant,chen.wei,lin.fang/duty-officer,phone,'+886 2 5550 0101,2026-10-01,
//
// Parties have the columns id, name, kind, lang, contract and those of contacts.
//
// A spreadsheet runs a cell that begins with =, +, -, @, a tab or a line end as a
// formula. Such a cell is written with an apostrophe before it, which reading
// takes off again.
var csvColumns = []string{"id", "name", "name zh-hant", "name zh-hans", "name en", "department", "roles", "lang", "account", "deputies", "quiet"}

var csvPartyColumns = []string{"id", "name", "kind", "lang", "contract"}

var csvContact = []string{"channel", "address", "verified", "label"}

const byteOrderMark = "\uFEFF"

// EncodePeopleCSV writes people as [DecodePeopleCSV] reads them, with a byte
// order mark, by which spreadsheets know UTF-8.
func EncodePeopleCSV(people []Person) []byte {
	return encodeCSV(csvColumns, people, func(p Person) ([]string, []Contact) {
		return []string{
			p.ID, p.Name, p.Names.ZhHant, p.Names.ZhHans, p.Names.En, p.Department, strings.Join(p.Roles, " "), string(p.Lang), p.Account, joinDeputies(p.Deputies), p.Quiet.String(),
		}, p.Contacts
	})
}

// EncodePartiesCSV is [EncodePeopleCSV] for parties.
func EncodePartiesCSV(parties []Party) []byte {
	return encodeCSV(csvPartyColumns, parties, func(p Party) ([]string, []Contact) {
		return []string{p.ID, p.Name, string(p.Kind), string(p.Lang), p.Contract}, p.Contacts
	})
}

func encodeCSV[T any](columns []string, list []T, cells func(T) ([]string, []Contact)) []byte {
	contacts := 1
	for _, entry := range list {
		_, c := cells(entry)
		contacts = max(contacts, len(c))
	}
	header := slices.Clone(columns)
	for i := range contacts {
		for _, c := range csvContact {
			header = append(header, fmt.Sprintf("%s %d", c, i+1))
		}
	}
	var out bytes.Buffer
	out.WriteString(byteOrderMark)
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	write := func(row []string) {
		for i := range row {
			row[i] = disarm(row[i])
		}
		_ = w.Write(row) // a bytes.Buffer takes everything
	}
	write(header)
	for _, entry := range list {
		row, own := cells(entry)
		for i := range contacts {
			var c Contact
			if i < len(own) {
				c = own[i]
			}
			row = append(row, string(c.Channel), c.Address, dayText(c.Verified), c.Label)
		}
		write(row)
	}
	w.Flush()
	return out.Bytes()
}

// armed are the beginnings for which a spreadsheet takes a cell as a formula, and
// the apostrophe, so that taking it off gives back every text.
const armed = "=+-@\t\r\n'＝＋－＠"

func disarm(cell string) string {
	if r, _ := utf8.DecodeRuneInString(cell); cell != "" && strings.ContainsRune(armed, r) {
		return "'" + cell
	}
	return cell
}

func rearm(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok {
		if r, _ := utf8.DecodeRuneInString(rest); rest != "" && strings.ContainsRune(armed, r) {
			return rest
		}
	}
	return cell
}

func joinDeputies(list []Deputy) string {
	var words []string
	for _, d := range list {
		if d.Role != "" {
			words = append(words, d.Person+"/"+d.Role)
		} else {
			words = append(words, d.Person)
		}
	}
	return strings.Join(words, " ")
}

// dayText writes a time as a day if it is a day's midnight in UTC.
func dayText(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.Equal(t.Truncate(24 * time.Hour)):
		return t.UTC().Format(time.DateOnly)
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// table is a CSV file being read.
type table struct {
	name   string
	lines  []string
	reader *csv.Reader
	// known are the columns there may be besides those of contacts.
	known []string
	// columns is where each column stands.
	columns map[string]int
	// width is how many cells the row that was read last has.
	width  int
	faults Faults
	// absent are faults of cells in columns that the file does not have: what is
	// recorded may mend them.
	absent Faults
}

// DecodePeopleCSV reads people from CSV in UTF-8; name is what faults call it. The
// error is a [Faults] with everything wrong with the file by itself; lines and
// columns count from 1, columns in characters.
func DecodePeopleCSV(name string, src []byte) ([]Person, error) {
	return peopleCSV(name, src).result()
}

// DecodePartiesCSV is [DecodePeopleCSV] for parties.
func DecodePartiesCSV(name string, src []byte) ([]Party, error) {
	return partiesCSV(name, src).result()
}

func peopleCSV(name string, src []byte) listing[Person] {
	return readCSV(name, src, csvColumns, (*table).person)
}

func partiesCSV(name string, src []byte) listing[Party] {
	return readCSV(name, src, csvPartyColumns, (*table).party)
}

// readCSV reads as many rows as can be read.
func readCSV[T any](name string, src []byte, columns []string, row func(*table, []string, []T) T) (s listing[T]) {
	t := &table{name: name, known: columns}
	whole := func(code holdfast.Code, format string, args ...any) listing[T] {
		return listing[T]{faults: Faults{{File: name, Err: holdfast.Errorf(code, format, args...)}}}
	}
	if len(src) > MaxFile {
		return whole(holdfast.TooLarge, "the file has %d bytes; %d is the limit", len(src), MaxFile)
	}
	text := strings.TrimPrefix(string(src), byteOrderMark)
	if !utf8.ValidString(text) {
		return whole(holdfast.Invalid, "the file is not in UTF-8; save it as CSV UTF-8")
	}
	t.lines = strings.Split(text, "\n")
	t.reader = csv.NewReader(strings.NewReader(text))
	t.reader.FieldsPerRecord = -1
	for more := t.header(); more; {
		cells, err := t.reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.unreadable(err)
			break
		}
		if len(s.entries) == MaxPeople {
			return whole(holdfast.TooLarge, "the file has more than %d rows; that is the limit", MaxPeople)
		}
		if !slices.ContainsFunc(cells, func(cell string) bool { return cell != "" }) {
			continue // spreadsheets leave empty rows behind
		}
		line, _ := t.reader.FieldPos(0)
		s.lines = append(s.lines, line)
		s.entries = append(s.entries, row(t, cells, s.entries))
	}
	s.faults, s.absent = sortFaults(t.faults), sortFaults(t.absent)
	s.has = func(column string) bool { _, ok := t.columns[column]; return ok }
	for _, c := range columns {
		field, _, _ := strings.Cut(c, " ")
		if field != c {
			field = "names"
		}
		if !s.has(c) && !slices.Contains(s.kept, field) {
			s.kept = append(s.kept, field)
		}
	}
	if s.columnsOf("address") == 0 {
		s.kept = append(s.kept, "contacts")
	}
	return s
}

// columnsOf returns the highest number of the columns of contacts with a name, as
// 2 for address 1 and address 2.
func (s listing[T]) columnsOf(name string) (n int) {
	for i := range maxContacts {
		if s.has(name + " " + strconv.Itoa(i+1)) {
			n = i + 1
		}
	}
	return n
}

// keepPerson gives a person what is recorded of him where the file has no column.
func keepPerson(s listing[Person], p, now Person) Person {
	for column, keep := range map[string]func(){
		"name zh-hant": func() { p.Names.ZhHant = now.Names.ZhHant },
		"name zh-hans": func() { p.Names.ZhHans = now.Names.ZhHans },
		"name en":      func() { p.Names.En = now.Names.En },
		"department":   func() { p.Department = now.Department },
		"roles":        func() { p.Roles = now.Roles },
		"lang":         func() { p.Lang = now.Lang },
		"account":      func() { p.Account = now.Account },
		"deputies":     func() { p.Deputies = now.Deputies },
		"quiet":        func() { p.Quiet = now.Quiet },
	} {
		if !s.has(column) {
			keep()
		}
	}
	p.Contacts = keepContacts(s, p.Contacts, now.Contacts)
	return p
}

func keepParty(s listing[Party], p, now Party) Party {
	if !s.has("kind") {
		p.Kind = now.Kind
	}
	if !s.has("lang") {
		p.Lang = now.Lang
	}
	if !s.has("contract") {
		p.Contract = now.Contract
	}
	p.Contacts = keepContacts(s, p.Contacts, now.Contacts)
	return p
}

// keepContacts keeps the contacts for which the file has no columns: it has those
// of the first ones.
func keepContacts[T any](s listing[T], contacts, now []Contact) []Contact {
	contacts = slices.Clone(contacts)
	if s.columnsOf("label") == 0 {
		for i, c := range contacts {
			if j := slices.IndexFunc(now, c.same); j >= 0 {
				contacts[i].Label = now[j].Label
			}
		}
	}
	for _, c := range now[min(s.columnsOf("address"), len(now)):] {
		if !slices.ContainsFunc(contacts, c.same) {
			contacts = append(contacts, c)
		}
	}
	return contacts
}

// fault notes what is wrong with a column of the row that was read last; an
// unknown column means the row.
func (t *table) fault(column string, e *holdfast.Error) {
	line, at := t.reader.FieldPos(0)
	if i, ok := t.columns[column]; ok && i < t.width {
		line, at = t.reader.FieldPos(i)
	}
	f := Fault{File: t.name, Line: line, Column: t.characters(line, at), Err: e}
	if _, ok := t.columns[column]; !ok && column != "" {
		t.absent = append(t.absent, f)
	} else {
		t.faults = append(t.faults, f)
	}
}

// characters turns a column in bytes into one in characters.
func (t *table) characters(line, column int) int {
	if line < 1 || line > len(t.lines) {
		return column
	}
	text := t.lines[line-1]
	return utf8.RuneCountInString(text[:min(max(column-1, 0), len(text))]) + 1
}

// unreadable notes where the text stops being CSV.
func (t *table) unreadable(err error) {
	var at *csv.ParseError
	if !errors.As(err, &at) {
		at = &csv.ParseError{}
	}
	if at.StartLine < at.Line { // the mark stands somewhere in this row, and all after it was taken for one cell
		at.Line, at.Column = at.StartLine, 1
	}
	t.faults = append(t.faults, Fault{
		File: t.name, Line: at.Line, Column: t.characters(at.Line, at.Column),
		Err: holdfast.Errorf(holdfast.Invalid, "the file cannot be read as CSV from here on: look for a quotation mark that is not closed, or not doubled").Because(err),
	})
}

// header reads the first row and reports whether there is anything to go on with.
func (t *table) header() bool {
	row, err := t.reader.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		t.faults = append(t.faults, Fault{File: t.name, Line: 1, Column: 1, Err: holdfast.Errorf(holdfast.Invalid, "the file has no row with the names of its columns").Because(err)})
		return false
	}
	t.columns = map[string]int{}
	known := slices.Clone(t.known)
	for i := range maxContacts {
		for _, c := range csvContact {
			known = append(known, c+" "+strconv.Itoa(i+1))
		}
	}
	columns := map[string]int{}
	for i, cell := range row {
		name := strings.ToLower(strings.TrimSpace(rearm(cell)))
		_, twice := columns[name]
		switch line, at := t.reader.FieldPos(i); {
		case name == "":
		case twice, !slices.Contains(known, name):
			t.faults = append(t.faults, Fault{File: t.name, Line: line, Column: t.characters(line, at), Err: holdfast.Errorf(holdfast.Invalid,
				"there is no column %q, or it stands here twice; the columns are %s, and for each contact channel N, address N, verified N, label N", name, strings.Join(t.known, ", "))})
		default:
			columns[name] = i
		}
	}
	for _, name := range []string{"id", "name"} {
		if _, ok := columns[name]; !ok {
			t.fault("", holdfast.Errorf(holdfast.Invalid, "the column %q is missing", name))
		}
	}
	t.columns = columns
	return len(t.faults) == 0
}

// open notes the cells of a row that stand in no column, and returns how to read
// the others.
func (t *table) open(row []string) (cell func(column string) string) {
	t.width = len(row)
	for i, cell := range row {
		if cell != "" && !slices.Contains(valuesOf(t.columns), i) {
			line, at := t.reader.FieldPos(i)
			t.faults = append(t.faults, Fault{File: t.name, Line: line, Column: t.characters(line, at), Err: holdfast.Errorf(holdfast.Invalid, "%q stands in no column with a name", cell)})
		}
	}
	return func(column string) string {
		if i, ok := t.columns[column]; ok && i < len(row) {
			return strings.TrimSpace(rearm(row[i]))
		}
		return ""
	}
}

// contacts reads the contacts of a row, each with the number of its columns.
func (t *table) contacts(cell func(string) string) (list []Contact, numbers []string) {
	for n := 1; n <= maxContacts; n++ {
		number := strconv.Itoa(n)
		c := Contact{Channel: Channel(cell("channel " + number)), Address: cell("address " + number), Label: cell("label " + number)}
		verified := cell("verified " + number)
		if c == (Contact{}) && verified == "" {
			continue
		}
		c.Verified = t.day("verified "+number, verified)
		list, numbers = append(list, c), append(numbers, number)
	}
	return list, numbers
}

// person reads one row and notes what is wrong with it.
func (t *table) person(row []string, before []Person) Person {
	cell := t.open(row)
	p := Person{
		ID: cell("id"), Name: cell("name"), Names: holdfast.Text{ZhHant: cell("name zh-hant"), ZhHans: cell("name zh-hans"), En: cell("name en")},
		Department: cell("department"), Roles: strings.Fields(cell("roles")), Lang: holdfast.Lang(cell("lang")), Account: cell("account"),
		Quiet: quietOf(cell("quiet")),
	}
	for _, word := range strings.Fields(cell("deputies")) {
		person, role, _ := strings.Cut(word, "/")
		p.Deputies = append(p.Deputies, Deputy{Person: person, Role: role})
	}
	var numbers []string
	p.Contacts, numbers = t.contacts(cell)
	for _, e := range slices.Concat(check(p), checkUnique(p, before)) {
		column := columnOf(e.Field, numbers)
		if strings.HasSuffix(e.Field, ".role") { // a deputy's role is none of the person's, who may have it on record
			if _, ok := t.columns["roles"]; !ok {
				column = "roles"
			}
		}
		t.fault(column, e)
	}
	return p
}

// party reads one row and notes what is wrong with it.
func (t *table) party(row []string, before []Party) Party {
	cell := t.open(row)
	p := Party{ID: cell("id"), Name: cell("name"), Kind: PartyKind(cell("kind")), Lang: holdfast.Lang(cell("lang")), Contract: cell("contract")}
	var numbers []string
	p.Contacts, numbers = t.contacts(cell)
	for _, e := range checkParty(p, before) {
		t.fault(columnOf(e.Field, numbers), e)
	}
	return p
}

func valuesOf(m map[string]int) (list []int) {
	for _, v := range m {
		list = append(list, v)
	}
	return list
}

func (t *table) day(column, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.DateOnly, "2006/1/2", time.RFC3339Nano} {
		if day, err := time.Parse(layout, text); err == nil {
			return day
		}
	}
	t.fault(column, holdfast.Errorf(holdfast.Invalid, "%q is not a day; write it as 2026-10-01", text).At(column))
	return time.Time{}
}

// columnOf returns the column for the path of a fault, as address 2 for
// contacts[1].address.
func columnOf(path string, numbers []string) string {
	if l, ok := strings.CutPrefix(path, "names."); ok {
		return "name " + strings.ToLower(l)
	}
	if strings.HasPrefix(path, "quiet.") {
		return "quiet"
	}
	field, rest, _ := strings.Cut(path, "[")
	if field != "contacts" {
		return field
	}
	index, part, _ := strings.Cut(rest, "]")
	i, err := strconv.Atoi(index)
	if err != nil || i >= len(numbers) {
		return ""
	}
	part = strings.TrimPrefix(part, ".")
	if part == "" {
		part = "address"
	}
	return part + " " + numbers[i]
}
