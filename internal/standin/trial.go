package standin

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/payment"
)

// Trial is a profile that gates try in shadow: on payments that the primary answers,
// beside it and without any effect. It says how often stand-in would have approved
// what the primary declined, and declined what the primary did.
type Trial struct {
	Profile Profile `json:"profile"`
	// Planned tells which of its terms are tried.
	Planned bool `json:"planned,omitempty"`
	// Scope is which payments the profile is for: all or an expression over payment
	// fields.
	Scope string `json:"scope"`
	// Share is the part of all payers that is tried, in (0, 1]: all payments of those
	// payers are, so that what each of them has used up is known. Each day has other
	// payers; after 1/Share days everybody's turn was.
	Share float64 `json:"share"`
	// Outage is how long the outage lasts that is imagined, at most a day. What a limit
	// without a window counts is outstanding from its beginning to its end.
	Outage time.Duration `json:"outage"`
}

// LongestOutage is the longest outage that a trial imagines, in which each payer
// still has its share of the day.
const LongestOutage = 24 * time.Hour

// Version is a hash of all that decides and of what is counted: figures of two versions
// are not added up.
func (t Trial) Version() string {
	text, err := json.Marshal(t)
	if err != nil {
		return "" // a struct of texts and numbers: cannot fail
	}
	sum := sha256.Sum256(text)
	return Digest(sum[:16]).String()
}

// Tried is a trial at a gate: it decides as [Decide] does, and counts what came of it.
//
// What is judged: fields, snapshot, eligibility, and the limits of each payment and
// each payer. Limits over payees, channels and all payments are of all gates and all
// payers; of those only a part is seen here, so they stop nothing but a payment that is
// by itself above one. It is not safe for concurrent use, and forgets what payers have
// used when the process ends.
type Tried struct {
	Trial   Trial
	Version string

	c     *Compiled
	used  map[usedKey]counter
	swept Instant // when what is over was last thrown out
	last  Instant
	lines map[lineKey]*TrialLine
	// values is what an eligibility expression reads; made once, used for each request.
	values map[string]any
}

// usedKey names what a payer has used of one of the limits.
type usedKey struct {
	limit int
	payer Digest
}

type lineKey struct {
	currency string
	band     int
	reason   Reason
}

const (
	// maxUsed bounds what is remembered of payers; a trial that is full tries no more
	// until a period is over.
	maxUsed = 200_000
	// sweepEvery is how long a full trial waits before it looks for what is over.
	sweepEvery = 10 * time.Second
	// MaxTrials is how many profiles gates try at once.
	MaxTrials = 8
	// maxTrialLines bounds the figures of a trial. There are fewer: currencies are those
	// of its limits.
	maxTrialLines = 2048
	// Bands of amounts are as many as amounts have digits.
	maxBand = 16
)

// Compile makes a trial ready.
func (t Trial) Compile() (*Tried, error) {
	switch {
	case !(t.Share > 0 && t.Share <= 1):
		return nil, holdfast.Errorf(holdfast.Invalid, "a trial has a share of payers above 0 and at most 1")
	case t.Outage <= 0 || t.Outage > LongestOutage:
		return nil, holdfast.Errorf(holdfast.Invalid, "a trial imagines an outage that lasts, at most a day")
	}
	c, err := t.Profile.Compile(t.Planned)
	if err != nil {
		return nil, err
	}
	return &Tried{Trial: t, Version: t.Version(), c: c, used: map[usedKey]counter{}, lines: map[lineKey]*TrialLine{}, values: map[string]any{}}, nil
}

// Try decides a payment that the primary has answered, and counts what came of it. It
// returns false if the trial is full, and the payment was left out.
func (t *Tried) Try(r *Request, o payment.Outcome, now time.Time) bool {
	at := max(At(now), t.last)
	t.last = at
	if len(t.used) >= maxUsed && !t.sweep(at) {
		return false
	}
	reason := t.judge(r, at)
	if reason == None {
		t.use(r, at)
	}
	return t.count(r, reason, o)
}

// judge says what is against an approval, in the order of [Decide].
func (t *Tried) judge(r *Request, at Instant) Reason {
	p := &r.Payment
	if !p.Read.Has(payment.Identity) || p.Identity == "" || len(p.Identity) > payment.MaxIdentity {
		return Unreadable
	}
	if reason := r.unreadable(); reason != None {
		return reason
	}
	if reason := t.c.judgePayer(r, at, t.values); reason != None {
		return reason
	}
	if !bounded(t.c.limits, p.Currency) {
		return NoLimit
	}
	for i, l := range t.c.limits {
		if !l.applies(p.Currency) {
			continue
		}
		if l.Over == EachPayee && !p.Read.Has(payment.Payee) || l.Over == EachChannel && !p.Read.Has(payment.Channel) {
			return Unreadable
		}
		use := l.counted(p.Amount)
		if l.Over == EachPayer {
			used := t.usedOf(i, l, r.Payer, at)
			use = Slice{use.Amount + used.amount, use.Count + used.count}
		}
		if !l.covers(l.full(), use) {
			return overReasons[l.Over]
		}
	}
	return None
}

// counted is what a limit counts for one payment.
func (l Limit) counted(amount int64) Slice {
	if l.Currency == "" {
		return Slice{0, 1}
	}
	return Slice{amount, 1}
}

// period numbers the periods of a limit; one without a window has those of the outage.
func (t *Tried) period(l Limit, at Instant) int64 {
	k := counterKey{window: l.Window, zone: t.c.Profile.Zone}
	if k.window == 0 {
		k.window = t.Trial.Outage
	}
	return k.period(at)
}

func (t *Tried) usedOf(limit int, l Limit, payer Digest, at Instant) counter {
	c, period := t.used[usedKey{limit, payer}], t.period(l, at)
	if c.period != period {
		return counter{period: period}
	}
	return c
}

// use counts an approval in the limits of its payer.
func (t *Tried) use(r *Request, at Instant) {
	for i, l := range t.c.limits {
		if l.Over != EachPayer || !l.applies(r.Payment.Currency) {
			continue
		}
		c, more := t.usedOf(i, l, r.Payer, at), l.counted(r.Payment.Amount)
		c.amount, c.count = c.amount+more.Amount, c.count+more.Count
		t.used[usedKey{i, r.Payer}] = c
	}
}

// sweep throws out what payers used in periods that are over, and reports whether
// there is room again.
func (t *Tried) sweep(at Instant) bool {
	if t.swept != 0 && at < t.swept.Add(sweepEvery) {
		return false
	}
	t.swept = at
	for k, c := range t.used {
		if c.period != t.period(t.c.limits[k.limit], at) {
			delete(t.used, k)
		}
	}
	return len(t.used) < maxUsed
}

// count counts a verdict beside what the primary did. Amounts are summed in currencies
// that the profile knows.
func (t *Tried) count(r *Request, reason Reason, o payment.Outcome) bool {
	p := &r.Payment
	k := lineKey{reason: reason}
	if p.Read.Has(payment.Amount) && p.Read.Has(payment.Currency) && slices.ContainsFunc(t.c.limits, func(l Limit) bool { return l.Currency == p.Currency }) {
		k.currency, k.band = p.Currency, BandOf(p.Amount)
	}
	l := t.lines[k]
	if l == nil {
		if len(t.lines) >= maxTrialLines {
			return false
		}
		l = &TrialLine{Currency: k.currency, Band: k.band, Reason: reason.String()}
		t.lines[k] = l
	}
	amount := p.Amount
	if k.currency == "" {
		amount = 0
	}
	of := &l.Unknown
	switch o {
	case payment.Done:
		of = &l.Done
	case payment.NotDone:
		of = &l.NotDone
	}
	*of = of.Plus(Tally{1, amount})
	return true
}

// BandOf is the band of an amount: how many digits it has in minor units. Band 3 is
// from 100 to 999.
func BandOf(amount int64) int {
	band := 1
	for amount >= 10 {
		amount /= 10
		band++
	}
	return band
}

// TrialLine is what stand-in would have said to payments of one currency and band, and
// what the primary did with them.
type TrialLine struct {
	// Currency is empty, and so is Band, where the profile has no limit in it, or the
	// amount could not be read; then only payments are counted.
	Currency string `json:"currency,omitempty"`
	Band     int    `json:"band,omitempty"`
	// Reason is why stand-in would have declined; empty if it would have approved.
	Reason string `json:"reason,omitempty"`
	// Done and NotDone are what the primary did and declined. Of Unknown it did not
	// answer, so there is nothing to compare.
	Done    Tally `json:"done,omitzero"`
	NotDone Tally `json:"not_done,omitzero"`
	Unknown Tally `json:"unknown,omitzero"`
}

// TrialFigures are what a gate found of a trial since its process began to.
type TrialFigures struct {
	Profile string `json:"profile"`
	Planned bool   `json:"planned,omitempty"`
	// Version tells trials apart; see [Trial.Version].
	Version string  `json:"version"`
	Share   float64 `json:"share"`
	// Since is when the process began with it: figures of the same version and another
	// time are of another process, and add up.
	Since time.Time `json:"since"`
	// Dropped counts payments that were in the share and not tried: too many waited,
	// or the trial was full.
	Dropped int64       `json:"dropped,omitempty"`
	Lines   []TrialLine `json:"lines,omitempty"`
}

// Figures are what was counted so far; the caller adds Since and Dropped.
func (t *Tried) Figures() TrialFigures {
	f := TrialFigures{Profile: t.Trial.Profile.ID, Planned: t.Trial.Planned, Version: t.Version, Share: t.Trial.Share}
	for _, l := range t.lines {
		f.Lines = append(f.Lines, *l)
	}
	slices.SortFunc(f.Lines, CompareLines)
	return f
}

// CompareLines orders lines by currency, reason and band.
func CompareLines(a, b TrialLine) int {
	return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Band, b.Band))
}

// Payments is how many payments were tried.
func (f *TrialFigures) Payments() (n int64) {
	for _, l := range f.Lines {
		n += l.Done.Count + l.NotDone.Count + l.Unknown.Count
	}
	return n
}

// Readable reports whether a gate may tell such figures.
func (f *TrialFigures) Readable() bool {
	if !holdfast.ValidName(f.Profile) || !holdfast.ValidName(f.Version) || f.Since.IsZero() || !(f.Share > 0 && f.Share <= 1) || f.Dropped < 0 || f.Dropped >= maxSummaryCount || len(f.Lines) > maxTrialLines {
		return false
	}
	for _, l := range f.Lines {
		if !currency(l.Currency) || l.Band < 0 || l.Band > maxBand || len(l.Reason) > 40 || !l.Done.readable() || !l.NotDone.readable() || !l.Unknown.readable() {
			return false
		}
	}
	return true
}
