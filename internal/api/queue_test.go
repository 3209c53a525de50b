package api

import (
	"encoding/json"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

// What expired in the queue is looked after by the API, once, and stands in its list when
// the gate has recorded it.
func TestLookAfter(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	reader, duty := n.token(t, access.Read), n.token(t, access.RunIncident)
	of := standin.ShardSummary{Epoch: 1, Standing: []standin.Standing{{Directive: "d1", Opened: now}}, Expired: []standin.QueuedPayment{
		{Identity: "app/k1", Directive: "d1", Amount: 900, Currency: "CNY", At: now, Until: now.Add(time.Hour)},
	}}
	tell := func(carried ...standin.Carried) {
		if _, err := n.api.Reconciliation.Told(t.Context(), "east", standin.Summary{Source: "s1", At: now, Shards: 1, Of: []standin.ShardSummary{of}, Carried: carried}); err != nil {
			t.Fatal(err)
		}
	}
	tell()
	const path = "/reconciliation/queue/looked-after"
	wantProblem(t, "another payment", n.call("POST", path, duty, `{"payments":["app/k2"],"care":"told","note":"by phone"}`), 404, holdfast.NotFound, "payments")
	wantProblem(t, "no such word", n.call("POST", path, duty, `{"payments":["app/k1"],"care":"ignored","note":"by phone"}`), 400, holdfast.Invalid, "care")
	const form = `{"payments":["app/k1"],"care":"told","note":"by phone"}`
	var made CreatedAll
	w := n.call("POST", path, duty, form)
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != 201 || len(made.IDs) != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	wantProblem(t, "twice", n.call("POST", path, duty, form), 409, holdfast.Conflict, "payments")
	if q := get[view.Queue](t, n, reader, "/reconciliation/queue"); len(q.Expired) != 1 || q.Expired[0].Decision == nil || q.Expired[0].Decision.ID != made.IDs[0] {
		t.Errorf("%+v", q.Expired)
	}
	of.Expired = nil
	tell(standin.Carried{ID: made.IDs[0]})
	if list := get[view.Page[view.Queued]](t, n, reader, path+"?q=k1"); len(list.Items) != 1 || list.Items[0].Decision.Note != "by phone" || list.Items[0].Decision.Care != standin.ToldCustomer {
		t.Errorf("%+v", list.Items)
	}
}
