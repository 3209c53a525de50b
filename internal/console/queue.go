package console

import (
	"encoding/csv"
	"net/url"
	"strconv"

	"holdfast/internal/access"
	"holdfast/internal/view"
)

// queueRoutes are the screens of payments that wait for the primary.
var queueRoutes = []route{
	{"GET /stand-in/queue", access.Read, (*Console).queue, nil},
	{"GET /stand-in/queue.csv", access.Read, (*Console).queueCSV, nil},
}

// queuePage answers: which payments wait for the primary, and whose customers must be told
// that theirs has expired?
type queuePage struct {
	view.Queue
	Query  view.QueueQuery
	Export string
}

// MoreWaiting reports whether more wait than are listed.
func (p queuePage) MoreWaiting() bool {
	return p.Query == view.QueueQuery{} && p.AllWaiting > int64(len(p.Waiting))
}

// MoreExpired reports whether more have expired than are listed.
func (p queuePage) MoreExpired() bool {
	return p.Query == view.QueueQuery{} && p.AllExpired > int64(len(p.Expired))
}

func (c *Console) queue(v *visit) error {
	q := view.QueueQuery{Directive: v.query("directive"), Text: v.query("q")}
	own := queuePage{Queue: c.View.Queue(q), Query: q, Export: "/stand-in/queue.csv?" + url.Values{"directive": {q.Directive}, "q": {q.Text}}.Encode()}
	return c.show(v, "queue", v.words.T("queue.title"), true, own)
}

// queueCSV exports both lists, with identities: they are what customers are found by.
func (c *Console) queueCSV(v *visit) error {
	list := c.View.Queue(view.QueueQuery{Directive: v.query("directive"), Text: v.query("q")})
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="queue.csv"`)
	out := csv.NewWriter(v.w)
	_ = out.Write([]string{"state", "identity", "directive", "amount_minor", "currency", "route", "channel", "payer", "queued_at", "expires_at", "reason", "responsible"})
	for _, part := range []struct {
		state string
		list  []view.Queued
	}{{"waiting", list.Waiting}, {"expired", list.Expired}} {
		for _, p := range part.list {
			_ = out.Write([]string{
				part.state, cell(p.Identity), p.Directive, strconv.FormatInt(p.Amount, 10), p.Currency, cell(p.Route), cell(p.Channel), p.Payer,
				instant(p.At), instant(p.Until), p.Reason, p.Owner.ID,
			})
		}
	}
	out.Flush()
	return out.Error()
}
