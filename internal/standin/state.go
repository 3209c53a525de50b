package standin

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Class says where a payment that was decided on stands.
type Class uint8

const (
	// Rejected: it was declined.
	Rejected Class = iota
	Pending
	Sent
	Exceptional
	TakenBack
	// Overdue: it was queued, and its time was over before it was sent.
	Overdue
)

var classNames = names{"declined", "pending", "delivered", "exception", "reversed", "expired"}

func (c Class) String() string { return classNames.of(int(c)) }

// Item is a decision and what became of it.
type Item struct {
	Decision
	// Seq orders the decisions of a shard, from 1. Epoch counts its deciders.
	Seq   uint64
	Epoch uint64
	Class Class
	// Reply is what the primary said last. It stands where it takes no room: a backlog may have
	// a million items.
	Reply  Reply
	queued bool
	// Attempts were begun to send it, Inquiries to ask for it; First is the first
	// attempt since the primary is known not to have it, Last the last of either, Sent
	// the last of those that send.
	Attempts, Inquiries int
	First, Last, Sent   Instant
	// Replied is when the reply was written; zero if nothing was said.
	Replied Instant
	// Since is when it began to be pending.
	Since Instant
	// Settled is when it came to where it stands for good.
	Settled Instant
	// Refunded is the sum of the approved refunds, FollowUps the identities of them
	// and of the reversal, which Reversal tells apart.
	Refunded  int64
	FollowUps []string
	Reversal  string
	// Exception is nil if people never had to look.
	Exception *Exception
}

// Exception is what people must decide, or have decided.
type Exception struct {
	Why   Why
	Since Instant
	// Filed is what a settlement file says; nil if it is not because of one.
	Filed *Filed
	// How is 0 until it is resolved.
	How        Resolution
	By, Second string
	Note       string
	At         Instant
}

// live reports whether it is not settled.
func (i *Item) live() bool {
	return i.Class == Pending || i.Class == Exceptional && i.unresolved()
}

// contradicted reports whether the primary is known to have done what was declined
// or reversed here.
func (i *Item) contradicted() bool {
	return i.Exception != nil && (i.Exception.Why == DoneThoughDeclined || i.Exception.Why == DoneThoughReversed)
}

func (i *Item) unresolved() bool { return i.Exception != nil && i.Exception.How == 0 }

// Tally is a number of payments and the sum of their amounts, in minor units.
type Tally struct {
	Count  int64 `json:"count"`
	Amount int64 `json:"amount"`
}

func (t *Tally) add(sign, amount int64) {
	t.Count += sign
	t.Amount += sign * amount
}

// Balance is what became of the approvals of one directive, kind and currency.
type Balance struct {
	Directive string `json:"directive"`
	Kind      Kind   `json:"kind"`
	Currency  string `json:"currency"`

	Approved  Tally `json:"approved,omitzero"`
	Delivered Tally `json:"delivered,omitzero"`
	Pending   Tally `json:"pending,omitzero"`
	Exception Tally `json:"exception,omitzero"`
	Reversed  Tally `json:"reversed,omitzero"`
	Declined  Tally `json:"declined,omitzero"`
	// Unresolved is what people have still to decide, declined payments that the
	// primary has done included.
	Unresolved Tally `json:"unresolved,omitzero"`
	// Queue is what became of what was queued. None of it is in the figures above, but
	// for Unresolved.
	Queue QueueBalance `json:"queue,omitzero"`
}

// Holds reports whether every approval is accounted for, and everything that was queued.
func (b Balance) Holds() bool {
	return b.Queue.Holds() && b.Approved.Count == b.Delivered.Count+b.Pending.Count+b.Exception.Count+b.Reversed.Count &&
		b.Approved.Amount == b.Delivered.Amount+b.Pending.Amount+b.Exception.Amount+b.Reversed.Amount
}

// Explained reports whether nothing is left to forward or to resolve.
func (b Balance) Explained() bool {
	return b.Holds() && b.Pending.Count == 0 && b.Queue.Waiting.Count == 0 && b.Unresolved.Count == 0
}

func (b *Balance) of(i *Item) *Tally {
	if i.Verdict == Queued {
		return b.Queue.of(i.Class)
	}
	switch i.Class {
	case Pending:
		return &b.Pending
	case Sent:
		return &b.Delivered
	case Exceptional:
		return &b.Exception
	case TakenBack:
		return &b.Reversed
	}
	return &b.Declined
}

// Opening is what a directive may do in the shard.
type Opening struct {
	Opened
	// Ended and Closed are zero until it is.
	Ended, Closed Instant
	By            string
}

type balanceKey struct {
	directive string
	kind      Kind
	currency  string
}

// exclusion is an identity of the primary's.
type exclusion struct {
	at      Instant
	outcome outcome
}

type outcome uint8

const (
	unknown outcome = iota
	done
	notDone
)

// State is what a shard knows. Only [State.Apply] changes it.
type State struct {
	seq, epoch uint64
	last       Instant
	gate, boot string
	// current is the directive that stands in now; there is at most one.
	current  string
	openings map[string]*Opening
	items    map[string]*Item
	excluded map[string]exclusion
	// before holds refunds and reversals by an original that is not here.
	before     map[string][]string
	balances   map[balanceKey]*Balance
	counters   counters
	slices     map[string]drawn
	waiting    map[Digest]int // pending advices by payer
	queue      []*Item        // by Seq; those that are not pending are skipped
	skipped    int
	exceptions map[string]*Item
	unsent     []*Item // queued and never sent, by when they expire
	overdue    []*Item // expired in the queue and not looked after, by when they did
	cared      map[string]cared

	// texts has once what stands in many items; see [State.share].
	texts map[string]string

	// What follows is used again and again while decisions are made; it is no part of
	// what is folded.
	ledgers []namedLedger  // by limit of the profile
	values  map[string]any // of the request that is judged
}

// NewState is that of a shard without records.
func NewState() *State {
	return &State{
		openings: map[string]*Opening{}, items: map[string]*Item{}, excluded: map[string]exclusion{}, before: map[string][]string{},
		balances: map[balanceKey]*Balance{}, counters: newCounters(), slices: map[string]drawn{},
		waiting: map[Digest]int{}, exceptions: map[string]*Item{}, cared: map[string]cared{}, texts: map[string]string{}, values: map[string]any{},
	}
}

// maxTexts bounds the texts that are kept once: clients choose some. Then it begins anew.
const maxTexts = 1024

// share has an item use the same texts as others: a backlog may have a million of them.
func (s *State) share(i *Item) {
	if o := s.openings[i.Directive]; o != nil {
		i.Directive = o.Directive
	}
	for _, text := range [...]*string{&i.Currency, &i.Channel, &i.Route, &i.Sealed.Key} {
		if same, there := s.texts[*text]; there {
			*text = same
			continue
		}
		if len(s.texts) >= maxTexts {
			clear(s.texts)
		}
		s.texts[*text] = *text
	}
}

// Item returns what is known of an identity, or nil. It must not be changed.
func (s *State) Item(identity string) *Item { return s.items[identity] }

// Opening returns a copy of what is known of a directive.
func (s *State) Opening(directive string) (Opening, bool) {
	if o := s.openings[directive]; o != nil {
		return *o, true
	}
	return Opening{}, false
}

// Current returns the directive that stands in, or "".
func (s *State) Current() string { return s.current }

// Decider returns who took the shard over last, and how often it was.
func (s *State) Decider() (gate, boot string, epoch uint64) { return s.gate, s.boot, s.epoch }

// Waits reports whether a payer has advices that were not delivered: fresh
// payments of such a payer must not overtake them to the primary.
func (s *State) Waits(payer Digest) bool { return s.waiting[payer] > 0 }

// Excludes reports whether an identity is with the primary: in flight when stand-in
// opened, and not known to be not done.
func (s *State) Excludes(identity string) bool {
	x, there := s.excluded[identity]
	return there && x.outcome != notDone
}

// Len is how many decisions are known.
func (s *State) Len() int { return len(s.items) }

// Blank reports whether nothing was ever stood in for, as far as is still known.
func (s *State) Blank() bool { return len(s.items)+len(s.openings)+len(s.excluded) == 0 }

// Stale reports whether there are decisions or directives to forget before a time.
func (s *State) Stale(before time.Time) bool {
	for _, i := range s.items {
		if s.settledBefore(i, At(before)) {
			return true
		}
	}
	lasting := s.lasting(At(before))
	for _, o := range s.openings {
		if s.forgettable(o, At(before), lasting) {
			return true
		}
	}
	return false
}

// Backlog returns how many advices are pending.
func (s *State) Backlog() int { return len(s.queue) - s.skipped }

// SealedBy calls add with the name of each key that sealed something which is still kept.
func (s *State) SealedBy(add func(key string)) {
	for _, i := range s.queue {
		if i.Class == Pending {
			add(i.Sealed.Key)
		}
	}
	for _, i := range s.exceptions {
		add(i.Sealed.Key)
	}
}

// Exceptions returns what people have to decide, the oldest first.
func (s *State) Exceptions() []*Item {
	return slices.SortedFunc(maps.Values(s.exceptions), func(a, b *Item) int {
		return cmp.Or(cmp.Compare(a.Exception.Since, b.Exception.Since), cmp.Compare(a.Seq, b.Seq))
	})
}

// Balances returns what became of approvals, by directive, kind and currency.
func (s *State) Balances() []Balance {
	list := make([]Balance, 0, len(s.balances))
	for _, b := range s.balances {
		list = append(list, *b)
	}
	slices.SortFunc(list, func(a, b Balance) int {
		return cmp.Or(cmp.Compare(a.Directive, b.Directive), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Currency, b.Currency))
	})
	return list
}

// Outstanding returns what is approved and not settled in a currency.
func (s *State) Outstanding(currency string) Tally {
	c := s.counters.get(&counterKey{over: Whole, currency: currency})
	return Tally{c.count, c.amount}
}

func (s *State) balance(i *Item) *Balance {
	key := balanceKey{i.Directive, i.Kind, i.Currency}
	b := s.balances[key]
	if b == nil {
		b = &Balance{Directive: i.Directive, Kind: i.Kind, Currency: i.Currency}
		s.balances[key] = b
	}
	return b
}
