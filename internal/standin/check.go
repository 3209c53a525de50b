package standin

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/payment"
)

const (
	maxLimits = 64
	maxWindow = 366 * 24 * time.Hour
)

// Fault is one thing wrong with a profile.
type Fault struct {
	// Path leads to it by the keys of the JSON: unplanned.limits[2].window.
	Path string
	// Err is of an expression an [expression.Error], else a [holdfast.Error].
	Err error
}

// Check refuses a profile that does not bound what it lets through.
func (p Profile) Check() error {
	faults := p.Faults()
	if len(faults) == 0 {
		return nil
	}
	var e *holdfast.Error
	if errors.As(faults[0].Err, &e) {
		return e.At(cmp.Or(faults[0].Path, e.Field))
	}
	return faults[0].Err
}

// Faults returns everything that is wrong with a profile.
func (p Profile) Faults() []Fault {
	c := &checker{}
	if !holdfast.ValidName(p.ID) {
		c.add("id", holdfast.Errorf(holdfast.Invalid, "a stand-in profile has an id of lower-case letters, digits, -, _ and ."))
	}
	if p.Planned == nil && p.Unplanned == nil {
		c.add("", holdfast.Errorf(holdfast.Invalid, "the stand-in profile %s has no terms: add planned or unplanned terms", p.ID))
	}
	if p.SnapshotAge <= 0 {
		c.add("snapshot_age", holdfast.Errorf(holdfast.Invalid, "say how old the payer snapshot may be: snapshot_age is more than 0"))
	}
	if p.Zone <= -24*time.Hour || p.Zone >= 24*time.Hour {
		c.add("zone", holdfast.Errorf(holdfast.Invalid, "zone is the offset to UTC at which periods begin, less than 24 h"))
	}
	if p.CutOff < 0 || p.CutOff > 24*time.Hour {
		c.add("cut_off", holdfast.Errorf(holdfast.Invalid, "cut_off is a time of the day: 0 to 24 h after midnight"))
	}
	if p.SecondAbove < 0 || p.SecondAbove > payment.MaxAmount {
		c.add("second_above", holdfast.Errorf(holdfast.Invalid, "the amount above which two people resolve an exception is 0 to %d minor units", int64(payment.MaxAmount)))
	}
	c.terms("planned", p.Planned)
	c.terms("unplanned", p.Unplanned)
	c.forwarding(p.Forwarding)
	return c.faults
}

type checker struct{ faults []Fault }

func (c *checker) add(path string, err error) { c.faults = append(c.faults, Fault{path, err}) }

func (c *checker) terms(path string, t *Terms) {
	if t == nil {
		return
	}
	if _, err := expression.CompileCondition(t.Eligible, EligibilityFields()); err != nil {
		c.add(path+".eligible", err)
	}
	limits := path + ".limits"
	if len(t.Limits) > maxLimits {
		c.add(limits, holdfast.Errorf(holdfast.TooLarge, "stand-in terms have at most %d limits", maxLimits))
		return
	}
	seen, asked := map[Limit]bool{}, map[string]bool{}
	for i, l := range t.Limits {
		path := fmt.Sprintf("%s[%d]", limits, i)
		if key, err := l.check(); err != nil {
			c.add(path+key, err)
			continue
		}
		same := Limit{Over: l.Over, Currency: l.Currency, Window: l.Window}
		if seen[same] {
			c.add(path, holdfast.Errorf(holdfast.Invalid, "two limits are over the same %s, currency and window: write amount and count in one", string(l.Over)))
		}
		seen[same] = true
		if l.Currency != "" && !asked[l.Currency] && !bounded(t.Limits, l.Currency) {
			c.add(limits, holdfast.Errorf(holdfast.Invalid, "%s needs an amount for each payment and one for all that is outstanding", l.Currency))
		}
		asked[l.Currency] = true
	}
	if t.Queue != nil {
		c.queue(path+".queue", t.Queue, maxLimits-len(t.Limits))
	}
}

// longestWait is the longest that a payment may wait in the queue.
const longestWait = 31 * 24 * time.Hour

// queue looks for what is wrong with a queue, which may have most limits.
func (c *checker) queue(path string, q *Queue, most int) {
	if _, err := expression.CompileCondition(q.Deferrable, EligibilityFields()); err != nil {
		c.add(path+".deferrable", err)
	}
	if q.Expires < time.Second || q.Expires > longestWait {
		c.add(path+".expires", holdfast.Errorf(holdfast.Invalid, "a queued payment waits 1 second to 31 days: write when it expires"))
	}
	if !holdfast.ValidName(q.Owner) {
		c.add(path+".owner", holdfast.Errorf(holdfast.Invalid, "name the role that looks after queued payments which expire"))
	}
	if len(q.Limits) > most {
		c.add(path+".limits", holdfast.Errorf(holdfast.TooLarge, "stand-in terms have at most %d limits", maxLimits))
		return
	}
	seen, whole := map[Limit]bool{}, false
	for i, l := range q.Limits {
		path := fmt.Sprintf("%s.limits[%d]", path, i)
		if key, err := l.check(); err != nil {
			c.add(path+key, err)
			continue
		}
		if l.Over != EachPayer && l.Over != Whole || l.Window != 0 {
			c.add(path, holdfast.Errorf(holdfast.Invalid, "a limit of the queue is over payer or all, without a window: it bounds what waits"))
			continue
		}
		same := Limit{Over: l.Over, Currency: l.Currency}
		if seen[same] {
			c.add(path, holdfast.Errorf(holdfast.Invalid, "two limits are over the same %s, currency and window: write amount and count in one", string(l.Over)))
		}
		seen[same] = true
		whole = whole || l.Over == Whole && l.Currency == "" && l.Count > 0
	}
	if !whole {
		c.add(path+".limits", holdfast.Errorf(holdfast.Invalid, "the queue needs a limit over all by count, without a currency: it must not grow without end"))
	}
}

// bounded reports whether single payments and the whole outstanding sum have a
// limit in a currency.
func bounded(limits []Limit, currency string) bool {
	var each, whole bool
	for _, l := range limits {
		if l.Currency == currency && l.Amount > 0 && l.Window == 0 {
			each = each || l.Over == EachPayment
			whole = whole || l.Over == Whole
		}
	}
	return each && whole
}

// check returns what is wrong with a limit, and at which of its keys.
func (l Limit) check() (key string, err error) {
	switch l.Over {
	case EachPayment, EachPayer, EachPayee, EachChannel, Whole:
	default:
		return ".over", holdfast.Errorf(holdfast.Invalid, "a limit is over payment, payer, payee, channel or all, not %q", string(l.Over))
	}
	_, err = payment.ParseCurrency(l.Currency)
	switch {
	case l.Amount < 0 || l.Count < 0 || l.Amount == 0 && l.Count == 0 || l.Amount > payment.MaxAmount:
		return "", holdfast.Errorf(holdfast.Invalid, "a limit has an amount or a count above 0")
	case l.Currency != "" && err != nil:
		return ".currency", holdfast.Errorf(holdfast.Invalid, "a currency is three capital letters, not %q", l.Currency)
	case l.Amount > 0 && l.Currency == "":
		return "", holdfast.Errorf(holdfast.Invalid, "a limit by amount names its currency")
	case !validWindow(l.Window):
		return ".window", holdfast.Errorf(holdfast.Invalid, "the window of a limit is whole seconds, at most 366 days")
	case l.Over == EachPayment && (l.Window != 0 || l.Count != 0):
		return "", holdfast.Errorf(holdfast.Invalid, "a limit over each payment has an amount and nothing else")
	case (l.Over == EachPayee || l.Over == EachChannel) && l.Window == 0:
		return "", holdfast.Errorf(holdfast.Invalid, "a limit over %s needs a window: what is outstanding is bounded by payer and over all", string(l.Over))
	}
	return "", nil
}

func validWindow(w time.Duration) bool { return w >= 0 && w <= maxWindow && w%time.Second == 0 }

func (c *checker) forwarding(f Forwarding) {
	for _, k := range []struct {
		key   string
		value int64
	}{{"timeout", int64(f.Timeout)}, {"pause", int64(f.Pause)}, {"attempts", int64(f.Attempts)}, {"expiry", int64(f.Expiry)}} {
		if k.value <= 0 {
			c.add("forwarding."+k.key, holdfast.Errorf(holdfast.Invalid, "forwarding needs %s above 0", k.key))
		}
	}
	if f.LongestPause < f.Pause {
		c.add("forwarding.longest_pause", holdfast.Errorf(holdfast.Invalid, "the longest pause of forwarding is not shorter than the first"))
	}
	if f.Retention <= f.Timeout {
		c.add("forwarding.retention", holdfast.Errorf(holdfast.Invalid, "the primary has to know a payment again for longer than it may take to answer: write a retention longer than the timeout"))
	}
	if f.Inquiries < 0 {
		c.add("forwarding.inquiries", holdfast.Errorf(holdfast.Invalid, "the primary is asked 0 times or more"))
	}
}
