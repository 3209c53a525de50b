// Package checker compares what simulated customers were told with what really
// happened to the money. It knows only the records of the ledger of truth and of
// the customers' log; it shares no code with the primary that moved the money
// nor with the customers who asked for it.
//
// An intention and an effect belong together if kind and identity are equal; an
// effect's identity is its reference, or its key if it has none. So two effects
// of one intention are found even where somebody sent it on under another key.
//
//	lost      told done, and there is no effect
//	doubled   more than one effect for one intention, at one primary or at several, whatever
//	          was told
//	wrong     an effect's amount, currency, payer, payee or refunded payment is not
//	          what was meant, or the answer told another one
//	denied    told that it was not done, and it was
//	owed      told done by a gate that stood in, and there is no effect yet
//	unknown   not told, or told to wait; listed with what truth says
//
// One intention can stand in more than one class. What an answer left out is not
// compared. Unknown is not a defect: it names what a person would have to look
// into, and an intention that was in doubt and was told later is listed as
// resolved. Owed is for the gates' books: what they list as pending or as an exception,
// by count and amount, and nothing else, may be owed.
package checker

import (
	"iter"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/told"
	"holdfast/internal/sandbox/truth"
)

// Input is what a check looks at.
type Input struct {
	// Entries are the customers' log. Where both logs are growing, take them before
	// Effects: whoever was told done by then has its effect in the ledger.
	Entries iter.Seq[told.Entry]
	// Forgotten counts entries that the log no longer holds.
	Forgotten told.Forgotten
	// Effects are the ledger of truth.
	Effects iter.Seq[truth.Effect]
	// Horizon is the time up to which effects may be missing; zero if none are.
	Horizon time.Time
	// Now is when the check is made.
	Now time.Time
	// Grace is how long an intention may wait for its first answer before it
	// counts as unknown; default 30 s.
	Grace time.Duration
	// List bounds each list of the report; the counts are exact. Default 1,000.
	List int
}

type identity struct {
	kind truth.Kind
	id   string
}

// Check makes the comparison. It takes about 1 µs a record.
func Check(in Input) Report {
	if in.Grace == 0 {
		in.Grace = 30 * time.Second
	}
	if in.List == 0 {
		in.List = 1000
	}
	r := Report{At: in.Now, Forgotten: in.Forgotten, Horizon: in.Horizon}
	effects := group(in.Effects, &r)
	for e := range in.Entries {
		key := identity{e.Intention.Kind, e.Intention.Identity}
		r.judge(in, e, effects[key])
		delete(effects, key)
	}
	r.unclaimed(in.List, effects)
	r.sort()
	return r
}

// unclaimed looks at the effects that no customer in the log meant: nothing can
// be said about them but that one identity must have one effect.
func (r *Report) unclaimed(list int, effects map[identity][]truth.Effect) {
	var doubled []Item
	for key, group := range effects {
		r.Unclaimed += len(group)
		if len(group) > 1 {
			doubled = append(doubled, Item{Identity: key.id, Kind: key.kind, Effects: group})
		}
	}
	slices.SortFunc(doubled, compareItems)
	for _, item := range doubled {
		r.Doubled.add(list, item)
	}
}

func group(effects iter.Seq[truth.Effect], r *Report) map[identity][]truth.Effect {
	groups := map[identity][]truth.Effect{}
	for e := range effects {
		key := identity{e.Kind, e.Identity()}
		groups[key] = append(groups[key], e)
		r.Effects++
	}
	return groups
}

// judge puts one intention in the classes it belongs to.
func (r *Report) judge(in Input, e told.Entry, effects []truth.Effect) {
	r.Intentions++
	if len(effects) == 0 && !e.Intention.Begun.After(in.Horizon) {
		r.NotJudged++
		return
	}
	item := newItem(e, effects)
	if len(effects) > 1 {
		r.Doubled.add(in.List, item)
	}
	if item.Differences = differences(e, effects); len(item.Differences) > 0 {
		r.Wrong.add(in.List, item)
	}
	switch {
	case e.State == told.Done:
		r.ToldDone++
		if e.Answer.StandIn {
			r.StoodIn++
		}
		switch {
		case len(effects) > 0:
		case e.Answer.StandIn:
			r.Owed.add(in.List, item)
		default:
			r.Lost.add(in.List, item)
		}
	case e.State == told.Declined:
		r.ToldDeclined++
		if len(effects) > 0 {
			r.Denied.add(in.List, item)
		}
	case e.State == told.Begun && in.Now.Sub(e.Intention.Begun) < in.Grace:
		r.Waiting++
	default:
		r.Unknown.add(in.List, item)
	}
	if e.State.Settled() && !e.DoubtSince.IsZero() {
		r.Resolved.add(in.List, item)
		r.LongestDoubt = max(r.LongestDoubt, e.At.Sub(e.DoubtSince))
	}
}

// differences lists every value that is not the same in what was meant, what
// was told and what happened. Without an effect there is nothing to compare:
// the class lost says it all.
func differences(e told.Entry, effects []truth.Effect) []Difference {
	var found []Difference
	compare := func(field, meant, told, happened string) {
		if meant != happened || (told != "" && told != happened) {
			found = append(found, Difference{Field: field, Meant: meant, Told: told, Truth: happened})
		}
	}
	i, a := e.Intention, e.Answer
	for _, t := range effects {
		compare("amount", amount(i.Amount), amount(a.Amount), amount(t.Amount))
		compare("currency", i.Currency, a.Currency, t.Currency)
		compare("payer", i.Payer, a.Payer, t.Payer)
		compare("payee", i.Payee, a.Payee, t.Payee)
		compare("payment", i.Payment, "", t.Payment)
	}
	return found
}

func newItem(e told.Entry, effects []truth.Effect) Item {
	i := e.Intention
	return Item{
		Identity: i.Identity, Kind: i.Kind, Money: holdfast.Money{Minor: i.Amount, Currency: i.Currency},
		Payer: i.Payer, Payee: i.Payee, Begun: i.Begun, Told: e.State, ToldAt: e.At, DoubtSince: e.DoubtSince, Effects: effects,
	}
}
