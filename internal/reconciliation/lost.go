package reconciliation

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// Lost says that the advice source of a directive is gone for good: nobody tells any
// more what became of its payments, and nobody can carry an order out.
type Lost struct {
	// Evidence is where it is kept what shows that.
	Evidence string `json:"evidence"`
	// Told is when the source last told; zero if it never told of the directive.
	Told time.Time `json:"told,omitzero"`
	// Heard of Shards were told of.
	Shards int `json:"shards"`
	Heard  int `json:"heard"`
	// Figures are what it told last, by kind and currency. What gates approved after that
	// is in none of them.
	Figures []standin.Balance `json:"figures,omitempty"`
	// Exceptions are the open ones that it named, the oldest, at most mostNamed: of all
	// others there are only figures.
	Exceptions []standin.OpenException `json:"exceptions,omitempty"`
	// GoneBack says that the source tells, but less than it told: what it tells of was
	// explained. Missing is what it told before, and does not tell any more.
	GoneBack bool      `json:"gone_back,omitempty"`
	Missing  []Missing `json:"missing,omitempty"`
}

// mostNamed is how many exceptions one fact names.
const mostNamed = 200

// Untraced is what nobody can account for any more, of a kind and currency: at least so
// much, since what was approved after the source last told is not known.
type Untraced struct {
	Kind     standin.Kind `json:"kind"`
	Currency string       `json:"currency"`
	// Tally was approved, and was pending or an exception.
	standin.Tally
	// Queued was promised by nobody, and waited for the primary or was an exception.
	Queued standin.Tally `json:"queued,omitzero"`
}

// Untraced lists what was lost track of. It is explained by nothing.
func (l *Lost) Untraced() []Untraced {
	all := slices.Clone(l.Missing)
	for _, b := range l.Figures {
		all = append(all, Missing{b.Kind, b.Currency, sumsOf(b)})
	}
	list := []Untraced{}
	for _, m := range listed(summed(all)) {
		if m.Open.Count > 0 || m.Waiting.Count > 0 {
			list = append(list, Untraced{m.Kind, m.Currency, m.Open, m.Waiting})
		}
	}
	return list
}

// GivenUp reports whether two people gave a source up, and no gate told of the stand-in since.
func (d *Decision) GivenUp() bool { return d.Lost != nil && (d.State == Done || d.State == Ordered) }

// Untraced lists what is lost track of by a source that was given up; nothing, if a gate
// told of it since.
func (d *Decision) Untraced() []Untraced {
	if d.Lost == nil || d.State == Contradicted {
		return []Untraced{}
	}
	return d.Lost.Untraced()
}

// LostForm is the wish to close a directive out though its source is gone for good.
type LostForm struct {
	Directive string `json:"directive"`
	// Reason is what happened, Evidence where it is kept what shows it.
	Reason   string `json:"reason"`
	Evidence string `json:"evidence"`
}

// askLost decides on that wish: it always takes a second person.
func (n Nouns) askLost(f LostForm, sources []Source, now time.Time) (string, []journal.Draft, error) {
	f.Reason, f.Evidence = payment.Mask(strings.TrimSpace(f.Reason)), payment.Mask(strings.TrimSpace(f.Evidence))
	if err := reasoned(f.Reason); err != nil {
		return "", nil, err
	}
	if f.Evidence == "" || utf8.RuneCountInString(f.Evidence) > longestNote {
		return "", nil, holdfast.Errorf(holdfast.Invalid, "say where the evidence of the loss is kept, in at most %d characters", longestNote).At("evidence")
	}
	if err := n.unasked(f.Directive); err != nil {
		return "", nil, err
	}
	d := n.Directive(f.Directive)
	l, err := lost(d, sources, n.Naming(d, sources), now)
	if err != nil {
		return "", nil, err
	}
	l.Evidence = f.Evidence
	id := n.Book.nextID(d.ID)
	return id, n.Book.draft(d.ID, kindAsked, asked{ID: id, Source: d.Opening.Source, Note: f.Reason, Two: true, Lost: &l}), nil
}

// Naming lists the gates in service that name the advice source of a directive. A process
// that has not said counts by what its gate told last.
func (n Nouns) Naming(d *directive.Directive, sources []Source) []string {
	gates := []string{}
	if d == nil || d.Opening == nil {
		return gates
	}
	named := n.Named()
	told := slices.IndexFunc(sources, func(s Source) bool { return s.ID == d.Opening.Source })
	for _, i := range n.Gates.Live() {
		says, heard := named[i.Boot]
		if says == d.Opening.Source || !heard && told >= 0 && slices.Contains(sources[told].Gates, i.Gate) {
			gates = append(gates, i.Gate)
		}
	}
	return slices.Compact(gates)
}

// lost is what is known of a directive whose source is gone. It is refused as long as the
// source may tell: given up is only what nobody will ever tell of. naming are the gates in
// service that name the source.
func lost(d *directive.Directive, sources []Source, naming []string, now time.Time) (l Lost, err error) {
	if d == nil || d.StandIn == nil || d.Opening == nil {
		return l, holdfast.Errorf(holdfast.NotFound, "no stand-in of that number was opened").At("directive")
	}
	source := d.Opening.Source
	if d.LiftedAt.IsZero() {
		return l, holdfast.Errorf(holdfast.Conflict, "the directive %s is in force: lift it before its source is given up", d.ID).At("directive")
	}
	if Untouched(sources, source, d.ID, d.LiftedAt) {
		return l, holdfast.Errorf(holdfast.Conflict, "no gate stood in by the directive %s: there is nothing to close out", d.ID).At("directive")
	}
	if _, _, err := closable(d.ID, sources, now); err == nil {
		return l, holdfast.Errorf(holdfast.Conflict, "nothing of the directive %s is left to explain: close it out as usual", d.ID).At("directive")
	}
	if s, a := Find(sources, d.ID); a != nil && a.GoneBack && now.Sub(s.Told) <= spoken {
		return lostBack(s, a, now)
	}
	if len(naming) > 0 {
		return l, holdfast.Errorf(holdfast.Conflict, "the gate %s is in service and names the source %s: it can tell; if it is gone for good, retire it first", naming[0], source).At("directive")
	}
	l, silent := Known(sources, source, d.ID, now)
	if !silent {
		return l, holdfast.Errorf(holdfast.Conflict, "the source %s told within the last minute: what tells is not gone", source).At("directive")
	}
	return l, nil
}

// Known is what a source told last of a directive, and whether it is silent since.
func Known(sources []Source, source, directive string, now time.Time) (l Lost, silent bool) {
	i := slices.IndexFunc(sources, func(s Source) bool { return s.ID == source })
	if i < 0 {
		return l, true
	}
	s := &sources[i]
	l.Shards = s.Shards
	if a := s.account(directive); a != nil {
		l.Told, l.Heard = s.Told, s.Heard
		l.Missing = a.Missing
		for _, line := range a.Lines {
			l.Figures = append(l.Figures, line.Balance)
		}
		for _, o := range Exceptions(sources[i : i+1]) {
			if o.Directive == directive && len(l.Exceptions) < mostNamed {
				l.Exceptions = append(l.Exceptions, o.OpenException)
			}
		}
	}
	return l, now.Sub(s.Told) > spoken
}

// agreeLost has a second person agree to what was asked for, unless the source told
// since.
func (n Nouns) agreeLost(d *Decision, sources []Source, now time.Time) error {
	of := n.Directive(d.Directive)
	l, err := lost(of, sources, n.Naming(of, sources), now)
	switch {
	case err != nil:
	case l.GoneBack != d.Lost.GoneBack || !slices.Equal(l.Missing, d.Lost.Missing):
		err = holdfast.Errorf(holdfast.Conflict, "what is missing is not what it was when the loss was asked to be recorded: refuse it, and ask anew")
	case !l.GoneBack && l.Told.After(d.Lost.Told):
		err = holdfast.Errorf(holdfast.Conflict, "the source told at %s, after the loss was asked to be recorded with older figures: refuse it, and ask anew", l.Told.UTC().Format(time.RFC3339))
	}
	return err
}

// contradict records that a gate tells of a stand-in whose source was given up: what was
// signed stands, and is wrong. The directive is to be closed out as usual. A source that is
// told of without the stand-in, as one restored from an older backup is, contradicts nothing:
// what was lost track of stays lost.
func (n Nouns) contradict(sum standin.Summary, sources func() []Source) (drafts []journal.Draft) {
	for _, id := range n.Book.lost {
		d := n.Book.decisions[id]
		if d.Source != sum.Source || !d.GivenUp() {
			continue
		}
		if d.Lost.GoneBack && n.Book.foundAgain(d, sources()) || !d.Lost.GoneBack && tells(sum, d.Directive) {
			drafts = append(drafts, n.Book.draft(d.Directive, kindContradicted, answered{ID: d.ID})...)
		}
	}
	return drafts
}

// tells reports whether a shard stood in by a directive, or has figures of it.
func tells(sum standin.Summary, directive string) bool {
	return slices.ContainsFunc(sum.Of, func(of standin.ShardSummary) bool {
		return slices.ContainsFunc(of.Standing, func(s standin.Standing) bool { return s.Directive == directive }) ||
			slices.ContainsFunc(of.Balances, func(b standin.Balance) bool { return b.Directive == directive })
	})
}

// Lost returns the last decision that the source of a directive is gone, which was not
// refused and did not fail; it may wait for a second person, or be contradicted.
func (b *Book) Lost(directive string) (*Decision, bool) {
	for _, id := range slices.Backward(b.lost) {
		if d := b.decisions[id]; d.Directive == directive && d.State != Refused && d.State != Failed {
			return d, true
		}
	}
	return nil, false
}

// Contradicted lists the sources that were given up and told of since, until their
// directives are closed out: two people have signed, and not just one asked for it.
func (b *Book) Contradicted() (list []*Decision) {
	for _, id := range b.lost {
		if d := b.decisions[id]; d.State == Contradicted && !b.ClosedOut(d.Directive) {
			list = append(list, d)
		}
	}
	return list
}

// givenUp reports whether the source of a directive is given up.
func (b *Book) givenUp(directive string) bool {
	d, some := b.Lost(directive)
	return some && d.State == Done
}

// Mark marks the accounts of directives whose source was given up, and takes what they
// have left out of what waits for gates and people; and those of a source that tells less
// than it told. Use it under the state's lock.
func (b *Book) Mark(sources []Source) []Source {
	for i := range sources {
		for j := range sources[i].Accounts {
			if b.givenUp(sources[i].Accounts[j].Directive) {
				sources[i].giveUp(&sources[i].Accounts[j], b.caredFor(sources[i].Accounts[j].Directive))
			}
		}
		b.markGone(&sources[i])
	}
	return sources
}

// caredFor lists what people did about expired payments of a directive and no gate has noted.
func (b *Book) caredFor(directive string) (list []*Decision) {
	for _, id := range b.ids {
		if d := b.decisions[id]; d.Directive == directive && d.Cares() && d.State == Done && d.Carried.IsZero() {
			list = append(list, d)
		}
	}
	return list
}

// giveUp marks an account as lost. It is never explained. Nobody but people tells of it any
// more, so what they looked after counts by their word.
func (s *Source) giveUp(a *Account, cared []*Decision) {
	a.Lost, a.Explained, a.Unresolved = true, false, 0
	for _, d := range cared {
		i := slices.IndexFunc(a.Lines, func(l Line) bool { return l.Kind == standin.Payment && l.Currency == d.Expired.Currency })
		if d.Source == s.ID && i >= 0 {
			add(&a.Lines[i].Queue.LookedAfter, standin.Tally{Count: 1, Amount: d.Expired.Amount})
			a.Unattended--
		}
	}
	for _, l := range a.Lines {
		s.Pending.Count -= l.Pending.Count + l.Queue.Waiting.Count
		s.Waiting -= l.Queue.Waiting.Count
	}
	its := func(q standin.QueuedPayment) bool { return q.Directive == a.Directive }
	s.Queued = slices.DeleteFunc(s.Queued, its)
	if s.Pending.Count == 0 {
		s.Oldest, s.Clears = time.Time{}, time.Time{}
	}
}

// account returns that of a directive, or nil.
func (s *Source) account(directive string) *Account {
	i := slices.IndexFunc(s.Accounts, func(a Account) bool { return a.Directive == directive })
	if i < 0 {
		return nil
	}
	return &s.Accounts[i]
}
