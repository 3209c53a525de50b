package gate

import (
	"errors"
	"slices"
	"strings"
	"time"

	"holdfast/internal/payment"
)

// Asked is how far the gate is with asking about a payment of unknown outcome.
type Asked struct {
	Identity string `json:"identity"`
	// Made counts the inquiries about the last attempt that the primary answered, of
	// at most Most; 0 sets no limit.
	Made int `json:"made"`
	Most int `json:"most,omitempty"`
	// Said is its last answer, of At; empty if there was none.
	Said string    `json:"said,omitempty"`
	At   time.Time `json:"at,omitzero"`
	// Due is when it is asked next, if the budget allows.
	Due time.Time `json:"due,omitzero"`
	// Over says that the gate does not ask any more, or has nothing to ask by: the
	// settlement file or a person has to tell.
	Over bool `json:"over,omitempty"`
}

const (
	// MaxAsked bounds how many payments a gate tells of, those that are unknown longest.
	MaxAsked = 500
	// tellAskedEvery is how often it does at most, tellAskedAgain at least: the control
	// plane does not keep it.
	tellAskedEvery = 2 * time.Second
	tellAskedAgain = 10 * time.Second
)

// tell says how far the asking about each payment is; nil asks about nothing.
func (a *asking) tell(open []payment.Record) []Asked {
	list := make([]Asked, 0, min(len(open), MaxAsked))
	for _, r := range open[:min(len(open), MaxAsked)] {
		if a == nil || strings.HasPrefix(r.Identity, unnamed) {
			list = append(list, Asked{Identity: r.Identity, Over: true})
			continue
		}
		t := Asked{Identity: r.Identity, Most: a.budget.Most, Due: r.At.Add(a.budget.First)}
		if q, asked := a.asked[r.Identity]; asked {
			if !r.At.After(q.of) {
				t.Made = q.made
			}
			t.Said, t.At = q.said, q.at
			if q.due.After(t.Due) {
				t.Due = q.due
			}
			if t.Over = q.nothing || a.spent(q, r); t.Over {
				t.Due = time.Time{}
			}
		}
		t.Due = t.Due.UTC()
		list = append(list, t)
	}
	return list
}

// askedDue returns what there is to tell of the asking, or nil if it was told just now.
// Only the loop of report uses it.
func (g *Gate) askedDue() *[]Asked {
	now := g.opt.Clock.Boot()
	since := now - g.toldAsked.at
	if g.toldAsked.at != 0 && since < tellAskedEvery {
		return nil
	}
	list := []Asked{}
	if g.opt.Inquirer == nil {
		list = (*asking)(nil).tell(g.outcomes.unresolved())
	} else if p := g.asking.Load(); p != nil {
		list = *p
	}
	if since < tellAskedAgain && slices.Equal(list, g.toldAsked.list) {
		return nil
	}
	if len(list) == 0 && len(g.toldAsked.list) == 0 {
		return nil
	}
	return &list
}

// Resolution is a person's word on what became of a payment of unknown outcome.
type Resolution struct {
	ID       string `json:"id"`
	Identity string `json:"identity"`
	// At is when the attempt was sent that the person was shown. Not done settles no
	// later one.
	At      time.Time       `json:"at"`
	Outcome payment.Outcome `json:"outcome"`
	// Why is what the entry says that it settles the payment by.
	Why string `json:"why"`
}

// resolved carries out what people said. What is settled by now is left alone: the
// primary's own answer stands. So each may come any number of times.
//
// Stand-in learns nothing of it: a person's word neither ends an advice nor lets a payment
// be approved that another gate may have sent. The primary is asked.
func (g *Gate) resolved(list []Resolution) (err error) {
	some := false
	g.unlisted = nil
	defer func() { // before it is reported, whatever came of the others
		if some {
			err = errors.Join(err, g.outcomes.sync())
		}
	}()
	for _, r := range list {
		if !r.Outcome.Settled() {
			g.opt.Log.Warn("a resolution that settles nothing was left alone", "resolution", r.ID)
			continue
		}
		if g.open.inFlight(r.Identity) {
			continue // an attempt that is being answered has the first word
		}
		if !g.outcomes.isOpen(r.Identity) {
			g.unlisted = append(g.unlisted, r)
			continue
		}
		of, _ := g.outcomes.record(r.Identity)
		of.At = r.At
		settled, err := g.settled(of, r.Outcome, r.Why, false)
		if err != nil {
			return err
		}
		if settled {
			g.Doubt(of)
		}
		some = some || settled
	}
	return nil
}

// stillUnlisted names the resolutions that were told last of payments that are not listed
// here, nor in an entry that is still to be reported: the directory was lost, or an older
// one put back. Nobody else can tell the control plane, which would wait for ever.
func (g *Gate) stillUnlisted() (ids []string) {
	for _, r := range g.unlisted {
		// In flight first: an attempt that ends meanwhile is listed before it is gone there.
		if !g.open.inFlight(r.Identity) && !g.outcomes.lists(r.Identity) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}
