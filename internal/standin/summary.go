package standin

import (
	"cmp"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/payment"
)

// Summary is what a gate tells the control plane of the shards that it decides
// for. Of a shard that two gates tell of, the one of the later epoch counts: so
// the figures of all gates of a source add up, also while a shard changes hands.
type Summary struct {
	// Source is the id of the advice source.
	Source string    `json:"source"`
	At     time.Time `json:"at"`
	// Shards is how many the source has; Of are those that this gate decides for.
	Shards int            `json:"shards"`
	Of     []ShardSummary `json:"of,omitempty"`
	// Declines counts what this gate declined, since its process began.
	Declines []Decline `json:"declines,omitempty"`
	// Payers is when the snapshot of payers was true; zero without one.
	Payers time.Time `json:"payers,omitzero"`
	// Rate is how many advices a second were settled lately, as delivered or as an
	// exception. Budget is how many requests a second may be made for that.
	Rate   float64 `json:"rate,omitempty"`
	Budget float64 `json:"budget,omitempty"`
	Alarms []Alarm `json:"alarms,omitempty"`
	// Carried are the orders that were carried out, or refused, until the control
	// plane does not list them any more.
	Carried []Carried `json:"carried,omitempty"`
	// Trials are what the gate found of profiles that it tries in shadow.
	Trials []TrialFigures `json:"trials,omitempty"`
}

// ShardSummary is what a shard says of itself.
type ShardSummary struct {
	Shard int    `json:"shard"`
	Epoch uint64 `json:"epoch"`
	// Durable says that all of the figures is. Of others some may be taken back by a kill.
	Durable  bool       `json:"durable,omitempty"`
	Standing []Standing `json:"standing,omitempty"`
	Balances []Balance  `json:"balances,omitempty"`
	Uses     []Use      `json:"uses,omitempty"`
	// Oldest is the time of the oldest decision that is pending; zero if none is.
	Oldest time.Time `json:"oldest,omitzero"`
	// Queued are the queued payments that expire next, Expired the last that did and nobody
	// has looked after; the balances count all of them.
	Queued  []QueuedPayment `json:"queued,omitempty"`
	Expired []QueuedPayment `json:"expired,omitempty"`
	// Open are the oldest exceptions that people have to decide; the balances count
	// all of them.
	Open []OpenException `json:"open,omitempty"`
}

// Standing is how far a directive is in a shard.
type Standing struct {
	Directive string    `json:"directive"`
	Profile   string    `json:"profile"`
	Planned   bool      `json:"planned,omitempty"`
	Opened    time.Time `json:"opened"`
	Ended     time.Time `json:"ended,omitzero"`
	Closed    time.Time `json:"closed,omitzero"`
	By        string    `json:"by,omitempty"`
}

// Use is what is used of a limit of the directive that stands in. Of a limit for
// each payer it is what the payer with the largest use has used.
type Use struct {
	Directive string        `json:"directive"`
	Over      Over          `json:"over"`
	Currency  string        `json:"currency,omitempty"`
	Window    time.Duration `json:"window,omitempty"`
	Limit     Tally         `json:"limit"`
	Used      Tally         `json:"used"`
	// Drawn is what the shard has drawn of a limit that all shards share.
	Drawn Tally `json:"drawn,omitzero"`
}

// Decline counts payments that were declined for a reason, or refused for now.
type Decline struct {
	Directive string `json:"directive"`
	Reason    string `json:"reason"`
	Currency  string `json:"currency"`
	Tally
}

// QueuedPayment is a payment that waits in the queue and was never sent, or has expired
// there.
type QueuedPayment struct {
	Identity  string `json:"identity"`
	Directive string `json:"directive"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Route     string `json:"route,omitempty"`
	Channel   string `json:"channel,omitempty"`
	// Payer is a part of the blinded payer: what has the same is sent in the order of At.
	Payer string `json:"payer"`
	// Reason is why it was not approved.
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
	Until  time.Time `json:"until"`
}

// Order is what people decided at the control plane, for the decider of a shard.
type Order struct {
	ID string `json:"id"`
	// Shard is the one that it is for.
	Shard     int    `json:"shard"`
	Directive string `json:"directive"`
	// Identity is of the exception to resolve, or of the expired payment that was looked
	// after; empty in a close-out.
	Identity string     `json:"identity,omitempty"`
	How      Resolution `json:"how,omitzero"`
	// Care is 0 but for an expired payment.
	Care   Care   `json:"care,omitzero"`
	By     string `json:"by"`
	Second string `json:"second,omitempty"`
	Note   string `json:"note"`
}

// Carried says what became of an order.
type Carried struct {
	ID string `json:"id"`
	// Refused says why it was not carried out; empty if it was.
	Refused string `json:"refused,omitempty"`
}

// Limits on what a gate tells. MaxOpen is over all shards of a gate.
const (
	MaxShards       = 1024
	MaxOpen         = 200
	MaxOrders       = 64   // on exceptions and close-outs
	MaxCares        = 64   // on expired payments, beside those
	MaxFigures      = 1024 // balances of a shard, and directives
	maxDeclines     = 512
	maxAlarms       = 16
	longestTold     = 1000
	maxTally        = 1 << 52 // in minor units; those of all shards can be summed
	maxSummaryCount = 1 << 40
	// MaxQueued bounds those that wait, and those that expired, over all shards of a gate.
	MaxQueued = 200
)

// Summarize returns what a shard says of itself, as far as there is room. It has no more
// than MaxFigures balances and directives; see [State.Figures]. Of several shards
// [Room.Cut] leaves what there is room for over all.
func Summarize(s *State, shard int, most Room, now time.Time) ShardSummary {
	sum := ShardSummary{Shard: shard, Epoch: s.epoch, Balances: s.Figures()}
	for _, o := range s.openings {
		sum.Standing = append(sum.Standing, Standing{
			Directive: o.Directive, Profile: o.Profile, Planned: o.Planned,
			Opened: o.At.Time(), Ended: timeOf(o.Ended), Closed: timeOf(o.Closed), By: o.By,
		})
	}
	slices.SortFunc(sum.Standing, func(a, b Standing) int {
		return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.Directive, b.Directive))
	})
	sum.Standing = sum.Standing[max(0, len(sum.Standing)-MaxFigures):]
	if o := s.openings[s.current]; o != nil {
		sum.Uses = s.uses(o, max(At(now), s.last))
	}
	for _, i := range s.queue {
		if i.Class == Pending {
			sum.Oldest = i.At.Time()
			break
		}
	}
	for _, i := range s.Exceptions() {
		if len(sum.Open) >= most.Open {
			break
		}
		sum.Open = append(sum.Open, i.told())
	}
	sum.Queued, sum.Expired = queuedPayments(s.Unsent(most.Queued)), queuedPayments(s.Overdue(most.Expired))
	return sum
}

func queuedPayments(items []*Item) (list []QueuedPayment) {
	for _, i := range items {
		q := QueuedPayment{
			Identity: i.Identity, Directive: i.Directive, Amount: i.Amount, Currency: i.Currency, Route: i.Route, Channel: i.Channel,
			Payer: i.Payer.String()[:12], At: i.At.Time(), Until: i.Until.Time(),
		}
		if i.Class == Pending {
			q.Reason = i.Reason.String()
		}
		list = append(list, q)
	}
	return list
}

// uses returns what is used of the limits that can be told by few figures: of all
// payments together, and of the payer with the largest use.
func (s *State) uses(o *Opening, at Instant) []Use {
	var list []Use
	for _, l := range o.Limits {
		u := Use{Directive: o.Directive, Over: l.Over, Currency: l.Currency, Window: l.Window, Limit: Tally{l.Count, l.Amount}}
		k := counterKey{over: l.Over, currency: l.Currency, window: l.Window}
		if l.Window != 0 {
			k.zone = o.Zone
		}
		switch l.Over {
		case Whole, WholeQueue:
			used, drawn := s.used(&k, at), s.slices[k.ledgerKey(at, o.Directive)].upTo
			u.Used, u.Drawn = Tally{used.Count, used.Amount}, Tally{drawn.Count, drawn.Amount}
		case EachPayer, EachQueued:
			for other := range s.counters.all() {
				who := other
				who.who = Digest{}
				if who != k {
					continue
				}
				used := s.used(&other, at)
				u.Used = Tally{max(u.Used.Count, used.Count), max(u.Used.Amount, used.Amount)}
			}
		default:
			continue
		}
		list = append(list, u)
	}
	return list
}

func timeOf(i Instant) time.Time {
	if i == 0 {
		return time.Time{}
	}
	return i.Time()
}

// Carry returns the records of an order in its shard. One that was carried out
// already gives none.
func Carry(s *State, p Profile, o Order, now time.Time) ([]Record, error) {
	if o.Identity == "" {
		by := o.By
		if o.Second != "" {
			by += ", " + o.Second
		}
		return CloseOut(s, o.Directive, by, now)
	}
	if o.Care != 0 {
		if s.careDone(o) {
			return nil, nil
		}
		return LookAfter(s, o.Identity, o.Care, o.By, o.Note, now)
	}
	if i := s.items[o.Identity]; i != nil && i.Exception != nil {
		if e := i.Exception; e.How == o.How && e.By == o.By && e.Second == o.Second && e.Note == o.Note {
			return nil, nil
		}
	}
	return Resolve(s, p, o.Identity, o.How, o.By, o.Second, o.Note, now)
}

// Check refuses a summary that no gate tells.
func (s *Summary) Check() error {
	bad := func(what string) error {
		return holdfast.Errorf(holdfast.Invalid, "what a gate tells of stand-in cannot be read: %s", what)
	}
	switch {
	case !holdfast.ValidName(s.Source):
		return bad("the source has no such id")
	case s.At.IsZero():
		return bad("it has no time")
	case s.Shards < 1 || s.Shards > MaxShards || len(s.Of) > s.Shards:
		return bad("the number of shards")
	case len(s.Declines) > maxDeclines || len(s.Alarms) > maxAlarms || len(s.Carried) > MaxOrders+MaxCares || len(s.Trials) > MaxTrials:
		return bad("a list is too long")
	case !(s.Rate >= 0 && s.Rate < maxTally && s.Budget >= 0 && s.Budget < maxTally):
		return bad("a rate")
	}
	seen, open, queued, expired := map[int]bool{}, 0, 0, 0
	for i := range s.Of {
		of := &s.Of[i]
		if of.Shard < 0 || of.Shard >= s.Shards || seen[of.Shard] {
			return bad("the number of a shard")
		}
		seen[of.Shard] = true
		open += len(of.Open)
		queued += len(of.Queued)
		expired += len(of.Expired)
		if open > MaxOpen || queued > MaxQueued || expired > MaxQueued || !of.readable() {
			return bad("the figures of a shard")
		}
	}
	for _, d := range s.Declines {
		if !named(d.Directive) || d.Reason == "" || len(d.Reason) > 40 || !currency(d.Currency) || !d.readable() {
			return bad("a decline")
		}
	}
	for _, a := range s.Alarms {
		if !a.readable() {
			return bad("an alarm")
		}
	}
	for _, c := range s.Carried {
		if !holdfast.ValidName(c.ID) || len(c.Refused) > longestTold {
			return bad("what became of an order")
		}
	}
	for i := range s.Trials {
		if !s.Trials[i].Readable() {
			return bad("the figures of a trial")
		}
	}
	return nil
}

func (s *ShardSummary) readable() bool {
	if len(s.Standing) > MaxFigures || len(s.Balances) > MaxFigures || len(s.Uses) > maxLimits {
		return false
	}
	for _, d := range s.Standing {
		if !holdfast.ValidName(d.Directive) || len(d.Profile) > longest || len(d.By) > 2*longest || d.Opened.IsZero() {
			return false
		}
	}
	for i := range s.Balances {
		b := &s.Balances[i]
		if !named(b.Directive) || b.Kind < Payment || b.Kind > Reversal || !currency(b.Currency) {
			return false
		}
		for _, t := range b.Queue.all() {
			if !t.readable() {
				return false
			}
		}
		if after := b.Queue.LookedAfter; !after.readable() || after.Count > b.Queue.Expired.Count {
			return false
		}
		for _, t := range [...]Tally{b.Approved, b.Delivered, b.Pending, b.Exception, b.Reversed, b.Declined, b.Unresolved} {
			if !t.readable() {
				return false
			}
		}
	}
	for _, u := range s.Uses {
		if !named(u.Directive) || !currency(u.Currency) || len(u.Over) > 20 || u.Window < 0 || u.Window > maxWindow ||
			u.Limit.Count < 0 || u.Limit.Amount < 0 || !u.Used.readable() || !u.Drawn.readable() {
			return false
		}
	}
	for i := range s.Open {
		if !s.Open[i].readable() {
			return false
		}
	}
	return !slices.ContainsFunc(slices.Concat(s.Queued, s.Expired), func(q QueuedPayment) bool { return !q.readable() })
}

func (q QueuedPayment) readable() bool {
	return q.Identity != "" && len(q.Identity) <= payment.MaxIdentity && named(q.Directive) && currency(q.Currency) &&
		len(q.Route) <= longest && len(q.Channel) <= longest && len(q.Payer) <= 2*len(Digest{}) && len(q.Reason) <= 40 &&
		q.Amount >= 0 && q.Amount <= payment.MaxAmount && !q.At.IsZero() && !q.Until.IsZero()
}

func (t Tally) readable() bool {
	return t.Count >= 0 && t.Count < maxSummaryCount && t.Amount >= 0 && t.Amount < maxTally
}

// Plus adds up. It ends at the largest figure that a gate can tell: whoever writes requests
// chooses their amounts, and must not make a summary unreadable.
func (t Tally) Plus(more Tally) Tally {
	return Tally{min(t.Count+more.Count, maxSummaryCount-1), min(t.Amount+more.Amount, maxTally-1)}
}

// named: a decline may be of no directive, as where none is open.
func named(directive string) bool { return directive == "" || holdfast.ValidName(directive) }

func currency(c string) bool { return len(c) <= 3 }
