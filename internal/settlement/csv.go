package settlement

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/currency"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// Limits of a file. A larger one is given in parts, each by a mapping that is not
// complete.
const (
	MaxSize    = journal.MaxBlob
	MaxRows    = 1_000_000
	maxFields  = 200
	maxCell    = 4096
	keepFaults = 100
)

// Refusal is why a row was not read.
type Refusal struct {
	Line int
	Err  error
}

// Read is what a file says.
type Read struct {
	Rows []standin.Row
	// Lines are those of the rows, counted from 1 in the file.
	Lines []int
	// Refusals are the first of Refused.
	Refusals                   []Refusal
	Refused, Ignored, Repeated int
}

func (r *Read) refuse(line int, err error) {
	if r.Refused++; len(r.Refusals) < keepFaults {
		r.Refusals = append(r.Refusals, Refusal{line, err})
	}
}

// nothing is an error where there is nothing to compare: it says what is wrong with
// the first row, which mostly is wrong with all.
func (r *Read) nothing() error {
	switch {
	case len(r.Rows) > 0:
		return nil
	case len(r.Refusals) > 0:
		first := r.Refusals[0]
		return holdfast.Errorf(holdfast.Invalid, "no row of the file could be read; refused: %d, the first in line %d: %v", r.Refused, first.Line, first.Err).At("file")
	case r.Ignored > 0:
		return holdfast.Errorf(holdfast.Invalid, "the mapping leaves out every row of the file, by its status").At("file")
	}
	return holdfast.Errorf(holdfast.Invalid, "the file has no row below its first line").At("file")
}

// Decode reads a file in CSV: UTF-8, with or without a byte order mark; lines that end
// in LF or CRLF; cells in double quotes where they hold a separator, a quote or a line end. What of it
// cannot be read at all is an error; rows that cannot are refused one by one.
func Decode(content []byte, m Mapping) (*Read, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	text, err := plainText(content)
	if err != nil {
		return nil, err
	}
	in := csv.NewReader(bytes.NewReader(text))
	in.Comma, in.FieldsPerRecord, in.ReuseRecord = m.separator(text), -1, true
	head, err := in.Read()
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "the first line of the file names its columns; it cannot be read").At("file").Because(err)
	}
	d := decoder{m: &m, out: &Read{}, seen: map[string]int{}}
	if err := d.columns(head); err != nil {
		return nil, err
	}
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return d.out, nil
		}
		if broken := new(csv.ParseError); errors.As(err, &broken) {
			d.out.refuse(broken.Line, holdfast.Errorf(holdfast.Invalid, "a quote is missing, or stands where none may"))
			continue
		} else if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		if err := d.row(cells, line); err != nil {
			d.out.refuse(line, err)
		}
		if len(d.out.Rows)+d.out.Refused+d.out.Ignored > MaxRows {
			return nil, holdfast.Errorf(holdfast.TooLarge, "a settlement file has at most %d rows: give it in parts, by a mapping that is not complete", MaxRows).At("file")
		}
	}
}

// plainText returns the text without its mark, if it is UTF-8.
func plainText(content []byte) ([]byte, error) {
	switch {
	case len(content) == 0:
		return nil, holdfast.Errorf(holdfast.Invalid, "the file is empty").At("file")
	case len(content) > MaxSize:
		return nil, holdfast.Errorf(holdfast.TooLarge, "a file has at most %d bytes", MaxSize).At("file")
	case bytes.HasPrefix(content, []byte{0xff, 0xfe}) || bytes.HasPrefix(content, []byte{0xfe, 0xff}):
		return nil, holdfast.Errorf(holdfast.Invalid, "the file is in UTF-16: save it as \"CSV UTF-8\", or run: iconv -f UTF-16 -t UTF-8").At("file")
	case !utf8.Valid(content):
		return nil, holdfast.Errorf(holdfast.Invalid, "the file is not UTF-8; it may be GBK or Big5: save it as \"CSV UTF-8\", or run: iconv -f GB18030 -t UTF-8 (or -f BIG5)").At("file")
	case bytes.IndexByte(content, 0) >= 0:
		return nil, holdfast.Errorf(holdfast.Invalid, "the file holds bytes that are no text: give it as CSV, not as a spreadsheet").At("file")
	}
	return bytes.TrimPrefix(content, []byte("\uFEFF")), nil
}

// separator returns the one that the mapping names, or the most frequent in the
// first line outside of quotes.
func (m *Mapping) separator(text []byte) rune {
	switch m.Separator {
	case ",", ";":
		return rune(m.Separator[0])
	case "tab":
		return '\t'
	}
	counts, quoted := map[byte]int{}, false
	for _, c := range text {
		if c == '"' {
			quoted = !quoted
		}
		if (c == '\n' || c == '\r') && !quoted {
			break
		}
		if !quoted {
			counts[c]++
		}
	}
	best := byte(',')
	for _, c := range []byte{';', '\t'} {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return rune(best)
}

// decoder reads rows.
type decoder struct {
	m   *Mapping
	out *Read
	// seen are the places in Rows of the identities.
	seen                     map[string]int
	identity                 []int
	amount, currency, status int
	width                    int
}

func (d *decoder) columns(head []string) error {
	if len(head) > maxFields {
		return holdfast.Errorf(holdfast.TooLarge, "a settlement file has at most %d columns", maxFields).At("file")
	}
	names := make([]string, len(head))
	for i, h := range head {
		names[i] = plainWord(h)
	}
	find := func(name string) (int, error) {
		if name == "" {
			return -1, nil
		}
		i := slices.Index(names, plainWord(name))
		if i < 0 {
			return 0, holdfast.Errorf(holdfast.Invalid, "the file has no column %q; its first line is: %s", name, payment.Mask(shortened(strings.Join(head, " | ")))).At("file")
		}
		if slices.Contains(names[i+1:], names[i]) {
			return 0, holdfast.Errorf(holdfast.Invalid, "the file has the column %q twice", name).At("file")
		}
		return i, nil
	}
	var err error
	for _, name := range d.m.Identity {
		i, failed := find(name)
		d.identity = append(d.identity, i)
		err = errors.Join(err, failed)
	}
	if err != nil {
		return err
	}
	if d.amount, err = find(d.m.Amount); err != nil {
		return err
	}
	if d.currency, err = find(d.m.Currency); err != nil {
		return err
	}
	d.status, err = find(d.m.Status)
	d.width = len(head)
	return err
}

func shortened(s string) string {
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}

func (d *decoder) row(cells []string, line int) error {
	if len(cells) == 1 && strings.TrimSpace(cells[0]) == "" {
		return nil // an empty line
	}
	if len(cells) != d.width {
		return holdfast.Errorf(holdfast.Invalid, "the row has %d cells, the first line %d", len(cells), d.width)
	}
	for _, c := range cells {
		if len(c) > maxCell {
			return holdfast.Errorf(holdfast.Invalid, "a cell has more than %d bytes", maxCell)
		}
	}
	r := standin.Row{Done: d.status < 0}
	if d.status >= 0 {
		done, ignored, known := d.m.says(cells[d.status])
		switch {
		case !known:
			return holdfast.Errorf(holdfast.Invalid, "the mapping does not say what the status %q means", payment.Mask(shortened(cells[d.status])))
		case ignored:
			d.out.Ignored++
			return nil
		}
		r.Done = done
	}
	var parts []string
	for _, i := range d.identity {
		parts = append(parts, strings.TrimSpace(cells[i]))
	}
	if r.Identity = strings.Join(parts, d.m.Join); slices.Contains(parts, "") || len(r.Identity) > payment.MaxIdentity {
		return holdfast.Errorf(holdfast.Invalid, "the payment's identity is missing, or has more than %d bytes", payment.MaxIdentity)
	}
	if i := strings.IndexFunc(r.Identity, func(c rune) bool { return c < ' ' || c == 0x7f }); i >= 0 {
		return holdfast.Errorf(holdfast.Invalid, "the payment's identity holds a character that none has")
	}
	code := d.m.CurrencyIs
	if d.currency >= 0 {
		code = strings.ToUpper(strings.TrimSpace(cells[d.currency]))
	}
	var err error
	if r.Currency, err = payment.ParseCurrency(code); err != nil {
		return holdfast.Errorf(holdfast.Invalid, "a currency is three capital letters, not %q", payment.Mask(shortened(code)))
	}
	if r.Amount, err = d.m.money(cells[d.amount], r.Currency); err != nil {
		return err
	}
	return d.take(r, line)
}

// take keeps a row, unless an earlier one says the same. Of several attempts of one
// payment that which was done counts.
func (d *decoder) take(r standin.Row, line int) error {
	at, there := d.seen[r.Identity]
	if !there {
		r.N, r.Line = len(d.out.Rows)+1, line
		d.seen[r.Identity] = len(d.out.Rows)
		d.out.Rows, d.out.Lines = append(d.out.Rows, r), append(d.out.Lines, line)
		return nil
	}
	first := &d.out.Rows[at]
	if first.Done && r.Done {
		return holdfast.Errorf(holdfast.Invalid, "the payment stands as done in line %d, too: look whether the primary did it twice", d.out.Lines[at])
	}
	d.out.Repeated++
	if r.Done {
		r.N, r.Line = first.N, line
		*first, d.out.Lines[at] = r, line
	}
	return nil
}

// says reads a status.
func (m *Mapping) says(cell string) (done, ignored, known bool) {
	word := plainWord(cell)
	is := func(s string) bool { return plainWord(s) == word }
	switch {
	case slices.ContainsFunc(m.Done, is):
		return true, false, true
	case slices.ContainsFunc(m.NotDone, is):
		return false, false, true
	}
	ignored = slices.ContainsFunc(m.Ignored, is)
	return false, ignored, ignored
}

// money reads an amount in minor units. Its sign does not count: files show refunds as
// negative.
func (m *Mapping) money(cell, code string) (int64, error) {
	bad := func() error {
		return holdfast.Errorf(holdfast.Invalid, "the amount %q cannot be read in the way that the mapping says", payment.Mask(shortened(cell)))
	}
	text := strings.TrimSpace(cell)
	text = strings.TrimLeft(text, "+-−")
	if m.Unit == Minor {
		n, err := payment.ParseAmount(text)
		if err != nil {
			return 0, bad()
		}
		return n, nil
	}
	scale := 0
	if unit, err := currency.ParseISO(code); err == nil {
		scale, _ = currency.Standard.Rounding(unit)
	}
	whole, fraction, marked := strings.Cut(text, m.decimal())
	if m.Thousands != "" && strings.Contains(whole, m.Thousands) {
		groups := strings.Split(whole, m.Thousands)
		for i, g := range groups {
			if i > 0 && len(g) != 3 || i == 0 && (len(g) < 1 || len(g) > 3) {
				return 0, bad()
			}
		}
		whole = strings.Join(groups, "")
	}
	// More places than the currency has may only be zeros.
	if marked && fraction == "" || whole == "" || len(fraction) > scale && strings.Trim(fraction[scale:], "0") != "" {
		return 0, bad()
	}
	fraction = fraction[:min(len(fraction), scale)]
	fraction += strings.Repeat("0", scale-len(fraction))
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" && strings.Trim(whole+fraction, "0") == "" {
		digits = "0"
	}
	n, err := payment.ParseAmount(digits)
	if err != nil {
		return 0, bad()
	}
	return n, nil
}
