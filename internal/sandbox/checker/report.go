package checker

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/told"
	"holdfast/internal/sandbox/truth"
)

// Report is the result of a check.
type Report struct {
	At time.Time `json:"at"`
	// Intentions and Effects count what was looked at.
	Intentions int `json:"intentions"`
	Effects    int `json:"effects"`
	// ToldDone and ToldDeclined count intentions whose customer was told, StoodIn those
	// told done by a gate that stood in; Waiting those whose first request is still
	// within the grace.
	ToldDone     int `json:"told_done"`
	StoodIn      int `json:"stood_in"`
	ToldDeclined int `json:"told_declined"`
	Waiting      int `json:"waiting"`

	Lost    Class `json:"lost"`
	Doubled Class `json:"doubled"`
	Wrong   Class `json:"wrong"`
	Denied  Class `json:"denied"`
	Owed    Class `json:"owed"`
	Unknown Class `json:"unknown"`
	// Resolved were in doubt and were told later.
	Resolved Class `json:"resolved"`
	// LongestDoubt is the longest time one of them had to wait, in nanoseconds.
	LongestDoubt time.Duration `json:"longest_doubt_ns"`

	// Unclaimed counts effects that no customer in the log meant: probes, payments
	// made by hand, intentions that were forgotten.
	Unclaimed int `json:"unclaimed"`
	// NotJudged counts intentions begun before Horizon that have no effect in
	// memory: whether they ever had one can no longer be seen.
	NotJudged int            `json:"not_judged"`
	Horizon   time.Time      `json:"horizon,omitzero"`
	Forgotten told.Forgotten `json:"forgotten"`
}

// Class is one class of intentions.
type Class struct {
	Count int `json:"count"`
	// Money is the sum of what was meant, per currency, by currency.
	Money []holdfast.Money `json:"money,omitempty"`
	// Items are the intentions, by the time they were begun. Where there are more
	// than the list may hold, those met first.
	Items []Item `json:"items,omitempty"`
}

// Item is one intention, or several effects that no customer in the log meant.
type Item struct {
	Identity string     `json:"identity"`
	Kind     truth.Kind `json:"kind"`
	// Money, Payer and Payee are what the customer meant; zero if no customer did.
	Money  holdfast.Money `json:"money"`
	Payer  string         `json:"payer,omitempty"`
	Payee  string         `json:"payee,omitempty"`
	Begun  time.Time      `json:"begun,omitzero"`
	Told   told.State     `json:"told,omitempty"`
	ToldAt time.Time      `json:"told_at,omitzero"`
	// DoubtSince is when the customer first had cause to inquire.
	DoubtSince time.Time `json:"doubt_since,omitzero"`
	// Effects are what truth says.
	Effects     []truth.Effect `json:"effects,omitempty"`
	Differences []Difference   `json:"differences,omitempty"`
}

// Difference is one value that is not the same everywhere.
type Difference struct {
	Field string `json:"field"`
	Meant string `json:"meant"`
	// Told is empty if the customer was told nothing about the field.
	Told  string `json:"told,omitempty"`
	Truth string `json:"truth"`
}

// amount writes an amount, and nothing for an amount that was not told.
func amount(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func (c *Class) add(list int, item Item) {
	c.Count++
	if len(c.Items) < list {
		c.Items = append(c.Items, item)
	}
	if item.Money.Currency == "" {
		return
	}
	at, found := slices.BinarySearchFunc(c.Money, item.Money, func(a, b holdfast.Money) int { return cmp.Compare(a.Currency, b.Currency) })
	if !found {
		c.Money = slices.Insert(c.Money, at, holdfast.Money{Currency: item.Money.Currency})
	}
	c.Money[at].Minor += item.Money.Minor
}

// sort makes the report the same for the same input.
func (r *Report) sort() {
	for _, c := range []*Class{&r.Lost, &r.Doubled, &r.Wrong, &r.Denied, &r.Owed, &r.Unknown, &r.Resolved} {
		slices.SortFunc(c.Items, compareItems)
	}
}

func compareItems(a, b Item) int {
	return cmp.Or(a.Begun.Compare(b.Begun), cmp.Compare(a.Identity, b.Identity), cmp.Compare(a.Kind, b.Kind))
}

// Clean reports whether no intention is lost, doubled, wrong or denied. It says
// nothing about unknown ones, nor about those owed.
func (r Report) Clean() bool {
	return r.Lost.Count+r.Doubled.Count+r.Wrong.Count+r.Denied.Count == 0
}

// WriteText writes the report for people, in English, times in UTC.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Checked %s: %d intentions of customers, %d effects in the ledger of truth; amounts in minor units.\n", clock(r.At), r.Intentions, r.Effects)
	fmt.Fprintf(&b, "Told done %d (%d of them by stand-in), told declined %d, waiting for a first answer %d.\n", r.ToldDone, r.StoodIn, r.ToldDeclined, r.Waiting)
	for _, row := range []struct {
		name, means string
		class       Class
	}{
		{"lost", "told done, not done", r.Lost},
		{"doubled", "done more than once", r.Doubled},
		{"wrong", "done or told otherwise than meant", r.Wrong},
		{"denied", "told not done, but done", r.Denied},
		{"owed", "told done by a gate that stood in, not done yet", r.Owed},
		{"unknown", "customer not told", r.Unknown},
		{"resolved", "were in doubt, told later", r.Resolved},
	} {
		row.class.writeText(&b, row.name, row.means)
	}
	if r.Resolved.Count > 0 {
		fmt.Fprintf(&b, "Longest doubt that was resolved: %s.\n", r.LongestDoubt.Round(time.Millisecond))
	}
	if r.Unclaimed > 0 {
		fmt.Fprintf(&b, "%d effects belong to no customer in the log (probes, payments by hand).\n", r.Unclaimed)
	}
	if r.NotJudged > 0 {
		fmt.Fprintf(&b, "Not judged: %d intentions begun before %s, when memory of effects begins.\n", r.NotJudged, clock(r.Horizon))
	}
	if f := r.Forgotten; f != (told.Forgotten{}) {
		fmt.Fprintf(&b, "Not judged: %d intentions forgotten after they were told, %d after the customer gave up.\n", f.Settled, f.Unknown)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// String is the report for a message: its text, with a few items of each list.
func (r Report) String() string {
	const few = 5
	for _, c := range []*Class{&r.Lost, &r.Doubled, &r.Wrong, &r.Denied, &r.Owed, &r.Unknown, &r.Resolved} {
		c.Items = c.Items[:min(few, len(c.Items))]
	}
	var b strings.Builder
	r.WriteText(&b) // a builder takes everything
	return b.String()
}

func (c Class) writeText(b *strings.Builder, name, means string) {
	fmt.Fprintf(b, "%-9s %7d  %s", name, c.Count, means)
	for _, m := range c.Money {
		fmt.Fprintf(b, "; %s", m)
	}
	b.WriteByte('\n')
	for _, i := range c.Items {
		i.writeText(b)
	}
	if rest := c.Count - len(c.Items); rest > 0 {
		fmt.Fprintf(b, "    … and %d more\n", rest)
	}
}

func (i Item) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "    %s %s", i.Kind, i.Identity)
	if i.Told != "" {
		fmt.Fprintf(b, ": meant %s from %s to %s at %s; told %s at %s", i.Money, i.Payer, i.Payee, clock(i.Begun), i.Told, clock(i.ToldAt))
	}
	if len(i.Effects) == 0 {
		b.WriteString("; truth: not done\n")
		return
	}
	b.WriteString("; truth: done")
	for _, e := range i.Effects {
		fmt.Fprintf(b, " %s (%d %s at %s)", e.ID, e.Amount, e.Currency, clock(e.Time))
	}
	for _, d := range i.Differences {
		fmt.Fprintf(b, "; %s meant %q, told %q, truth %q", d.Field, d.Meant, d.Told, d.Truth)
	}
	b.WriteByte('\n')
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
