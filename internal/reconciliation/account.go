package reconciliation

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"holdfast/internal/standin"
)

// Told is what a gate told last, and when that was heard.
type Told struct {
	Gate    string          `json:"-"`
	Heard   time.Time       `json:"heard"`
	Summary standin.Summary `json:"summary"`
	// Before are the last words of shards of which not all is durable in the summary.
	Before []word `json:"before,omitempty"`
}

// Source is what the gates of one advice source told together.
type Source struct {
	ID string `json:"id"`
	// Shards is how many it has, Heard how many were told of. The figures are complete
	// if these are equal.
	Shards int `json:"shards"`
	Heard  int `json:"heard"`
	// AsOf is when the oldest of the figures was heard, Told when a gate last told.
	AsOf  time.Time `json:"as_of"`
	Told  time.Time `json:"told"`
	Gates []string  `json:"gates"`
	// Pending is what waits to be forwarded, Oldest since when the oldest does.
	Pending standin.Tally `json:"pending"`
	// Waiting is how much of what waits to be forwarded is queued, and approved by nobody.
	Waiting int64 `json:"waiting"`
	// Queued are queued payments that expire next, Expired the last that did and nobody has
	// looked after; of many, each gate tells some.
	Queued  []standin.QueuedPayment `json:"queued"`
	Expired []standin.QueuedPayment `json:"expired"`
	Oldest  time.Time               `json:"oldest,omitzero"`
	// Rate is how many advices a second were settled lately, as delivered or as an
	// exception; Budget is how many requests a second may be made; Clears when nothing
	// is pending at that rate, zero if it cannot be told.
	Rate   float64   `json:"rate"`
	Budget float64   `json:"budget"`
	Clears time.Time `json:"clears,omitzero"`
	// CutOff is how that stands against the end of the day that the plan names; nil if
	// nothing is pending or it names none.
	CutOff *CutOff `json:"cut_off,omitempty"`
	// Payers is when the oldest snapshot of payers was true.
	Payers   time.Time         `json:"payers,omitzero"`
	Uses     []standin.Use     `json:"uses"`
	Declines []standin.Decline `json:"declines"`
	Alarms   []Alarm           `json:"alarms"`
	Accounts []Account         `json:"accounts"`

	shards map[int]shard
}

// Alarm is one of a gate.
type Alarm struct {
	Gate string `json:"gate"`
	standin.Alarm
}

// Account is what became of a directive's approvals.
type Account struct {
	Directive string    `json:"directive"`
	Source    string    `json:"source"`
	Profile   string    `json:"profile"`
	Planned   bool      `json:"planned"`
	Opened    time.Time `json:"opened,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`
	// Closed is how many shards are closed; all are once it is Settled.
	Closed  int    `json:"closed"`
	Settled bool   `json:"settled"`
	Lines   []Line `json:"lines"`
	// Holds: every line does, and every shard was told of. Explained: nothing is left
	// to forward or to resolve, either.
	Holds     bool `json:"holds"`
	Explained bool `json:"explained"`
	// Unresolved is how many exceptions people have to decide on.
	Unresolved int64 `json:"unresolved"`
	// Unattended is how many payments expired in the queue and nobody has looked after.
	Unattended int64 `json:"unattended"`
	// Lost says that its source was given up: what it has left nobody will ever explain.
	Lost bool `json:"lost,omitempty"`
	// GoneBack says that its source tells less of it than it told, as one does that was
	// restored from an older backup, and that nobody has signed that yet. Missing is what,
	// signed or not.
	GoneBack bool      `json:"gone_back,omitempty"`
	Missing  []Missing `json:"missing,omitempty"`
}

// Line is the balance of a kind in a currency.
type Line struct {
	standin.Balance
	// Difference is approved less delivered, pending, exception and reversed.
	Difference standin.Tally `json:"difference"`
	Holds      bool          `json:"holds"`
}

// shard is what counts of a shard, and who told it.
type shard struct {
	gate  string
	heard time.Time
	standin.ShardSummary
}

// spoken is how long after a gate fell silent its rate and its alarms count: what it
// counted stays true, what it does now is not known.
const spoken = time.Minute

// Sum adds up what gates told, by source.
func Sum(told []Told, now time.Time) []Source {
	byID := map[string]*Source{}
	for _, t := range told {
		s := byID[t.Summary.Source]
		if s == nil {
			s = &Source{ID: t.Summary.Source, Uses: []standin.Use{}, Declines: []standin.Decline{}, Alarms: []Alarm{}, Queued: []standin.QueuedPayment{}, Expired: []standin.QueuedPayment{}, shards: map[int]shard{}}
			byID[s.ID] = s
		}
		s.take(t, now)
	}
	list := make([]Source, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		byID[id].sum()
		list = append(list, *byID[id])
	}
	return list
}

// take adds what is of a gate, and picks the shards.
func (s *Source) take(t Told, now time.Time) {
	sum := &t.Summary
	s.Shards = max(s.Shards, sum.Shards)
	s.Gates = append(s.Gates, t.Gate)
	if t.Heard.After(s.Told) {
		s.Told = t.Heard
	}
	if !sum.Payers.IsZero() && (s.Payers.IsZero() || sum.Payers.Before(s.Payers)) {
		s.Payers = sum.Payers
	}
	if now.Sub(t.Heard) <= spoken {
		s.Rate += sum.Rate
		s.Budget += sum.Budget
		for _, a := range sum.Alarms {
			s.Alarms = append(s.Alarms, Alarm{t.Gate, a})
		}
	}
	for _, d := range sum.Declines {
		same := func(e standin.Decline) bool {
			return e.Directive == d.Directive && e.Reason == d.Reason && e.Currency == d.Currency
		}
		if i := slices.IndexFunc(s.Declines, same); i >= 0 {
			add(&s.Declines[i].Tally, d.Tally)
			continue
		}
		s.Declines = append(s.Declines, d)
	}
	for _, of := range sum.Of {
		known, some := s.shards[of.Shard]
		if !some || known.Epoch < of.Epoch || known.Epoch == of.Epoch && known.heard.Before(t.Heard) {
			s.shards[of.Shard] = shard{t.Gate, t.Heard, of}
		}
	}
}

// sum adds the shards up.
func (s *Source) sum() {
	s.Heard = len(s.shards)
	accounts := map[string]*Account{}
	account := func(directive string) *Account {
		a := accounts[directive]
		if a == nil {
			a = &Account{Directive: directive, Source: s.ID, Lines: []Line{}}
			accounts[directive] = a
		}
		return a
	}
	for _, n := range slices.Sorted(maps.Keys(s.shards)) {
		of := s.shards[n]
		if s.AsOf.IsZero() || of.heard.Before(s.AsOf) {
			s.AsOf = of.heard
		}
		if !of.Oldest.IsZero() && (s.Oldest.IsZero() || of.Oldest.Before(s.Oldest)) {
			s.Oldest = of.Oldest
		}
		for _, d := range of.Standing {
			account(d.Directive).stands(d)
		}
		for _, b := range of.Balances {
			account(b.Directive).add(b)
			s.Pending.Count += b.Pending.Count + b.Queue.Waiting.Count
			s.Waiting += b.Queue.Waiting.Count
		}
		for _, u := range of.Uses {
			s.use(u)
		}
		s.Queued, s.Expired = append(s.Queued, of.Queued...), append(s.Expired, of.Expired...)
	}
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		a := accounts[id]
		a.judge(s.Heard == s.Shards, s.Shards)
		s.Accounts = append(s.Accounts, *a)
	}
	slices.SortStableFunc(s.Accounts, func(a, b Account) int { return b.Opened.Compare(a.Opened) })
	slices.SortStableFunc(s.Declines, func(a, b standin.Decline) int { return cmp.Compare(b.Count, a.Count) })
	slices.SortFunc(s.Queued, func(a, b standin.QueuedPayment) int {
		return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.Identity, b.Identity))
	})
	slices.SortFunc(s.Expired, lastExpired)
	if s.Pending.Count > 0 && s.Rate > 0 {
		if wait := float64(s.Pending.Count) / s.Rate; wait < (365 * day).Seconds() {
			s.Clears = s.AsOf.Add(seconds(wait)).Round(time.Second)
		}
	}
}

// lastExpired orders expired payments, the newest first.
func lastExpired(a, b standin.QueuedPayment) int {
	return cmp.Or(b.Until.Compare(a.Until), cmp.Compare(a.Identity, b.Identity))
}

// use adds what a shard has used of a limit over all payments; of one over each
// payer, who is in one shard, the largest stays.
func (s *Source) use(u standin.Use) {
	i := slices.IndexFunc(s.Uses, func(e standin.Use) bool {
		return e.Directive == u.Directive && e.Over == u.Over && e.Currency == u.Currency && e.Window == u.Window
	})
	if i < 0 {
		s.Uses = append(s.Uses, u)
		return
	}
	e := &s.Uses[i]
	if u.Over == standin.EachPayer || u.Over == standin.EachQueued {
		e.Used = standin.Tally{Count: max(e.Used.Count, u.Used.Count), Amount: max(e.Used.Amount, u.Used.Amount)}
		return
	}
	add(&e.Used, u.Used)
	add(&e.Drawn, u.Drawn)
}

func (a *Account) stands(d standin.Standing) {
	a.Profile, a.Planned = d.Profile, d.Planned
	if a.Opened.IsZero() || d.Opened.Before(a.Opened) {
		a.Opened = d.Opened
	}
	if d.Ended.After(a.Ended) {
		a.Ended = d.Ended
	}
	if !d.Closed.IsZero() {
		a.Closed++
	}
}

func (a *Account) add(b standin.Balance) {
	a.Unresolved += b.Unresolved.Count
	a.Unattended += b.Queue.Open().Count
	i := slices.IndexFunc(a.Lines, func(l Line) bool { return l.Kind == b.Kind && l.Currency == b.Currency })
	if i < 0 {
		a.Lines = append(a.Lines, Line{Balance: b})
		return
	}
	l := &a.Lines[i].Balance
	add(&l.Approved, b.Approved)
	add(&l.Delivered, b.Delivered)
	add(&l.Pending, b.Pending)
	add(&l.Exception, b.Exception)
	add(&l.Reversed, b.Reversed)
	add(&l.Declined, b.Declined)
	add(&l.Unresolved, b.Unresolved)
	l.Queue.Add(b.Queue)
}

func (a *Account) judge(complete bool, shards int) {
	a.Holds, a.Explained = complete, complete
	for i := range a.Lines {
		l := &a.Lines[i]
		l.Difference = standin.Tally{
			Count:  l.Approved.Count - l.Delivered.Count - l.Pending.Count - l.Exception.Count - l.Reversed.Count,
			Amount: l.Approved.Amount - l.Delivered.Amount - l.Pending.Amount - l.Exception.Amount - l.Reversed.Amount,
		}
		l.Holds = l.Balance.Holds()
		a.Holds = a.Holds && l.Holds
		a.Explained = a.Explained && l.Balance.Explained()
	}
	slices.SortFunc(a.Lines, func(x, y Line) int {
		return cmp.Or(cmp.Compare(x.Currency, y.Currency), cmp.Compare(x.Kind, y.Kind))
	})
	a.Settled = complete && a.Closed == shards
}

func add(to *standin.Tally, t standin.Tally) {
	to.Count += t.Count
	to.Amount += t.Amount
}

// Find returns the account of a directive and its source; nil if no gate tells of it.
func Find(sources []Source, directive string) (*Source, *Account) {
	for i := range sources {
		for j := range sources[i].Accounts {
			if sources[i].Accounts[j].Directive == directive {
				return &sources[i], &sources[i].Accounts[j]
			}
		}
	}
	return nil, nil
}

// settling is how long after the lift of a directive a shard may still begin to stand in
// by it.
const settling = time.Minute

// Untouched reports whether no shard of a source stood in by a directive that was lifted
// soon after it was opened: every shard was told of since, and none knows it. There is
// nothing to close out.
func Untouched(sources []Source, source, directive string, lifted time.Time) bool {
	i := slices.IndexFunc(sources, func(s Source) bool { return s.ID == source })
	_, account := Find(sources, directive)
	return i >= 0 && account == nil && !lifted.IsZero() && sources[i].Heard == sources[i].Shards && sources[i].AsOf.After(lifted.Add(settling))
}

// Open is an exception that people have to decide on, and where it was told.
type Open struct {
	standin.OpenException
	Source string `json:"source"`
	Shard  int    `json:"shard"`
	Gate   string `json:"gate"`
}

// Exceptions lists the open ones that gates told of, the oldest first. Of many, each
// gate tells the oldest; the accounts count all. Those of a source that was given up are
// for nobody to decide on.
func Exceptions(sources []Source) []Open {
	list := []Open{}
	for i := range sources {
		for n, of := range sources[i].shards {
			for _, e := range of.Open {
				if a := sources[i].account(e.Directive); a != nil && a.Lost {
					continue
				}
				list = append(list, Open{e, sources[i].ID, n, of.gate})
			}
		}
	}
	slices.SortFunc(list, func(a, b Open) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Identity, b.Identity))
	})
	return list
}
