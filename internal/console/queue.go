package console

import (
	"encoding/csv"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"holdfast/internal/access"
	"holdfast/internal/reconciliation"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

// queueRoutes are the screens of payments that wait for the primary.
var queueRoutes = []route{
	{"GET /stand-in/queue", access.Read, (*Console).queue, nil},
	{"GET /stand-in/queue.csv", access.Read, (*Console).queueCSV, nil},
	{"POST /stand-in/queue/looked-after", access.RunIncident, (*Console).lookAfter, (*Console).queue},
}

// queuePage answers: which payments wait for the primary, and whose customers must be told
// that theirs has expired?
type queuePage struct {
	view.Queue
	Query  view.QueueQuery
	Export string
	// Cared shows what was looked after, List, instead of what waits and has expired.
	Cared bool
	List  view.Page[view.Queued]
	Pages pages
	// Mine are the roles that the reader fills.
	Mine map[string]bool
}

// MoreWaiting reports whether more wait than are listed.
func (p queuePage) MoreWaiting() bool {
	return p.Query == view.QueueQuery{} && p.AllWaiting > int64(len(p.Waiting))
}

// MoreExpired reports whether more have expired and are not looked after than are listed.
func (p queuePage) MoreExpired() bool {
	return p.Query == view.QueueQuery{} && p.AllOpen > int64(len(p.Expired))
}

// Cares are what can be done about an expired payment.
func (queuePage) Cares() []standin.Care { return standin.Cares }

// ForMe reports whether the reader is the one to look after an expired payment.
func (p queuePage) ForMe(q view.Queued) bool {
	return q.Open() && (q.Owner.ID == "" || p.Mine[q.Owner.ID])
}

// AnyForMe reports whether the reader is to look after any of those that are listed.
func (p queuePage) AnyForMe() bool {
	for _, q := range p.Expired {
		if p.ForMe(q) {
			return true
		}
	}
	return false
}

func (v *visit) queueQuery() view.QueueQuery {
	return view.QueueQuery{Directive: v.query("directive"), Text: v.query("q")}
}

func (c *Console) queue(v *visit) error {
	q := v.queueQuery()
	own := queuePage{Queue: c.View.Queue(q), Query: q, Cared: v.query("looked-after") != "", Export: "/stand-in/queue.csv?" + url.Values{"directive": {q.Directive}, "q": {q.Text}}.Encode()}
	if own.Cared {
		own.List = c.View.LookedAfter(q, v.offset(), view.PageSize)
		own.Pages = pagesOf(v, own.List)
	}
	var roles []string
	for _, p := range own.Expired {
		roles = append(roles, p.Owner.ID)
	}
	own.Mine = c.View.Fills(v.who().Account, roles...)
	return c.show(v, "queue", v.words.T("queue.title"), true, own)
}

// lookAfter records what the reader did about the ticked payments.
func (c *Console) lookAfter(v *visit) error {
	f := reconciliation.CareForm{Note: v.form("note")}
	of := map[string][]string{} // by source
	if text := v.form("care"); text != "" {
		if err := f.Care.UnmarshalText([]byte(text)); err != nil {
			return err
		}
	}
	for _, key := range v.r.PostForm["payment"] {
		e, err := c.View.ExpiredCalled(key)
		if err != nil {
			return err
		}
		of[e.Source] = append(of[e.Source], e.Identity)
	}
	if len(of) == 0 {
		of[""] = nil // it is refused with what is missing
	}
	for _, source := range slices.Sorted(maps.Keys(of)) {
		f.Source, f.Payments = source, of[source]
		if _, err := c.Reconciliation.LookAfter(v.r.Context(), v.by(), f); err != nil {
			return err
		}
	}
	return v.seeOther("/stand-in/queue", "saved")
}

// queueCSV exports what waits, what has expired and what was looked after, with identities:
// they are what customers are found by.
func (c *Console) queueCSV(v *visit) error {
	q := v.queueQuery()
	list := c.View.Queue(q)
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="queue.csv"`)
	out := csv.NewWriter(v.w)
	_ = out.Write(queueColumns)
	write := func(state string, list []view.Queued) {
		for _, p := range list {
			_ = out.Write(queueRow(state, p))
		}
	}
	write("waiting", list.Waiting)
	write("expired", list.Expired)
	for offset := 0; ; {
		cared := c.View.LookedAfter(q, offset, view.MaxPage)
		write("looked-after", cared.Items)
		if cared.Next == 0 {
			break
		}
		offset = cared.Next
	}
	out.Flush()
	return out.Error()
}

// queueColumns are those of the export: amounts in minor units, times in UTC.
var queueColumns = []string{
	"state", "identity", "directive", "amount_minor", "currency", "route", "channel", "payer", "queued_at", "expires_at", "reason", "responsible",
	"decision", "looked_after", "looked_after_state", "looked_after_by", "looked_after_at", "note",
}

func queueRow(state string, p view.Queued) []string {
	row := []string{
		state, cell(p.Identity), p.Directive, strconv.FormatInt(p.Amount, 10), cell(p.Currency), cell(p.Route), cell(p.Channel), cell(p.Payer),
		instant(p.At), instant(p.Until), cell(p.Reason), cell(p.Owner.ID),
	}
	d := p.Decision
	if d == nil {
		return append(row, "", "", "", "", "", "")
	}
	return append(row, d.ID, d.Care.String(), string(d.State), cell(d.By.Name), instant(d.At), cell(d.Note))
}
