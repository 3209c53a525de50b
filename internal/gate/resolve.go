package gate

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast/internal/payment"
)

// Inquiries is the budget of inquiries about payments of unknown outcome. A payment is
// asked about after First, then, while the primary answers "not yet", at doubling
// intervals up to a minute, Most times or for as long as it is unknown: unknown is never
// turned into an outcome by waiting. While the primary does not answer at all, one inquiry
// at a time finds out whether it is back. UPI's outage of 2025-04-12 was made worse by a
// flood of status checks, so a gate sends few. Of two primaries each is silent or not
// for itself.
type Inquiries struct {
	// First is how long a payment is left before it is asked about; 0 means a second.
	First time.Duration
	// Most is how many inquiries about one attempt of a payment the primary answers
	// before it is left to the settlement file and to people; 0 sets no limit. One
	// without an answer is none of them: it says that the primary is down.
	Most int
	// Rate is the most inquiries in any second; 0 means 40.
	Rate int
}

const (
	resolveEvery     = 250 * time.Millisecond
	roundsInASecond  = int(time.Second / resolveEvery)
	defaultFirst     = time.Second
	defaultRate      = 40
	firstInterval    = time.Second
	longestInterval  = time.Minute
	longestSilence   = 5 * time.Second
	inquiryTimeLimit = 5 * time.Second
)

// inquiry is what is known of the asking about one payment.
type inquiry struct {
	due   time.Time
	pause time.Duration
	// of is when the attempt was sent that made counts the answered inquiries about.
	of   time.Time
	made int
	// said is its last answer, of at; nothing says that there is nothing to ask by.
	said    string
	at      time.Time
	nothing bool
}

// asking is the state of the budget. Only the loop of resolve uses it.
type asking struct {
	budget Inquiries
	asked  map[string]inquiry
	// sent are the inquiries of the last second, by Boot.
	sent []time.Duration
	// quiet are the primaries that did not answer last, by whether it is the second.
	quiet map[bool]quiet
}

// quiet is a primary that does not answer, and is asked again at doubling intervals.
type quiet struct {
	pause time.Duration
	until time.Time
}

func newAsking(b Inquiries) *asking {
	if b.First == 0 {
		b.First = defaultFirst
	}
	if b.Rate == 0 {
		b.Rate = defaultRate
	}
	return &asking{budget: b, asked: map[string]inquiry{}, quiet: map[bool]quiet{}}
}

// allowed is how many inquiries a round that begins now may send: its part of a second,
// and no more than the second has left.
func (a *asking) allowed(now time.Duration) int {
	a.sent = slices.DeleteFunc(a.sent, func(at time.Duration) bool { return now-at >= time.Second })
	part := (a.budget.Rate + roundsInASecond - 1) / roundsInASecond
	return max(0, min(part, a.budget.Rate-len(a.sent)))
}

// waits reports whether a payment is not to be asked about now.
func (a *asking) waits(r payment.Record, now time.Time) bool {
	if now.Sub(r.At) < a.budget.First || strings.HasPrefix(r.Identity, unnamed) {
		return true
	}
	q, asked := a.asked[r.Identity]
	return asked && (now.Before(q.due) || a.spent(q, r))
}

// spent reports whether an attempt was asked about as often as may be.
func (a *asking) spent(q inquiry, r payment.Record) bool {
	return a.budget.Most > 0 && q.made >= a.budget.Most && !r.At.After(q.of)
}

// answered notes that the primary answered "not yet"; why is empty if there is nothing
// to ask by.
func (a *asking) answered(r payment.Record, why string, now time.Time) {
	q := a.asked[r.Identity]
	if r.At.After(q.of) {
		q.of, q.made = r.At, 0
	}
	q.made++
	q.said, q.at, q.nothing = why, now.UTC(), why == ""
	if q.nothing {
		q.made, q.at = 0, time.Time{}
	}
	q.pause = min(max(2*q.pause, firstInterval), longestInterval)
	q.due = now.Add(q.pause)
	a.asked[r.Identity] = q
	delete(a.quiet, r.Second)
}

// silent notes that the primary gave no answer.
func (a *asking) silent(r payment.Record, now time.Time) {
	q := a.asked[r.Identity]
	q.due = now.Add(longestSilence)
	a.asked[r.Identity] = q
	p := a.quiet[r.Second]
	p.pause = min(max(2*p.pause, 2*resolveEvery), longestSilence)
	p.until = now.Add(p.pause)
	a.quiet[r.Second] = p
}

// spare leaves out what a primary would be asked that did not answer last, but for one
// inquiry, when it is time to find out whether it is back.
func (a *asking) spare(due []payment.Record, now time.Time) []payment.Record {
	tried := map[bool]bool{}
	return slices.DeleteFunc(due, func(r payment.Record) bool {
		q, silent := a.quiet[r.Second]
		out := silent && (now.Before(q.until) || tried[r.Second])
		tried[r.Second] = true
		return out
	})
}

// settled notes that the primary's answer settled it.
func (a *asking) settled(r payment.Record) {
	delete(a.asked, r.Identity)
	delete(a.quiet, r.Second)
}

// resolve asks the primary about unknown outcomes until ctx ends.
func (g *Gate) resolve(ctx context.Context) error {
	if g.opt.Inquirer == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	asked := newAsking(g.opt.Inquiries)
	wait := resolveEvery
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		if g.round(ctx, asked) {
			wait = resolveEvery
		} else {
			wait = min(2*wait, longestSilence)
		}
	}
}

// round asks about the payments that are due and reports whether a primary answers, if
// any was asked.
func (g *Gate) round(ctx context.Context, a *asking) bool {
	silent, answers := map[bool]bool{}, false // by whether it is the second primary
	for _, r := range g.due(a) {
		if silent[r.Second] {
			continue
		}
		a.sent = append(a.sent, g.opt.Clock.Boot())
		settled, why, err := g.inquire(ctx, r)
		switch {
		case err != nil:
			g.opt.Log.Warn("the primary does not answer inquiries", "error", err)
			// Another is asked about next: it may be this one that cannot be answered.
			a.silent(r, g.opt.Clock.Now())
			silent[r.Second] = true
		case settled:
			a.settled(r)
			answers = true
		default:
			a.answered(r, why, g.opt.Clock.Now())
			answers = true
		}
	}
	return answers || len(silent) == 0
}

// due picks the payments to ask about now, the longest unknown first, and
// forgets those that were settled otherwise.
func (g *Gate) due(a *asking) []payment.Record {
	now := g.opt.Clock.Now()
	open := g.outcomes.unresolved()
	told := a.tell(open)
	g.asking.Store(&told)
	for _, r := range g.doubts.list(now) {
		if !g.outcomes.isOpen(r.Identity) {
			open = append(open, r)
		}
	}
	still := make(map[string]bool, len(open))
	var due []payment.Record
	for _, r := range open {
		still[r.Identity] = true
		if !a.waits(r, now) {
			due = append(due, r)
		}
	}
	byTime(due)
	due = a.spare(due, now)
	maps.DeleteFunc(a.asked, func(identity string, _ inquiry) bool { return !still[identity] })
	return due[:min(len(due), a.allowed(g.opt.Clock.Boot()))]
}

// inquire asks about one payment, and reports whether it is settled and what was said. "Not done"
// settles it only if no later attempt of the same identity became unknown
// meanwhile: the answer may be older than that attempt.
func (g *Gate) inquire(ctx context.Context, r payment.Record) (bool, string, error) {
	ctx, cancel := context.WithTimeout(ctx, inquiryTimeLimit)
	defer cancel()
	outcome, why, err := g.opt.Inquirer.Inquire(ctx, r)
	if err != nil || !outcome.Settled() {
		return false, why, err
	}
	settled, err := g.settled(r, outcome, why, true)
	if err != nil {
		g.opt.Log.Error("a settled outcome could not be written", "identity", r.Identity, "error", err)
		return false, why, nil
	}
	return settled, why, nil
}

// settled enters what became of a payment, as somebody else than an answer to it says,
// and reports whether that settles it. With all it is said of every attempt, those of
// other gates too: then stand-in learns it.
func (g *Gate) settled(r payment.Record, outcome payment.Outcome, why string, all bool) (bool, error) {
	// Held so that no Finish of the same identity comes between the two.
	g.drains.mu.Lock()
	defer g.drains.mu.Unlock()
	now := g.opt.Clock.Now()
	settled, err := g.outcomes.settle(r, outcome, why, now)
	if err != nil {
		return false, err
	}
	if settled {
		g.open.setUnknown(r.Identity, false)
	}
	if !all {
		return settled, nil
	}
	if !g.open.has(r.Identity) && g.doubts.settle(r.Identity, outcome, now) {
		settled = true
	}
	if settled && g.opt.StandIn != nil {
		g.opt.StandIn.Learn(r.Identity, outcome == payment.Done)
	}
	return settled, nil
}
