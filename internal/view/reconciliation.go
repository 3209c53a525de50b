package view

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/reconciliation"
	"holdfast/internal/standin"
)

// Reconciliation is what became of everything that gates approved in stand-in.
type Reconciliation struct {
	At      time.Time               `json:"at"`
	Sources []reconciliation.Source `json:"sources"`
	// Closings are the close-outs that were asked for or signed.
	Closings []reconciliation.Decision `json:"closings"`
	// Untold are stand-ins of which nobody tells any more.
	Untold []UntoldStandIn `json:"untold"`
	// States say how far the stand-in of each directive is, as [StandingIn] does.
	States map[string]string `json:"states"`
	// Holds: every account does, and every shard was told of; but for sources that were given
	// up.
	Holds bool `json:"holds"`
	// Explained: nothing is left to forward or to resolve, nor lost track of.
	Explained bool `json:"explained"`
	// Unresolved is how many exceptions people have to decide on.
	Unresolved int64 `json:"unresolved"`
}

// Closing returns the close-out of a directive, or nil.
func (r Reconciliation) Closing(directive string) *reconciliation.Decision {
	for i := range r.Closings {
		if r.Closings[i].Directive == directive {
			return &r.Closings[i]
		}
	}
	return nil
}

// Reconcile adds up what gates told; of one directive, if it is named.
func (s *Source) Reconcile(directive string) (r Reconciliation, err error) {
	s.State.View(func() { r, err = s.reconcile(directive, s.Now()) })
	return r, err
}

func (s *Source) reconcile(directive string, now time.Time) (Reconciliation, error) {
	r := Reconciliation{At: now.UTC(), Sources: s.Reconciliation.Sources(now), Closings: []reconciliation.Decision{}, States: map[string]string{}, Holds: true, Explained: true}
	r.Untold = s.untold(r.Sources, now)
	if directive != "" {
		r.Untold = slices.DeleteFunc(r.Untold, func(u UntoldStandIn) bool { return u.Directive != directive })
	}
	found := directive == "" || len(r.Untold) > 0
	for i := range r.Sources {
		of := &r.Sources[i]
		if directive != "" {
			of.Accounts = slices.DeleteFunc(of.Accounts, func(a reconciliation.Account) bool { return a.Directive != directive })
		}
		if of.Accounts == nil {
			of.Accounts = []reconciliation.Account{}
		}
		complete := of.Heard == of.Shards || len(of.Accounts) > 0 && !slices.ContainsFunc(of.Accounts, func(a reconciliation.Account) bool { return !a.Lost })
		r.Holds, r.Explained = r.Holds && complete, r.Explained && complete
		for _, a := range of.Accounts {
			found = true
			r.Holds, r.Explained = r.Holds && (a.Holds || a.Lost), r.Explained && a.Explained
			r.Unresolved += a.Unresolved
		}
	}
	if !found {
		return r, holdfast.Errorf(holdfast.NotFound, "no gate tells that the directive %q stood in", directive)
	}
	for i := range r.Sources {
		of := &r.Sources[i]
		of.CutOff = s.cutOff(of, now)
		for _, a := range of.Accounts {
			if d := s.Directives.Directive(a.Directive); d != nil && d.StandIn != nil {
				r.States[a.Directive] = s.standingIn(d).State
			}
			if d, some := s.Reconciliation.Nouns.Book.Closing(a.Directive); some && d.Lost == nil {
				r.Closings = append(r.Closings, *d)
			}
		}
	}
	for _, u := range r.Untold {
		r.Holds, r.Explained = r.Holds && (!u.Told.IsZero() || u.GivenUp() || u.Contradicted()), r.Explained && !u.unexplained()
	}
	return r, nil
}

// cutOff is how the backlog of a source stands against the earliest end of the day that
// the profiles of its directives name; nil if none does. Call it under the state's lock.
func (s *Source) cutOff(of *reconciliation.Source, now time.Time) (first *reconciliation.CutOff) {
	for _, a := range of.Accounts {
		d := s.Directives.Directive(a.Directive)
		if a.Lost {
			continue
		}
		waits := slices.ContainsFunc(a.Lines, func(l reconciliation.Line) bool { return l.Pending.Count > 0 })
		if !waits || d == nil || d.StandIn == nil || d.StandIn.Profile.CutOff == 0 {
			continue
		}
		c := of.CutOffAt(d.StandIn.Profile.CutOff, d.StandIn.Profile.Zone, now)
		if c.Directive = a.Directive; first == nil || c.At.Before(first.At) {
			first = &c
		}
	}
	return first
}

// Exception is a payment of stand-in that people decide on, or have.
type Exception struct {
	standin.OpenException
	// Key stands for the identity in addresses and forms: that may hold what a client
	// should not have put there.
	Key    string `json:"key"`
	Source string `json:"source"`
	Shard  int    `json:"shard"`
	// Gate decides for it; empty once it is not open any more.
	Gate string `json:"gate,omitempty"`
	// Allowed are the ways in which it may end now.
	Allowed []standin.Resolution `json:"allowed"`
	// Owner is the role that looks after it: of the queue, or of the solution that stands in;
	// zero of a directive that is not known.
	Owner Named `json:"owner"`
	// Terms are those under which it was decided; nil of a directive that is not known.
	Terms *ExceptionTerms `json:"terms,omitempty"`
	// File is what the newest settlement file says of it, whatever people decided; nil if
	// none does.
	File *ExceptionFile `json:"file,omitempty"`
	// Decision is what was decided last; nil if nothing was.
	Decision *reconciliation.Decision `json:"decision,omitempty"`
	// Before are earlier decisions on an open one, the newest first: it came up again, or
	// they were not carried out.
	Before []*reconciliation.Decision `json:"before,omitempty"`
}

// ExceptionQuery picks exceptions.
type ExceptionQuery struct {
	// Decided picks those that people have decided on for good; else it is those that
	// are open.
	Decided   bool
	Directive string
	// Text is in the identity, the route, the channel, or the number of the decision.
	Text string
}

func (q ExceptionQuery) picks(e Exception) bool {
	id := ""
	if e.Decision != nil {
		id = e.Decision.ID
	}
	all := strings.ToLower(strings.Join([]string{e.Identity, e.Route, e.Channel, id, e.Why.String()}, " "))
	return (q.Directive == "" || q.Directive == e.Directive) && strings.Contains(all, strings.ToLower(strings.TrimSpace(q.Text)))
}

func exceptionKey(identity string) string {
	sum := sha256.Sum256([]byte(identity))
	return hex.EncodeToString(sum[:12])
}

// Exceptions assembles a page of exceptions: open ones, the oldest first, or decided
// ones, the newest first.
func (s *Source) Exceptions(q ExceptionQuery, offset, size int) (p Page[Exception]) {
	s.State.View(func() {
		open, list := reconciliation.Exceptions(s.Reconciliation.Sources(s.Now())), []Exception{}
		if q.Decided {
			list = s.decided()
		} else {
			for _, o := range open {
				list = append(list, s.open(o))
			}
		}
		list = slices.DeleteFunc(list, func(e Exception) bool { return !q.picks(e) })
		p = paginate(list, offset, size, s.evidence())
	})
	return p
}

func (s *Source) open(o reconciliation.Open) Exception {
	e := Exception{OpenException: o.OpenException, Key: exceptionKey(o.Source + " " + o.Identity), Source: o.Source, Shard: o.Shard, Gate: o.Gate, Allowed: []standin.Resolution{}}
	if d, active := s.Reconciliation.Nouns.Book.Active(o.Source, o.Identity); active {
		e.Decision = d
	} else {
		e.Allowed = reconciliation.Allowed(o.OpenException)
	}
	e.Before = s.Reconciliation.Nouns.Book.Before(o.Source, o.Identity)
	return e
}

func (s *Source) decided() (list []Exception) {
	for _, d := range s.Reconciliation.Nouns.Book.All() {
		if d.Ends() && d.Over() {
			list = append(list, Exception{
				OpenException: *d.Exception, Key: exceptionKey(d.ID + " " + d.Identity()), Source: d.Source, Shard: d.Shard, Gate: d.Gate,
				Allowed: []standin.Resolution{}, Decision: d,
			})
		}
	}
	return list
}

// ExceptionCalled returns the open exception that a key stands for.
func (s *Source) ExceptionCalled(key string) (e Exception, err error) {
	found := false
	s.State.View(func() {
		for _, o := range reconciliation.Exceptions(s.Reconciliation.Sources(s.Now())) {
			if exceptionKey(o.Source+" "+o.Identity) == key {
				e, found = s.open(o), true
				return
			}
		}
	})
	if found {
		return e, nil
	}
	return Exception{}, holdfast.Errorf(holdfast.NotFound, "this exception is not open any more, as far as gates have told")
}
