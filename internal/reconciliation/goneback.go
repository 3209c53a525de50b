package reconciliation

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/standin"
)

// place is where a directive stood in, figure a kind and currency that were approved there.
type (
	place struct {
		source, directive string
		shard             int
	}
	figure struct {
		kind     standin.Kind
		currency string
	}
)

// Sums are what was approved and queued, and what of it was not settled when that was told.
type Sums struct {
	Approved standin.Tally `json:"approved,omitzero"`
	// Open was approved, and was pending or an exception.
	Open   standin.Tally `json:"open,omitzero"`
	Queued standin.Tally `json:"queued,omitzero"`
	// Waiting was queued, and waited for the primary or was an exception.
	Waiting standin.Tally `json:"waiting,omitzero"`
}

// Missing is what a source told once and does not tell any more, of a kind and currency. Of
// that, Open and Waiting are lost track of; the rest was settled when it was told.
type Missing struct {
	Kind     standin.Kind `json:"kind"`
	Currency string       `json:"currency"`
	Sums
}

func sumsOf(b standin.Balance) (s Sums) {
	s.Approved, s.Queued = b.Approved, b.Queue.Queued
	add(&s.Open, b.Pending)
	add(&s.Open, b.Exception)
	add(&s.Waiting, b.Queue.Waiting)
	add(&s.Waiting, b.Queue.Exception)
	return s
}

// peaks are the most that was told, by place: both what is approved and what is queued only
// grow, as long as the source is the one that it was. A place without figures stood in.
type peaks map[place]map[figure]Sums

// mostPlaces bounds the places of a board, and mostSaid those of which one fact tells.
const (
	mostPlaces = 100_000
	mostSaid   = 500
)

// take raises them by what a shard tells. What is not durable yet may rightly be told no
// more after a kill, and raises nothing; what is closed is not looked at again.
func (p peaks) take(source string, of standin.ShardSummary) {
	for _, s := range of.Standing {
		at := place{source, s.Directive, of.Shard}
		switch known := p[at]; {
		case !s.Closed.IsZero():
			delete(p, at)
		case known == nil && of.Durable && len(p) < mostPlaces:
			p[at] = map[figure]Sums{}
		}
	}
	for _, b := range of.Balances {
		if of.Durable && b.Approved.Count+b.Queue.Queued.Count > 0 {
			p.raise(place{source, b.Directive, of.Shard}, figure{b.Kind, b.Currency}, sumsOf(b))
		}
	}
}

func (p peaks) raise(at place, f figure, to Sums) {
	if p[at] == nil {
		return
	}
	s := p[at][f]
	s.Approved, s.Open = raised(s.Approved, s.Open, to.Approved, to.Open)
	s.Queued, s.Waiting = raised(s.Queued, s.Waiting, to.Queued, to.Waiting)
	p[at][f] = s
}

// raised returns the larger of two sums with what was not settled of it: of as much, less and
// less is.
func raised(all, open, toAll, toOpen standin.Tally) (larger, its standin.Tally) {
	switch {
	case toAll.Count > all.Count:
		return toAll, toOpen
	case toAll == all:
		return all, least(open, toOpen)
	}
	return all, open
}

func least(x, y standin.Tally) standin.Tally {
	return standin.Tally{Count: min(x.Count, y.Count), Amount: min(x.Amount, y.Amount)}
}

func less(x, y standin.Tally) standin.Tally {
	return standin.Tally{Count: max(0, x.Count-y.Count), Amount: max(0, x.Amount-y.Amount)}
}

// lacks is what now has less than was told, and none of it if it has as much.
func (s Sums) lacks(now Sums) Sums {
	approved, queued := less(s.Approved, now.Approved), less(s.Queued, now.Queued)
	return Sums{approved, least(approved, s.Open), queued, least(queued, s.Waiting)}
}

// of are the peaks of a source.
func (p peaks) of(source string) peaks {
	its := peaks{}
	for at, told := range p {
		if at.source == source {
			its[at] = maps.Clone(told)
		}
	}
	return its
}

// short lists what a shard tells less of a directive than it told once. It has gone back if
// that is any, or if it does not know the directive any more.
func (s *Source) short(at place, told map[figure]Sums) (missing []Missing, back bool) {
	of, heard := s.shards[at.shard]
	if !heard {
		return nil, false
	}
	stands := slices.ContainsFunc(of.Standing, func(t standin.Standing) bool { return t.Directive == at.directive })
	back = !stands && len(of.Standing) < standin.MaxFigures
	for f, most := range told {
		var now Sums
		if i := slices.IndexFunc(of.Balances, func(b standin.Balance) bool {
			return b.Directive == at.directive && b.Kind == f.kind && b.Currency == f.currency
		}); i >= 0 {
			now = sumsOf(of.Balances[i])
		}
		if lacks := most.lacks(now); lacks != (Sums{}) {
			missing, back = append(missing, Missing{f.kind, f.currency, lacks}), true
		}
	}
	return missing, back
}

// goneBack is the body of a fact: what the shards of a source told of a directive before they
// told less.
type goneBack struct {
	Source string       `json:"source"`
	Shards []toldBefore `json:"shards"`
}

type toldBefore struct {
	Shard int       `json:"shard"`
	Told  []Missing `json:"told,omitempty"`
}

// goneBack records that a source tells less than it told, once for each shard: it was
// restored from an older backup, and will never tell of the rest.
func (n Nouns) goneBack(source string, most peaks, sources []Source) (drafts []journal.Draft) {
	i := slices.IndexFunc(sources, func(s Source) bool { return s.ID == source })
	if i < 0 {
		return nil
	}
	bodies := map[string]*goneBack{}
	for _, at := range slices.SortedFunc(maps.Keys(most), func(a, b place) int { return cmp.Compare(a.shard, b.shard) }) {
		if _, back := sources[i].short(at, most[at]); !back || n.Directive(at.directive) == nil || n.Book.ClosedOut(at.directive) || n.Book.gone.knows(at, most[at]) {
			continue
		}
		body := bodies[at.directive]
		if body == nil {
			body = &goneBack{Source: source}
			bodies[at.directive] = body
		}
		if len(body.Shards) < mostSaid {
			body.Shards = append(body.Shards, toldBefore{at.shard, listed(most[at])})
		}
	}
	for _, directive := range slices.Sorted(maps.Keys(bodies)) {
		drafts = append(drafts, n.Book.draft(directive, kindGoneBack, bodies[directive])...)
	}
	return drafts
}

// knows reports whether so much is known of a place.
func (p peaks) knows(at place, told map[figure]Sums) bool {
	for f, most := range told {
		if most.lacks(p[at][f]) != (Sums{}) {
			return false
		}
	}
	return p[at] != nil
}

// listed are sums in the order in which they are told.
func listed(sums map[figure]Sums) (list []Missing) {
	for f, s := range sums {
		list = append(list, Missing{f.kind, f.currency, s})
	}
	slices.SortFunc(list, func(a, b Missing) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Kind, b.Kind))
	})
	return list
}

// goBack folds it.
func (b *Book) goBack(directive string, f holdfast.Fact) error {
	var body goneBack
	if err := f.Decode(&body); err != nil {
		return err
	}
	for _, of := range body.Shards {
		at := place{body.Source, directive, of.Shard}
		if b.gone[at] == nil {
			b.gone[at] = map[figure]Sums{}
		}
		for _, m := range of.Told {
			b.gone.raise(at, figure{m.Kind, m.Currency}, m.Sums)
		}
	}
	return nil
}

// markGone marks the accounts of directives of which a source tells less than it told: they
// hold again once a newer backup tells of it, or once two people have signed what is missing,
// which nothing explains.
func (b *Book) markGone(s *Source) {
	missing := map[string][]Missing{}
	for at, told := range b.gone {
		if at.source != s.ID {
			continue
		}
		if list, back := s.short(at, told); back {
			missing[at.directive] = append(missing[at.directive], list...)
		}
	}
	for _, directive := range slices.Sorted(maps.Keys(missing)) {
		a := s.account(directive)
		if a == nil {
			s.Accounts = append(s.Accounts, Account{Directive: directive, Source: s.ID, Lines: []Line{}})
			a = &s.Accounts[len(s.Accounts)-1]
		}
		a.Missing, a.Explained = summed(missing[directive]), false
		if l, some := b.Lost(directive); !some || !l.GivenUp() {
			a.GoneBack, a.Holds = true, false
		}
	}
}

// summed adds up what is of one kind and currency.
func summed(list []Missing) []Missing {
	sums := map[figure]Sums{}
	for _, m := range list {
		s := sums[figure{m.Kind, m.Currency}]
		s.add(m.Sums)
		sums[figure{m.Kind, m.Currency}] = s
	}
	return listed(sums)
}

func (s *Sums) add(t Sums) {
	add(&s.Approved, t.Approved)
	add(&s.Open, t.Open)
	add(&s.Queued, t.Queued)
	add(&s.Waiting, t.Waiting)
}

// lostBack is what is lost track of of a directive whose source has gone back and tells: what
// is missing, and nothing else. All that it tells of comes first.
func lostBack(s *Source, a *Account, now time.Time) (l Lost, err error) {
	if s.Heard < s.Shards || now.Sub(s.AsOf) > oldFigures {
		return l, s.incomplete()
	}
	if !slices.ContainsFunc(a.Lines, func(l Line) bool { return !l.Balance.Explained() }) {
		return Lost{Told: s.Told, Shards: s.Shards, Heard: s.Heard, GoneBack: true, Missing: a.Missing}, nil
	}
	return l, holdfast.Errorf(holdfast.Conflict, "of the directive %s something that the source tells of is pending or unresolved: that comes first", a.Directive).At("directive")
}

// incomplete is that figures are not there or not new.
func (s *Source) incomplete() error {
	return holdfast.Errorf(holdfast.Conflict, "%d of %d shards were told of, the oldest at %s: nothing is signed before the figures are complete and new", s.Heard, s.Shards, s.AsOf.UTC().Format(time.RFC3339))
}

// foundAgain reports whether a source that had gone back tells of something that was signed
// as missing, as one does that was restored once more, from a newer backup.
func foundAgain(d *Decision, sources []Source) bool {
	s, a := Find(sources, d.Directive)
	if s == nil || s.ID != d.Source || s.Heard < s.Shards {
		return false
	}
	var was, is Sums
	for _, m := range d.Lost.Missing {
		was.add(m.Sums)
	}
	for _, m := range a.Missing {
		is.add(m.Sums)
	}
	return was.Approved.Count > is.Approved.Count || was.Queued.Count > is.Queued.Count
}
