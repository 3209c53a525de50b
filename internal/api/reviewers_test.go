package api

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/view"
)

// unsent are letters that go nowhere.
type unsent struct{}

func (unsent) Secret(link string) string { return "secret of " + link }

func (unsent) Address(link string, _ holdfast.Lang) string { return "https://node.example/" + link }

func (unsent) Send(context.Context, holdfast.Actor, string, holdfast.Text, draft.Outside) error {
	return nil
}

// Reviewers in and outside, invited by programs, and a comment from its place to
// the change that answered it.
func TestReviewersByPrograms(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.api.Drafts.Letters = unsent{}
	o.do(403, o.rob, "POST", "/outside", InviteOutside{Name: "Wu"})
	o.do(400, o.ann, "POST", "/outside", InviteOutside{Name: "Wu", Days: 1000})
	w := o.do(201, o.ann, "POST", "/outside", InviteOutside{Name: "Wu", Lang: holdfast.ZhHant, Days: 3})
	var link view.OutsideLink
	if err := json.Unmarshal(w.Body.Bytes(), &link); err != nil || link.ID != "o1" || link.Lang != holdfast.ZhHant || !strings.HasPrefix(link.Link, "https://node.example/"+o.id+"/o1/") || link.Expires.IsZero() {
		t.Errorf("link %s", w.Body)
	}
	o.do(409, o.ann, "POST", "/outside", InviteOutside{Name: "Wu"})
	o.do(404, o.ann, "POST", "/outside/o9/link", NewLink{})
	o.do(201, o.ann, "POST", "/outside/o1/link", NewLink{Days: 7})
	o.do(204, o.ann, "POST", "/reviewers", AccountRef{"rob"})
	o.do(403, o.cat, "POST", "/finished", nil)
	o.do(204, o.rob, "POST", "/finished", nil)

	o.do(409, o.rob, "POST", "/comments", Remark{Path: "levels[9]", Text: "Hm."})
	o.do(204, o.rob, "POST", "/comments", Remark{Path: "purpose", Text: "Why?"})
	o.do(404, o.ann, "GET", "/comments/1/changes", nil)
	o.save(200, o.ann, 0, "Another.")
	o.do(204, o.ann, "POST", "/comments/1/resolve", Resolve{})
	change := get[view.ChapterChange](t, o.node, o.rob, "/drafts/"+o.id+"/comments/1/changes")
	if change.Chapter != "general" || change.From != 0 || change.To != 1 || strings.Contains(change.Before, "Another.") || !strings.Contains(change.After, "Another.") || len(change.Changes) == 0 {
		t.Errorf("change %+v", change)
	}
	o.do(404, o.rob, "GET", "/comments/2/changes", nil)
	d := o.draft()
	if c := d.Comments[0]; c.Path != "purpose" || c.Quote == "" || c.Chapter != "general" || c.Gone {
		t.Errorf("comment %+v", c)
	}
	list := get[[]view.Reviewer](t, o.node, o.rob, "/drafts/"+o.id+"/reviewers")
	if len(list) != 2 || list[0].Outside == nil || list[0].Outside.Ended || list[1].Account != "rob" || !list[1].Finished.IsZero() || list[1].Comments != 1 || list[1].Open != 0 {
		t.Errorf("reviewers %+v", list)
	}
	if len(d.Reviewers) != 2 || d.Reviewers[0].Outside.Name != "Wu" || !d.Reviewers[0].Outside.Expires.After(time.Time{}) {
		t.Errorf("reviewers of the draft %+v", d.Reviewers)
	}
	o.do(403, o.rob, "POST", "/outside/o1/dismiss", nil)
	o.do(204, o.ann, "POST", "/outside/o1/dismiss", nil)
	if list := get[[]view.Reviewer](t, o.node, o.rob, "/drafts/"+o.id+"/reviewers"); len(list) != 1 {
		t.Errorf("reviewers after the dismissal %+v", list)
	}
}
