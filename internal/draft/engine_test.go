package draft

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal"
)

// deaf is a journal whose next answer is lost after it has written, as if the
// process had ended in between.
type deaf struct {
	journal.Blobs
	journal.Journal
	genesis holdfast.Head
	lose    bool
}

func (d *deaf) Genesis() holdfast.Head { return d.genesis }

func (d *deaf) Append(ctx context.Context, a journal.Append) (journal.Receipt, error) {
	receipt, err := d.Journal.Append(ctx, a)
	if d.lose && err == nil {
		d.lose = false
		return journal.Receipt{}, holdfast.Errorf(holdfast.Unavailable, "the journal is closed")
	}
	return receipt, err
}

func engine(t *testing.T, dir string) *sqljournal.Store {
	t.Helper()
	s, err := sqljournal.Open(t.Context(), sqljournal.Options{Dir: dir})
	must(t, err)
	return s
}

// Fifty reviewers comment at once, through two nodes' states over one database:
// each comment is there once, also when the database is read anew.
func TestFiftyReviewers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journal")
	s := engine(t, dir)
	nodes := []*world{newWorld(t, s), newWorld(t, s)}
	id := start(t, nodes[0])
	const reviewers = 50
	var all sync.WaitGroup
	for i := range reviewers {
		must(t, nodes[0].Invite(t.Context(), ann, id, fmt.Sprintf("r%d", i)))
	}
	must(t, nodes[1].Desk.State.Reach(t.Context(), nodes[0].Desk.State.Head().Position))
	for i := range reviewers {
		all.Go(func() {
			by := someone(fmt.Sprintf("r%d", i))
			for {
				err := nodes[i%2].Comment(t.Context(), by, false, id, Remark{Chapter: "general", Path: "purpose", Quote: "test", Text: "I am " + by.ID})
				if holdfast.CodeOf(err) == holdfast.Unavailable {
					continue // so many at once that its turn did not come: nothing was done
				}
				if err != nil {
					t.Error(err)
				}
				return
			}
		})
	}
	all.Wait()
	must(t, s.Close())

	d := newWorld(t, reopened(t, dir)).draft(t, id)
	said := map[string]int{}
	for i, c := range d.Comments {
		if c.ID != i+1 || c.Text != "I am "+c.By.ID {
			t.Errorf("comment %d: %+v", i+1, c)
		}
		said[c.By.ID]++
	}
	if len(d.Comments) != reviewers || len(said) != reviewers {
		t.Errorf("%d comments by %d reviewers", len(d.Comments), len(said))
	}
}

// Fifty outside reviewers comment at once by their links, and answer themselves: each
// has his own thread, of all that was said, also when the database is read anew, and no
// link opens another's.
func TestFiftyOutsideReviewers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journal")
	s := engine(t, dir)
	nodes := []*world{newWorld(t, s), newWorld(t, s)}
	for _, w := range nodes {
		w.Letters = &letters{}
	}
	id := start(t, nodes[0])
	const reviewers = 50
	links := make([]Link, reviewers)
	for i := range reviewers {
		links[i], _ = nodes[0].outside(t, id, Guest{Name: fmt.Sprintf("Guest %d", i), Lang: holdfast.En})
	}
	must(t, nodes[1].Desk.State.Reach(t.Context(), nodes[0].Desk.State.Head().Position))
	var all sync.WaitGroup
	insist := func(act func() error) {
		for {
			err := act()
			if holdfast.CodeOf(err) == holdfast.Unavailable {
				continue // so many at once that its turn did not come: nothing was done
			}
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
	for i, l := range links {
		all.Go(func() {
			w, text := nodes[i%2], fmt.Sprintf("I am guest %d", i)
			insist(func() error {
				return w.OutsideComment(t.Context(), l, Remark{Chapter: "general", Path: "purpose", Quote: "test", Text: text})
			})
			insist(func() error { return w.OutsideFinish(t.Context(), l) })
		})
	}
	all.Wait()
	must(t, s.Close())

	w := newWorld(t, reopened(t, dir))
	w.Letters = &letters{}
	d := w.draft(t, id)
	if len(d.Comments) != reviewers {
		t.Errorf("%d comments", len(d.Comments))
	}
	for i, l := range links {
		_, r, err := w.Admit(l)
		must(t, err)
		own := d.ThreadsOf(r.Outside.Actor(id))
		if len(own) != 1 || own[0].Text != fmt.Sprintf("I am guest %d", i) || own[0].By.Name != r.Outside.Name || r.Finished.IsZero() {
			t.Errorf("guest %d: %+v, finished %v", i, own, r.Finished)
		}
		if other := (Link{l.Draft, links[(i+1)%reviewers].Reviewer, l.Secret}); i == 0 {
			_, _, err := w.Admit(other)
			wantCode(t, "another's place by his own secret", err, holdfast.NotFound)
		}
	}
}

func reopened(t *testing.T, dir string) *sqljournal.Store {
	t.Helper()
	s := engine(t, dir)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// Two authors save one chapter at once, each bringing the other's text together
// with his own when he is told of it: every save builds on the one before, and
// nothing either wrote is lost.
func TestTwoAuthorsAtOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journal")
	s := engine(t, dir)
	nodes := []*world{newWorld(t, s), newWorld(t, s)}
	id := start(t, nodes[0])
	const rounds = 15
	var both sync.WaitGroup
	for i, by := range []holdfast.Actor{ann, bob} {
		both.Go(func() {
			w := nodes[i]
			text, base := "", 0
			for n := 1; n <= rounds; n++ {
				mine := fmt.Sprintf("%s-%d", by.ID, n)
				for {
					err := w.Save(t.Context(), by, id, "general", base, general(text+" "+mine))
					var other Newer
					if errors.As(err, &other) {
						text, base = words(other.Text), other.Number
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					break
				}
				d, err := w.Draft(id)
				if err != nil {
					t.Error(err)
					return
				}
				var now string
				now, base = d.Chapter("general")
				text = words(now)
			}
		})
	}
	both.Wait()
	must(t, s.Close())

	d := newWorld(t, reopened(t, dir)).draft(t, id)
	if len(d.Saves) != 2*rounds {
		t.Errorf("%d saves", len(d.Saves))
	}
	before := ""
	for _, save := range d.Saves {
		if now := words(save.Text); len(now) <= len(before) || now[:len(before)] != before {
			t.Errorf("save %d by %s lost something: %q after %q", save.Number, save.By.ID, now, before)
		} else {
			before = now
		}
	}
}

// words are what was said in the chapter's purpose.
func words(chapter string) string {
	_, rest, _ := strings.Cut(chapter, "To test ")
	said, _, _ := strings.Cut(rest, ".")
	return said
}

// An author's save is in the database and the process ends before he is told. He
// repeats it at the next process: it is there once.
func TestCrashBetweenSaveAndAnswer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journal")
	s := engine(t, dir)
	d := &deaf{Journal: s, Blobs: s, genesis: s.Genesis()}
	w := newWorld(t, d)
	id := start(t, w)
	d.lose = true
	wantCode(t, "the save", w.Save(t.Context(), ann, id, "general", 0, general("it")), holdfast.Unavailable)
	must(t, s.Close())

	next := newWorld(t, reopened(t, dir))
	must(t, next.Save(t.Context(), ann, id, "general", 0, general("it")))
	if saves := next.draft(t, id).Saves; len(saves) != 1 || words(saves[0].Text) != "it" {
		t.Errorf("saves %+v", saves)
	}
}
