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

// Missing is what a source told once and does not tell any more, of a kind and currency. Open
// and Waiting of it may not have been settled: that is lost track of.
type Missing struct {
	Kind     standin.Kind `json:"kind"`
	Currency string       `json:"currency"`
	Sums
}

// mostSaid is of how many figures one fact tells; the next one tells the rest.
const mostSaid = 1000

// goneBack is the body of a fact: of shards that tell less of a directive than they told, what
// they told before, and what they tell now.
type goneBack struct {
	Source string   `json:"source"`
	Shards []wentTo `json:"shards"`
}

type wentTo struct {
	Shard int       `json:"shard"`
	Was   time.Time `json:"was"`
	Now   time.Time `json:"now"`
	Ended bool      `json:"ended,omitempty"`
	Told  []Missing `json:"told,omitempty"`
	Has   []Missing `json:"has,omitempty"`
}

// goneBack records that a source tells less than it told, once for each time: it was restored
// from an older backup, and will never tell of the rest. Before are the drafts that stand
// before. Said are the falls that need no more looking at.
func (n Nouns) goneBack(source string, falls []fall, before []journal.Draft) (drafts []journal.Draft, said []fall) {
	drafts = before
	bodies, figures := map[string]*goneBack{}, 0
	for _, f := range falls {
		if figures > mostSaid {
			break
		}
		said = append(said, f)
		if n.Directive(f.directive) == nil || n.Book.gone.knows(f) || n.Book.explained(f.directive) {
			continue
		}
		body := bodies[f.directive]
		if body == nil {
			body = &goneBack{Source: source}
			bodies[f.directive] = body
		}
		body.Shards = append(body.Shards, wentTo{f.shard, f.was, f.now, f.ended, listed(f.told), listed(f.has)})
		figures += len(f.told) + len(f.has)
	}
	for _, directive := range slices.Sorted(maps.Keys(bodies)) {
		drafts = append(drafts, journal.NewDraft(subject(directive), n.Book.revisions[directive]+after(before, directive), kindGoneBack, bodies[directive]))
	}
	return drafts, said
}

// after is how many drafts are about a directive.
func after(drafts []journal.Draft, directive string) (n holdfast.Revision) {
	for _, d := range drafts {
		if d.Subject == subject(directive) {
			n++
		}
	}
	return n
}

// falls are those that were recorded, in the order in which they were.
type falls map[place][]fall

// same returns the one that tells of the same backup, as another node saw it a few words
// before or after; -1 if there is none.
func (l falls) same(f fall) int {
	return slices.IndexFunc(l[f.place], func(known fall) bool {
		return f.was.Sub(known.was).Abs() < doubted && f.now.Sub(known.now).Abs() < doubted
	})
}

// knows reports whether a fall was recorded, with as much.
func (l falls) knows(f fall) bool {
	i := l.same(f)
	return i >= 0 && len(lacking(f.told, l[f.place][i].told)) == 0 && len(lacking(l[f.place][i].has, f.has)) == 0
}

// take adds one, or to the one that it is.
func (l falls) take(f fall) {
	i := l.same(f)
	if i < 0 {
		l[f.place] = append(l[f.place], f)
		return
	}
	known := &l[f.place][i]
	known.told = most(known.told, f.told)
	for of, has := range known.has {
		if now := f.has[of]; now.lacks(has) == (Sums{}) {
			known.has[of] = now
		}
	}
}

// most has of each figure the sums in which more was approved or queued.
func most(told, more map[figure]Sums) map[figure]Sums {
	all := map[figure]Sums{}
	maps.Copy(all, told)
	for f, s := range more {
		if all[f].lacks(s) == (Sums{}) {
			all[f] = s
		}
	}
	return all
}

// missing lists what a shard does not tell any more. After the directive had ended, that is
// what it tells less now, nothing once it was restored from a newer backup; before, approvals
// go on, and what is missing stays so.
func (l falls) missing(at place, now word) (list []Missing, back bool) {
	var told map[figure]Sums
	for _, f := range l[at] {
		if f.ended {
			told = most(told, f.told)
			continue
		}
		list, back = append(list, lacking(f.told, f.has)...), true
	}
	if told != nil {
		lacks := lacking(told, now.figures(at.directive))
		list, back = append(list, lacks...), back || len(lacks) > 0 || !now.knows(at.directive)
	}
	return list, back
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

// summed adds up what is of one kind and currency.
func summed(list []Missing) map[figure]Sums {
	sums := map[figure]Sums{}
	for _, m := range list {
		s := sums[figure{m.Kind, m.Currency}]
		s.add(m.Sums)
		sums[figure{m.Kind, m.Currency}] = s
	}
	return sums
}

// goBack folds it.
func (b *Book) goBack(directive string, f holdfast.Fact) error {
	var body goneBack
	if err := f.Decode(&body); err != nil {
		return err
	}
	for _, of := range body.Shards {
		b.gone.take(fall{place{shardOf{body.Source, of.Shard}, directive}, of.Was, of.Now, of.Ended, summed(of.Told), summed(of.Has)})
	}
	return nil
}

// missing lists, by directive, what a source does not tell any more.
func (b *Book) missing(s *Source) map[string][]Missing {
	all := map[string][]Missing{}
	for at := range b.gone {
		of, heard := s.shards[at.shard]
		if at.source != s.ID || !heard {
			continue
		}
		if list, back := b.gone.missing(at, word{Of: of.ShardSummary}); back {
			all[at.directive] = append(all[at.directive], list...)
		}
	}
	for directive, list := range all {
		all[directive] = listed(summed(list))
	}
	return all
}

// markGone marks the accounts of directives of which a source tells less than it told, until
// two people have signed what is missing.
func (b *Book) markGone(s *Source) {
	missing := b.missing(s)
	for _, directive := range slices.Sorted(maps.Keys(missing)) {
		a := s.account(directive)
		l, lost := b.Lost(directive)
		switch {
		case lost && l.GivenUp():
			if a != nil {
				a.Missing, a.Explained = l.Lost.Missing, false
			}
			continue
		case b.ClosedOut(directive):
			continue
		case a == nil:
			s.Accounts = append(s.Accounts, Account{Directive: directive, Source: s.ID, Lines: []Line{}})
			a = &s.Accounts[len(s.Accounts)-1]
		}
		a.Missing, a.GoneBack, a.Holds, a.Explained = missing[directive], true, false, false
	}
}

// lostBack is what is lost track of of a directive whose source has gone back and tells: what
// is missing, and nothing else. All that it tells of comes first.
func lostBack(s *Source, a *Account, now time.Time) (l Lost, err error) {
	switch {
	case s.Heard < s.Shards || now.Sub(s.AsOf) > oldFigures:
		return l, s.incomplete()
	case s.stands(a.Directive):
		return l, holdfast.Errorf(holdfast.Conflict, "the directive %s still stands in: lift it first", a.Directive).At("directive")
	}
	if !slices.ContainsFunc(a.Lines, func(l Line) bool { return !l.Balance.Explained() }) {
		return Lost{Told: s.Told, Shards: s.Shards, Heard: s.Heard, GoneBack: true, Missing: a.Missing}, nil
	}
	return l, holdfast.Errorf(holdfast.Conflict, "of the directive %s something that the source tells of is pending or unresolved: that comes first", a.Directive).At("directive")
}

// stands reports whether a directive has not ended in some shard.
func (s *Source) stands(directive string) bool {
	for _, of := range s.shards {
		if now, some := (word{Of: of.ShardSummary}).standing(directive); some && now.Ended.IsZero() {
			return true
		}
	}
	return false
}

// incomplete is that figures are not there or not new.
func (s *Source) incomplete() error {
	return holdfast.Errorf(holdfast.Conflict, "%d of %d shards were told of, the oldest at %s: nothing is signed before the figures are complete and new", s.Heard, s.Shards, s.AsOf.UTC().Format(time.RFC3339))
}

// foundAgain reports whether a source that had gone back tells of something that was signed
// as missing, as one does that was restored once more, from a newer backup.
func (b *Book) foundAgain(d *Decision, sources []Source) bool {
	s, a := Find(sources, d.Directive)
	if a == nil || s.ID != d.Source || s.Heard < s.Shards || a.Closed > 0 {
		return false
	}
	var was, is Sums
	for _, m := range d.Lost.Missing {
		was.add(m.Sums)
	}
	for _, m := range b.missing(s)[d.Directive] {
		is.add(m.Sums)
	}
	return was.Approved.Count > is.Approved.Count || was.Queued.Count > is.Queued.Count
}
