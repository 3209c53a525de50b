package draft

import (
	"testing"
	"time"

	"holdfast"
)

// Authors and reviewers learn how much others have said since they looked, or spoke
// themselves; of what they said themselves nobody is told.
func TestNews(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id, ctx := start(t, w), t.Context()
	w.put(t, ann, id, "general", general("it"))
	rob := someone("rob")
	must(t, w.Invite(ctx, ann, id, "rob"))
	news := func(by holdfast.Actor, since time.Time, want int) {
		t.Helper()
		if n := w.draft(t, id).News(by, since); n != want {
			t.Errorf("%s is told of %d, want %d", by.ID, n, want)
		}
	}
	news(ann, time.Time{}, 0)
	w.pass(time.Minute)
	must(t, w.Comment(ctx, rob, false, id, Remark{Chapter: "general", Text: "One."}))
	must(t, w.Comment(ctx, rob, false, id, Remark{Chapter: "general", Text: "Two."}))
	news(ann, time.Time{}, 2)
	news(rob, time.Time{}, 0)
	seen := w.clock()
	news(ann, seen, 0)
	w.pass(time.Minute)
	must(t, w.Reply(ctx, ann, true, id, 1, "Why?"))
	must(t, w.Resolve(ctx, ann, id, 2, "The law says so."))
	news(rob, time.Time{}, 2)
	news(rob, w.clock(), 0)
	news(bob, seen, 1) // whose comment it is not is told of what was said, not of how it was answered
	w.pass(time.Minute)
	must(t, w.Reply(ctx, rob, false, id, 1, "Because."))
	news(ann, seen, 1)
	news(rob, seen, 0)
}
