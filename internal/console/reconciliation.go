package console

import (
	"cmp"
	"encoding/csv"
	"slices"
	"strconv"
	"time"

	"holdfast/internal/access"
	"holdfast/internal/locale"
	"holdfast/internal/reconciliation"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

// reconciliationRoutes are the screens of what became of payments that gates approved.
var reconciliationRoutes = []route{
	{"GET /stand-in", access.Read, (*Console).reconcile, nil},
	{"GET /stand-in/reconciliation.csv", access.Read, (*Console).reconcileCSV, nil},
	{"POST /stand-in/close-outs", access.RunRamp, (*Console).closeStandIn, (*Console).reconcile},
	{"POST /stand-in/losses", access.RunRamp, (*Console).giveUpSource, (*Console).reconcile},
	{"GET /stand-in/shadow", access.Read, (*Console).shadow, nil},
	{"GET /stand-in/shadow.csv", access.Read, (*Console).shadowCSV, nil},
	{"GET /stand-in/exceptions", access.Read, (*Console).exceptions, nil},
	{"GET /stand-in/exceptions.csv", access.Read, (*Console).exceptionsCSV, nil},
	{"POST /stand-in/exceptions/{key}", access.RunIncident, (*Console).resolveException, (*Console).exceptions},
	{"POST /stand-in/decisions/{id}/answer", access.Approve, (*Console).answerReconciliation, (*Console).exceptions},
}

// Parts of the pages below.
type (
	tallyOf struct {
		standin.Tally
		Currency string
	}
	onException struct {
		*page
		Root      *page
		Exception view.Exception
	}
	// answering is the form of a second person; Mine says that the reader asked.
	answering struct {
		*page
		Decision *reconciliation.Decision
		Closing  string
		Mine     bool
	}
	onUntold struct {
		Root   *page
		Untold view.UntoldStandIn
	}
	onClosing struct {
		Root     *page
		Account  reconciliation.Account
		Decision *reconciliation.Decision
		Shards   int
	}
)

// causeSaid says why the primary was not asked. Gates of a newer version may know more causes.
func causeSaid(p *locale.Printer, cause string) string {
	if !p.Has("exceptions.cause." + cause) {
		return cause
	}
	return p.T("exceptions.cause." + cause)
}

// declined says why stand-in declined. Gates of a newer version may know more reasons.
func declined(p *locale.Printer, reason string) string {
	if !p.Has("reconcile.reason." + reason) {
		return reason
	}
	return p.T("reconcile.reason." + reason)
}

// reconcilePage answers: is everything that we approved accounted for?
type reconcilePage struct {
	view.Reconciliation
	Parts []sourcePart
}

// sourcePart is what a source says, as the screen shows it.
type sourcePart struct {
	reconciliation.Source
	Bars []useBar
	// Complete: every shard was told of. Old: not lately.
	Complete, Old bool
	// Age is that of the payers' snapshot.
	Age time.Duration
}

// useBar is the use of a limit, by amount or by count.
type useBar struct {
	standin.Use
	ByCount bool
	// Share is in percent of the limit; more than 100 is drawn as 100.
	Share float64
}

// Near says how near a use is to its limit, as a class of style.
func (b useBar) Near() string {
	switch {
	case b.Share >= 95:
		return "bad"
	case b.Share >= 75:
		return "warn"
	}
	return "good"
}

// oldFigures is the age from which figures are marked as old: gates tell every two
// seconds.
const oldFigures = 30 * time.Second

func sourcePartOf(s reconciliation.Source, now time.Time) sourcePart {
	part := sourcePart{Source: s, Complete: s.Heard == s.Shards, Old: now.Sub(s.AsOf) > oldFigures}
	if !s.Payers.IsZero() {
		part.Age = max(now.Sub(s.Payers), 0).Round(time.Second)
	}
	for _, u := range s.Uses {
		for _, b := range []useBar{{u, false, shareOf(u.Used.Amount, u.Limit.Amount)}, {u, true, shareOf(u.Used.Count, u.Limit.Count)}} {
			if b.ByCount && u.Limit.Count > 0 || !b.ByCount && u.Limit.Amount > 0 {
				part.Bars = append(part.Bars, b)
			}
		}
	}
	return part
}

func shareOf(used, limit int64) float64 {
	if limit <= 0 {
		return 0
	}
	return float64(used) / float64(limit) * 100
}

func (c *Console) reconcile(v *visit) error {
	r, err := c.View.Reconcile("")
	if err != nil {
		return err
	}
	own := reconcilePage{Reconciliation: r}
	for _, s := range r.Sources {
		own.Parts = append(own.Parts, sourcePartOf(s, c.Desk.Now()))
	}
	return c.show(v, "reconciliation", v.words.T("reconcile.title"), true, own)
}

// standInLeft is how much waits to be forwarded, and for people.
type standInLeft struct {
	Pending, Exceptions int64
	Sources             []reconciliation.Source
	// Contradicted are those whose source was given up and is told of.
	Contradicted []view.UntoldStandIn
}

func (c *Console) standInLeft() (*standInLeft, error) {
	r, err := c.View.Reconcile("")
	if err != nil {
		return nil, err
	}
	left, some := standInLeft{Exceptions: r.Unresolved, Sources: r.Sources}, false
	for _, s := range r.Sources {
		left.Pending += s.Pending.Count
		some = some || slices.ContainsFunc(s.Accounts, func(a reconciliation.Account) bool { return !a.Settled && !a.Lost })
	}
	for _, u := range r.Untold {
		if u.Contradicted() {
			left.Contradicted, some = append(left.Contradicted, u), true
		}
	}
	if !some {
		return nil, nil
	}
	return &left, nil
}

// reconcileCSV exports the figures: amounts in minor units, times in UTC.
func (c *Console) reconcileCSV(v *visit) error {
	r, err := c.View.Reconcile("")
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="reconciliation.csv"`)
	out := csv.NewWriter(v.w)
	head := []string{"source", "directive", "kind", "currency", "as_of", "shards_told", "shards", "holds"}
	for _, name := range []string{"approved", "delivered", "pending", "exception", "reversed", "difference", "declined", "unresolved"} {
		head = append(head, name+"_count", name+"_minor")
	}
	_ = out.Write(head)
	for _, s := range r.Sources {
		for _, a := range s.Accounts {
			for _, l := range a.Lines {
				row := []string{s.ID, a.Directive, l.Kind.String(), l.Currency, instant(s.AsOf), itoa(s.Heard), itoa(s.Shards), strconv.FormatBool(l.Holds && a.Holds)}
				for _, t := range []standin.Tally{l.Approved, l.Delivered, l.Pending, l.Exception, l.Reversed, l.Difference, l.Declined, l.Unresolved} {
					row = append(row, strconv.FormatInt(t.Count, 10), strconv.FormatInt(t.Amount, 10))
				}
				_ = out.Write(row)
			}
		}
	}
	out.Flush()
	return out.Error()
}

func (c *Console) closeStandIn(v *visit) error {
	if _, err := c.Reconciliation.Close(v.r.Context(), v.by(), v.form("directive"), v.form("note")); err != nil {
		return err
	}
	return v.seeOther("/stand-in", "saved")
}

func (c *Console) giveUpSource(v *visit) error {
	f := reconciliation.LostForm{Directive: v.form("directive"), Reason: v.form("reason"), Evidence: v.form("evidence")}
	if _, err := c.Reconciliation.GiveUp(v.r.Context(), v.by(), f); err != nil {
		return err
	}
	return v.seeOther("/stand-in", "saved")
}

// exceptionsPage answers: which payments must a person decide on, and what is known of
// each?
type exceptionsPage struct {
	view.Page[view.Exception]
	Pages pages
	Query view.ExceptionQuery
	// Unresolved is how many there are; of many, gates tell the oldest.
	Unresolved int64
	// More says that gates have not told of all.
	More   bool
	Export string
}

func (v *visit) exceptionQuery() view.ExceptionQuery {
	return view.ExceptionQuery{Decided: v.query("decided") != "", Directive: v.query("directive"), Text: v.query("q")}
}

func (c *Console) exceptions(v *visit) error {
	r, err := c.View.Reconcile("")
	if err != nil {
		return err
	}
	own := exceptionsPage{Query: v.exceptionQuery(), Unresolved: r.Unresolved, Export: "/stand-in/exceptions.csv?" + v.r.URL.Query().Encode()}
	own.Page = c.View.Exceptions(own.Query, v.offset(), view.PageSize)
	own.Pages, own.More = pagesOf(v, own.Page), own.Unresolved > int64(own.Total)
	return c.show(v, "exceptions", v.words.T("exceptions.title"), true, own)
}

// exceptionsCSV exports the list, with identities: they are what the primary's people
// must look up.
func (c *Console) exceptionsCSV(v *visit) error {
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="exceptions.csv"`)
	out := csv.NewWriter(v.w)
	_ = out.Write(exceptionColumns)
	for offset := 0; ; {
		list := c.View.Exceptions(v.exceptionQuery(), offset, view.MaxPage)
		for _, e := range list.Items {
			_ = out.Write(exceptionRow(e))
		}
		if list.Next == 0 {
			break
		}
		offset = list.Next
	}
	out.Flush()
	return out.Error()
}

// exceptionColumns are those of the export: amounts in minor units, times in UTC.
var exceptionColumns = []string{
	"identity", "directive", "kind", "amount_minor", "currency", "route", "channel", "why", "decided_at", "exception_since", "approved", "attempts", "inquiries", "first_attempt", "last_attempt",
	"cause", "reason", "owner", "profile", "profile_version", "attempts_allowed", "inquiries_allowed", "pending_since", "expires_at", "primary_said", "primary_status", "primary_said_at",
	"file", "file_day", "file_line", "file_amount_minor", "file_currency", "file_done", "decision", "how", "state", "asked_by", "second", "note",
}

func exceptionRow(e view.Exception) []string {
	row := []string{
		cell(e.Identity), e.Directive, e.Kind.String(), strconv.FormatInt(e.Amount, 10), cell(e.Currency), cell(e.Route), cell(e.Channel), e.Why.String(),
		instant(e.Decided), instant(e.Since), strconv.FormatBool(e.Approved), itoa(e.Attempts), itoa(e.Inquiries), instant(e.First), instant(e.Last),
	}
	row = append(row, evidenceCells(e)...)
	d := e.Decision
	if d == nil {
		return append(row, "", "", "", "", "", "")
	}
	second := ""
	if d.Second != nil {
		second = d.Second.Name
	}
	return append(row, d.ID, d.How.String(), string(d.State), cell(d.By.Name), cell(second), cell(d.Note))
}

// evidenceCells are the cells of a row that say what is known beside the payment itself.
func evidenceCells(e view.Exception) []string {
	var terms view.ExceptionTerms
	allowed := [2]string{}
	if e.Terms != nil {
		terms = *e.Terms
		allowed = [2]string{itoa(terms.Attempts), itoa(terms.Inquiries)}
	}
	row := []string{cell(e.Cause), cell(e.Reason), cell(e.Owner.ID), cell(terms.Profile), cell(e.Version), allowed[0], allowed[1], instant(e.Pending), instant(terms.Expires)}
	if e.Reply == nil {
		row = append(row, "", "", "")
	} else {
		row = append(row, e.Reply.Said.String(), itoa(int(e.Reply.Status)), instant(e.Replied))
	}
	f := e.File
	if f == nil {
		return append(row, "", "", "", "", "", "")
	}
	return append(row, cell(cmp.Or(f.Name, f.ID)), cell(f.Day), itoa(f.Line), strconv.FormatInt(f.Amount, 10), cell(f.Currency), strconv.FormatBool(f.Done))
}

func (c *Console) resolveException(v *visit) error {
	e, err := c.View.ExceptionCalled(v.path("key"))
	if err != nil {
		return err
	}
	f := reconciliation.Form{Identity: e.Identity, Source: e.Source, Note: v.form("note")}
	if err := f.How.UnmarshalText([]byte(v.form("how"))); err != nil {
		return err
	}
	if _, err := c.Reconciliation.Resolve(v.r.Context(), v.by(), f); err != nil {
		return err
	}
	return v.seeOther("/stand-in/exceptions", "saved")
}

// answerReconciliation answers a decision, and returns to the page that showed it.
func (c *Console) answerReconciliation(v *visit) error {
	if err := c.Reconciliation.Answer(v.r.Context(), v.by(), v.path("id"), v.form("granted") != "", v.form("reason")); err != nil {
		return err
	}
	if v.form("closing") != "" {
		return v.seeOther("/stand-in", "saved")
	}
	return v.seeOther("/stand-in/exceptions", "saved")
}
