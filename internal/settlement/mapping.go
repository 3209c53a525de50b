package settlement

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/payment"
)

// Mapping says what the columns of a settlement file mean. Columns are named as in its
// first line, without regard to case.
type Mapping struct {
	// Name is a word under which it is kept, as core-bank.
	Name string `json:"name"`
	// Separator is "," or ";" or "tab"; empty finds out by the first line.
	Separator string `json:"separator,omitempty"`
	// Identity are the columns whose texts, joined by Join, are the payment's identity as the
	// gate's routes read it.
	Identity []string `json:"identity"`
	Join     string   `json:"join,omitempty"`
	// Amount is its column. Unit is minor or decimal; Thousands and Decimal are the marks
	// of a decimal amount, "." if Decimal is empty.
	Amount    string `json:"amount"`
	Unit      string `json:"unit"`
	Thousands string `json:"thousands,omitempty"`
	Decimal   string `json:"decimal,omitempty"`
	// Currency is its column, or CurrencyIs the currency of all rows.
	Currency   string `json:"currency,omitempty"`
	CurrencyIs string `json:"currency_is,omitempty"`
	// Status is its column; without one every row is done. Done, NotDone and Ignored
	// are the texts that it may have.
	Status  string   `json:"status,omitempty"`
	Done    []string `json:"done,omitempty"`
	NotDone []string `json:"not_done,omitempty"`
	Ignored []string `json:"ignored,omitempty"`
	// Zone is the time zone of the file's day, as Asia/Shanghai; DayBegins, in hours and
	// minutes, is when that begins: 00:00 if empty.
	Zone      string `json:"zone"`
	DayBegins string `json:"day_begins,omitempty"`
	// Complete says that every payment that the primary did on that day is in the file.
	Complete bool `json:"complete,omitempty"`
}

// Units of amounts.
const (
	Minor   = "minor"
	Decimal = "decimal"
)

const (
	maxColumns = 4
	maxWords   = 50
	longest    = 200
)

// Check refuses a mapping that cannot be used.
func (m *Mapping) Check() error {
	words := slices.Concat(m.Identity, m.Done, m.NotDone, m.Ignored, []string{m.Join, m.Amount, m.Currency, m.Status})
	switch {
	case !holdfast.ValidName(m.Name):
		return holdfast.Errorf(holdfast.Invalid, "a mapping has a name of lower-case letters, digits, '-', '_' and '.'").At("name")
	case slices.ContainsFunc(words, func(s string) bool { return len(s) > longest || !utf8.ValidString(s) }) || len(words) > 3*maxWords:
		return holdfast.Errorf(holdfast.Invalid, "a mapping names at most %d texts of at most %d bytes", 3*maxWords, longest).At("name")
	case !slices.Contains([]string{"", ",", ";", "tab"}, m.Separator):
		return holdfast.Errorf(holdfast.Invalid, "columns are separated by \",\", \";\" or \"tab\", not by %q", m.Separator).At("separator")
	case len(m.Identity) == 0 || len(m.Identity) > maxColumns || slices.Contains(m.Identity, ""):
		return holdfast.Errorf(holdfast.Invalid, "name the column of the payment's identity, or up to %d that make it together", maxColumns).At("identity")
	case m.Amount == "":
		return holdfast.Errorf(holdfast.Invalid, "name the column of the amount").At("amount")
	case m.Unit != Minor && m.Unit != Decimal:
		return holdfast.Errorf(holdfast.Invalid, "amounts are in minor units (minor) or with a decimal mark (decimal), not %q", m.Unit).At("unit")
	case !slices.Contains([]string{"", ",", ".", " ", "'"}, m.Thousands) || !slices.Contains([]string{"", ",", "."}, m.Decimal) || m.Thousands != "" && m.Thousands == m.decimal():
		return holdfast.Errorf(holdfast.Invalid, "the marks of thousands and of decimals are two different ones of , . ' and space").At("thousands")
	case (m.Currency == "") == (m.CurrencyIs == ""):
		return holdfast.Errorf(holdfast.Invalid, "name the column of the currency, or the currency of all rows").At("currency")
	}
	if m.CurrencyIs != "" {
		if _, err := payment.ParseCurrency(m.CurrencyIs); err != nil {
			return holdfast.Errorf(holdfast.Invalid, "a currency is three capital letters, not %q", m.CurrencyIs).At("currency_is")
		}
	}
	if err := m.checkStatus(); err != nil {
		return err
	}
	_, err := m.location()
	if err == nil {
		_, err = m.begins()
	}
	return err
}

func (m *Mapping) checkStatus() error {
	if (m.Status == "") != (len(m.Done) == 0) {
		return holdfast.Errorf(holdfast.Invalid, "name the column of the status and the texts that mean done, or neither: then every row is done").At("status")
	}
	seen := map[string]bool{}
	for _, word := range slices.Concat(m.Done, m.NotDone, m.Ignored) {
		key := plainWord(word)
		if key == "" || seen[key] {
			return holdfast.Errorf(holdfast.Invalid, "the status %q is empty, or stands twice", word).At("status")
		}
		seen[key] = true
	}
	return nil
}

func (m *Mapping) decimal() string {
	if m.Decimal == "" {
		return "."
	}
	return m.Decimal
}

func (m *Mapping) location() (*time.Location, error) {
	zone, err := time.LoadLocation(m.Zone)
	if err != nil || m.Zone == "" || m.Zone == "Local" {
		return nil, holdfast.Errorf(holdfast.Invalid, "name the file's time zone as Asia/Shanghai, not %q", m.Zone).At("zone")
	}
	return zone, nil
}

func (m *Mapping) begins() (time.Duration, error) {
	if m.DayBegins == "" {
		return 0, nil
	}
	t, err := time.Parse("15:04", m.DayBegins)
	if err != nil {
		return 0, holdfast.Errorf(holdfast.Invalid, "the file's day begins at a time such as 23:00, not %q", m.DayBegins).At("day_begins")
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

// Span returns the ends of a day, written 2026-11-26. One that begins at noon or
// later began on the day before, as a cut-off at 23:00 does.
func (m *Mapping) Span(day string) (from, until time.Time, err error) {
	zone, err := m.location()
	if err != nil {
		return from, until, err
	}
	begins, err := m.begins()
	if err != nil {
		return from, until, err
	}
	of, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return from, until, holdfast.Errorf(holdfast.Invalid, "the file's day is written 2026-11-26, not %q", day).At("day")
	}
	at := func(plus int) time.Time {
		if begins >= 12*time.Hour {
			plus--
		}
		return time.Date(of.Year(), of.Month(), of.Day()+plus, int(begins/time.Hour), int(begins%time.Hour/time.Minute), 0, 0, zone).UTC()
	}
	return at(0), at(1), nil
}

func plainWord(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// ReadDay reads the file of a day, such as 2026-11-26, and says from when until when the
// day is. It refuses a day that has not begun by now, and a file of which no row counts.
func (m *Mapping) ReadDay(content []byte, day string, now time.Time) (r *Read, from, until time.Time, err error) {
	if from, until, err = m.Span(day); err != nil {
		return nil, from, until, err
	}
	if from.After(now) {
		return nil, from, until, holdfast.Errorf(holdfast.Invalid, "the file's day %s has not begun: it begins at %s", day, from.Format(time.RFC3339)).At("day")
	}
	if r, err = Decode(content, *m); err != nil {
		return nil, from, until, err
	}
	return r, from, until, r.nothing()
}
