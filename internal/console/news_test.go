package console

import (
	"net/http/httptest"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/draft"
	"holdfast/internal/journal"
	"holdfast/internal/web"
)

// A reviewer is told of what others said until he looks, on whichever node, and of
// what is said later.
func TestNewsUntilLookedAt(t *testing.T) {
	t.Parallel()
	now := time.Now() // a document's expiry is the engine's to judge
	begun := now.Add(-time.Hour)
	store := journal.NewMemory("test")
	mei, tan := holdfast.Actor{Kind: holdfast.Account, ID: "mei"}, holdfast.Actor{Kind: holdfast.Account, ID: "tan"}
	d := &draft.Draft{ID: "d1", State: draft.InReview, Reviewers: []draft.Reviewer{{Account: "mei", At: begun}}, Comments: []*draft.Comment{
		{ID: 1, By: tan, At: begun.Add(time.Minute)}, {ID: 2, By: tan, At: begun.Add(2 * time.Minute)},
	}}
	visitOf := func(by holdfast.Actor) *visit {
		return &visit{r: httptest.NewRequest("GET", "/", nil), req: web.Request{Who: access.Principal{Actor: by, Account: by.ID}}}
	}
	node := func() *Console {
		return &Console{Store: store, Desk: &journal.Desk{Now: func() time.Time { return now }}}
	}
	if n := node().news(visitOf(mei), d); n != 2 {
		t.Errorf("told of %d before he looked", n)
	}
	if n := node().news(visitOf(tan), d); n != 0 {
		t.Errorf("who is not concerned is told of %d", n)
	}
	node().looked(visitOf(mei), d)
	if n := node().news(visitOf(mei), d); n != 0 {
		t.Errorf("told of %d after he looked", n)
	}
	now = now.Add(time.Minute)
	d.Comments[0].Replies = []draft.Reply{{By: tan, At: now}}
	if n := node().news(visitOf(mei), d); n != 1 {
		t.Errorf("told of %d said later", n)
	}
	now = now.Add(time.Minute)
	node().looked(visitOf(mei), d)
	if n := node().news(visitOf(mei), d); n != 0 {
		t.Errorf("told of %d after he looked again", n)
	}
}
