package decider

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/standin"
)

type declineKey struct{ directive, reason, currency string }

// maxDeclineKeys bounds what is told of declines.
const maxDeclineKeys = 256

// count counts what was declined.
func (d *Decider) count(r *standin.Request, a standin.Answer) {
	if a.Verdict != standin.Declined && a.Verdict != standin.Refused || a.Item != nil {
		return
	}
	key := declineKey{r.Directive, a.Reason.String(), r.Payment.Currency}
	d.mu.Lock()
	defer d.mu.Unlock()
	t, there := d.declines[key]
	if !there && len(d.declines) >= maxDeclineKeys {
		return
	}
	d.declines[key] = t.Plus(standin.Tally{Count: 1, Amount: r.Payment.Amount})
}

// alarm raises an alarm, or renews it. Pairs are names and values of its params. What the
// error says is logged when the alarm is raised, and when it comes to have another cause.
func (d *Decider) alarm(code string, err error, pairs ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := standin.AlarmOf(code, err, d.opt.Clock.Now(), pairs...)
	before, there := d.alarms[code]
	if there {
		a.Since = before.Since
	}
	if !there || before.Params["cause"] != a.Params["cause"] {
		d.opt.Log.Error("stand-in has an alarm", "code", code, "error", err)
	}
	d.alarms[code] = a
}

func (d *Decider) calm(code string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.alarms, code)
}

// told reports whether this gate tells of the shard: it, or a process before it, wrote
// there last, or nobody has, or nobody else can.
func (s *shard) told() bool {
	gate, _, _ := s.state.Decider()
	return !s.d.opt.Shared || gate == s.d.opt.Gate || gate == ""
}

// Summary returns what there is to tell of the shards that this gate decides for.
func (d *Decider) Summary(now time.Time) *standin.Summary {
	d.told.Store(int64(d.opt.Clock.Boot()))
	sum := &standin.Summary{Source: d.id, At: now.UTC(), Shards: len(d.shards)}
	untold := 0
	most := standin.Room{Open: standin.MaxOpen, Queued: standin.MaxQueued, Expired: standin.MaxQueued}
	for _, s := range d.shards {
		s.mu.Lock()
		if s.state != nil && s.told() {
			of := standin.Summarize(s.state, s.n, most, now)
			of.Durable = !s.busy
			if len(of.Balances) == 0 && len(s.state.Balances()) > 0 {
				untold++
			} else {
				sum.Of = append(sum.Of, of)
			}
		}
		s.mu.Unlock()
	}
	most.Cut(sum.Of)
	if untold > 0 {
		d.alarm(standin.AlarmFigures, holdfast.Errorf(holdfast.TooLarge, "%d shards have more than %d balances that are not closed, by directive, kind and currency, and cannot be told: close what has ended", untold, standin.MaxFigures),
			"shards", strconv.Itoa(untold), "most", strconv.Itoa(standin.MaxFigures))
	} else {
		d.calm(standin.AlarmFigures)
	}
	if d.opt.Payers != nil {
		sum.Payers = d.opt.Payers.At()
	}
	if d.opt.Rate != nil {
		rate, budget := d.opt.Rate()
		sum.Rate, sum.Budget = rate, float64(budget)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, t := range d.declines {
		sum.Declines = append(sum.Declines, standin.Decline{Directive: key.directive, Reason: key.reason, Currency: key.currency, Tally: t})
	}
	slices.SortFunc(sum.Declines, func(a, b standin.Decline) int {
		return cmp.Or(cmp.Compare(a.Directive, b.Directive), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Currency, b.Currency))
	})
	for _, a := range d.alarms {
		sum.Alarms = append(sum.Alarms, a)
	}
	slices.SortFunc(sum.Alarms, func(a, b standin.Alarm) int { return cmp.Compare(a.Code, b.Code) })
	for _, c := range d.carried {
		sum.Carried = append(sum.Carried, c)
	}
	slices.SortFunc(sum.Carried, func(a, b standin.Carried) int { return cmp.Compare(a.ID, b.ID) })
	return sum
}

// Carry is given the orders of people. It does not block; what does not fit comes
// again.
func (d *Decider) Carry(orders []standin.Order) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range d.carried {
		if !slices.ContainsFunc(orders, func(o standin.Order) bool { return o.ID == id }) {
			delete(d.carried, id)
		}
	}
	for _, o := range orders {
		if _, done := d.carried[o.ID]; done {
			continue
		}
		select {
		case d.carries <- o:
		default:
			return
		}
	}
}

// carryOut does what people decided.
func (d *Decider) carryOut(ctx context.Context) {
	for {
		var o standin.Order
		select {
		case <-ctx.Done():
			return
		case o = <-d.carries:
		}
		d.mu.Lock()
		_, done := d.carried[o.ID]
		d.mu.Unlock()
		if done {
			continue
		}
		err := d.order(ctx, o)
		if code := holdfast.CodeOf(err); code == holdfast.Unavailable || code == holdfast.Doubtful || code == holdfast.TooMany {
			continue // it comes again
		}
		c := standin.Carried{ID: o.ID}
		if err != nil {
			c.Refused = err.Error()
		}
		d.mu.Lock()
		d.carried[o.ID] = c
		d.mu.Unlock()
	}
}

// order carries out one order.
func (d *Decider) order(ctx context.Context, o standin.Order) error {
	if o.Shard < 0 || o.Shard >= len(d.shards) {
		return holdfast.Errorf(holdfast.NotFound, "the advice source has no shard %d", o.Shard)
	}
	ends := o.Identity != "" && o.Care == 0 // how an exception ends asks the profile
	if d.profile(o.Directive) == nil {      // of one before the present
		if err := d.loadProfile(ctx, o.Directive); err != nil && ends {
			return err
		}
	}
	return d.do(ctx, d.shards[o.Shard], &job{do: func(t *turn) error {
		s := t.s.state
		var profile standin.Profile
		if c := d.profile(o.Directive); c != nil {
			profile = c.Profile
		} else if ends {
			return holdfast.Errorf(holdfast.Unavailable, "the stand-in profile of the directive %s is not known", o.Directive)
		}
		records, err := standin.Carry(s, profile, o, t.now)
		if err != nil {
			return err
		}
		return t.add(records...)
	}})
}
