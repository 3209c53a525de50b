package traffic

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast/internal/payment"
)

// Trait is what payments of customers are counted by beside their key, each for
// itself and not crosswise: there are too many banks to have each with each
// channel and method.
type Trait uint8

// The traits. Codes are those of answers to payments that were not done or whose
// outcome is unknown.
const (
	Bank Trait = iota
	Merchant
	Code
	traits // how many there are
)

var traitNames = [traits]string{"bank", "merchant", "code"}

func (t Trait) String() string {
	if int(t) >= len(traitNames) {
		return fmt.Sprint("trait ", uint8(t))
	}
	return traitNames[t]
}

// Part is some payments with one value of a trait.
type Part struct {
	Trait Trait
	Name  string
	Route string
	// Channel stands only with codes; what they are of was forwarded.
	Channel string
	Verdict string
	Reason  string
	Outcome payment.Outcome
}

// PartRow is a part with what was counted of it.
type PartRow struct {
	Part
	Count   int64
	Latency Latency
}

const (
	// maxParts is how many parts of each trait a counter, and a second of a Series,
	// tells apart: some 80 banks.
	maxParts = 256
	// maxRanked is how many names of each trait a counter knows as those with the
	// most payments of late. A second has room for them that names which nobody knew
	// cannot take, so who invents names can hide none of them.
	maxRanked = 64
	// fade is what a second takes from what counts for a name's rank.
	fade = 0.98
)

// fold returns p as less of a part. The last tier has at most one for each outcome.
func (p Part) fold(tier int) Part {
	if tier >= 1 {
		p.Name, p.Channel = Other, ""
	}
	if tier >= 2 {
		p.Route, p.Verdict, p.Reason = Other, Other, ""
	}
	return p
}

func (p *Part) texts() []*string {
	return []*string{&p.Name, &p.Route, &p.Channel, &p.Verdict, &p.Reason}
}

func (p *Part) fits() bool {
	return len(p.Name) <= MaxText && len(p.Route) <= MaxText && len(p.Channel) <= MaxText && len(p.Verdict) <= MaxText && len(p.Reason) <= MaxText
}

func (p Part) clean() Part {
	for _, s := range p.texts() {
		*s = cleanText(*s)
	}
	if p.Outcome > payment.Unknown {
		p.Outcome = payment.Unknown
	}
	return p
}

func (p *PartRow) compare(q *PartRow) int {
	return cmp.Or(
		cmp.Compare(q.Count, p.Count), cmp.Compare(p.Trait, q.Trait), strings.Compare(p.Name, q.Name), strings.Compare(p.Route, q.Route),
		strings.Compare(p.Channel, q.Channel), strings.Compare(p.Verdict, q.Verdict), strings.Compare(p.Reason, q.Reason), cmp.Compare(p.Outcome, q.Outcome),
	)
}

// parts holds rows of one trait, a bounded number of them.
type parts struct {
	index map[Part]int
	rows  []PartRow
	// known are the names that new ones leave room for.
	known map[string]float64
}

func (t *parts) add(r *PartRow) {
	if r.fits() {
		if i, ok := t.index[r.Part]; ok {
			t.rows[i].Count = plus(t.rows[i].Count, r.Count)
			t.rows[i].Latency.add(&r.Latency)
			return
		}
	}
	if t.index == nil {
		t.index = map[Part]int{}
	}
	clean, k := r.Part.clean(), Part{}
	first := maxParts / 2
	if _, known := t.known[clean.Name]; known {
		first = maxParts * 3 / 4
	}
	for tier, room := range [...]int{first, maxParts - 4, maxParts} {
		k = clean.fold(tier)
		if _, known := t.index[k]; known || len(t.rows) < room {
			break
		}
	}
	i, ok := t.index[k]
	if !ok {
		i = len(t.rows)
		t.index[k] = i
		t.rows = append(t.rows, PartRow{Part: k})
	}
	t.rows[i].Count = plus(t.rows[i].Count, r.Count)
	t.rows[i].Latency.add(&r.Latency)
}

func (t *parts) reset() {
	clear(t.index)
	clear(t.rows)
	t.rows = t.rows[:0]
}

// AddPart counts one payment in a part; took is negative if it was not measured.
// It does not allocate for a part that was counted before in this second.
func (c *Counter) AddPart(p Part, took time.Duration) {
	if p.Trait >= traits {
		return
	}
	r := PartRow{Part: p, Count: 1}
	if took >= 0 {
		r.Latency[bucket(took)] = 1
	}
	s := c.shard()
	s.mu.Lock()
	s.live.parts[p.Trait].add(&r)
	s.mu.Unlock()
}

// rank brings the names up to date with a second's rows and returns a copy.
func rank(names map[string]float64, rows []PartRow) map[string]float64 {
	for name := range names {
		names[name] *= fade
	}
	for i := range rows {
		if rows[i].Name != Other {
			names[rows[i].Name] += float64(rows[i].Count)
		}
	}
	for name, n := range names {
		if n < 0.01 {
			delete(names, name)
		}
	}
	if len(names) > maxRanked {
		order := slices.SortedFunc(maps.Keys(names), func(a, b string) int {
			return cmp.Or(cmp.Compare(names[b], names[a]), strings.Compare(a, b))
		})
		for _, name := range order[maxRanked:] {
			delete(names, name)
		}
	}
	return maps.Clone(names)
}

// merge returns the rows of some tables together, the largest first, and folds the
// small ones where they are too many.
func merge(lists [][]PartRow, known map[string]float64) []PartRow {
	index, all := map[Part]int{}, []PartRow(nil)
	for _, rows := range lists {
		for i := range rows {
			at, ok := index[rows[i].Part]
			if !ok {
				at = len(all)
				index[rows[i].Part] = at
				all = append(all, PartRow{Part: rows[i].Part})
			}
			all[at].Count = plus(all[at].Count, rows[i].Count)
			all[at].Latency.add(&rows[i].Latency)
		}
	}
	sort := func(rows []PartRow) {
		slices.SortFunc(rows, func(a, b PartRow) int { return a.compare(&b) })
	}
	if sort(all); len(all) <= maxParts/2 {
		return all
	}
	t := parts{known: known}
	for i := range all {
		t.add(&all[i])
	}
	sort(t.rows)
	return t.rows
}

// MarshalJSON writes the row as an array; see the package comment.
func (r PartRow) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{r.Trait.String(), r.Name, r.Route, r.Channel, r.Verdict, r.Reason, r.Outcome, r.Count, r.Latency.short()})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *PartRow) UnmarshalJSON(b []byte) error {
	var trait string
	var latency []int64
	var read PartRow
	if err := unmarshalRow(b, &trait, &read.Name, &read.Route, &read.Channel, &read.Verdict, &read.Reason, &read.Outcome, &read.Count, &latency); err != nil {
		return err
	}
	i := slices.Index(traitNames[:], trait)
	if i < 0 || len(latency) > len(read.Latency) {
		return fmt.Errorf("a part of %.20q with %d latencies cannot be", trait, len(latency))
	}
	read.Trait = Trait(i)
	copy(read.Latency[:], latency)
	*r = read
	return nil
}

func (r *PartRow) fault() string {
	for _, s := range r.texts() {
		if len(*s) > MaxText || !utf8.ValidString(*s) {
			return fmt.Sprintf("a value is over %d bytes or not text", MaxText)
		}
	}
	measured, ok := r.Latency.sum()
	if !ok || r.Count < measured || r.Trait >= traits || r.Outcome > payment.Unknown {
		return "its count is below the sum of its latencies, or there is no such trait or outcome"
	}
	return ""
}
