package console

import (
	"encoding/csv"
	"strconv"

	"holdfast/internal/enrolment"
	"holdfast/internal/payment"
	"holdfast/internal/view"
)

// unknownsPage answers: of which payments is the outcome not known, and who is to tell?
type unknownsPage struct {
	List   view.Page[view.Unknown]
	Pages  pages
	Query  view.UnknownQuery
	Export string
	Gates  []string
	// Waiting are resolutions that wait for a second person; Unheard has the identities among
	// them that a gate lists which has not told this node how far it is.
	Waiting []*enrolment.Resolution
	Unheard map[string]bool
}

// Stages are the stages to choose from.
func (unknownsPage) Stages() []string { return view.Stages }

// Searched says that something was asked for.
func (p unknownsPage) Searched() bool {
	return p.Query != view.UnknownQuery{Settled: p.Query.Settled}
}

// Outcomes are those that a person can say.
func (unknownsPage) Outcomes() []string {
	return []string{payment.Done.String(), payment.NotDone.String()}
}

// onResolution is a resolution with the page that it stands in.
type onResolution struct {
	*page
	Resolution *enrolment.Resolution
	Mine       bool
}

func (v *visit) unknownQuery() view.UnknownQuery {
	return view.UnknownQuery{
		Settled: v.query("settled") != "", Text: v.query("q"), Route: v.query("route"), Gate: v.query("gate"), Stage: v.query("stage"), Directive: v.query("directive"),
	}
}

func (c *Console) unknowns(v *visit) error {
	own := unknownsPage{Query: v.unknownQuery(), Unheard: map[string]bool{}}
	q := v.r.URL.Query()
	q.Del("offset")
	own.Export = "/unknowns.csv?" + q.Encode()
	own.List = c.View.Unknowns(own.Query, v.offset(), view.PageSize)
	own.Pages = pagesOf(v, own.List)
	for _, g := range c.View.AllGates() {
		own.Gates = append(own.Gates, g.Name)
	}
	for _, r := range c.View.Resolutions(0, view.MaxPage).Items {
		if r.State == enrolment.ResolutionAsked {
			own.Waiting = append(own.Waiting, &r)
			own.Unheard[r.Identity] = c.View.Unheard(r.Identity)
		}
	}
	return c.show(v, "unknowns", v.words.T("unknowns.title"), false, own)
}

// unknownsCSV exports the list, amounts in minor units, times in UTC. It holds
// identities unmasked: they are what the primary's people must look up.
func (c *Console) unknownsCSV(v *visit) error {
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="unknown-payments.csv"`)
	out := csv.NewWriter(v.w)
	_ = out.Write([]string{
		"identity", "gate", "route", "kind", "amount_minor", "currency", "admitted_at", "why", "outcome", "settled_at", "how",
		"stage", "inquiries", "inquiries_most", "last_answer", "last_answer_at", "next_inquiry_at", "resolution", "resolution_outcome", "resolution_state", "resolution_evidence", "primary",
	})
	for offset := 0; ; {
		list := c.View.Unknowns(v.unknownQuery(), offset, view.MaxPage)
		for _, u := range list.Items {
			_ = out.Write(append(unknownRow(u), primaryOf(u)))
		}
		if list.Next == 0 {
			break
		}
		offset = list.Next
	}
	out.Flush()
	return out.Error()
}

// primaryOf says which of two primaries has the payment.
func primaryOf(u view.Unknown) string {
	if u.Record.Second {
		return "second"
	}
	return "first"
}

func unknownRow(u view.Unknown) []string {
	row := []string{
		cell(u.Record.Identity), u.Gate, cell(u.Record.Route), cell(u.Record.Kind), strconv.FormatInt(u.Record.Amount, 10), cell(u.Record.Currency),
		instant(u.Record.At), cell(u.Why), u.Outcome.String(), instant(u.Settled), cell(u.How), u.Stage,
	}
	if a := u.Asked; a != nil {
		row = append(row, strconv.Itoa(a.Made), strconv.Itoa(a.Most), cell(a.Said), instant(a.At), instant(a.Due))
	} else {
		row = append(row, "", "", "", "", "")
	}
	if r := u.Resolution; r != nil {
		return append(row, r.ID, r.Outcome.String(), string(r.State), cell(r.Evidence))
	}
	return append(row, "", "", "", "")
}

func (c *Console) resolveUnknown(v *visit) error {
	u, err := c.View.UnknownCalled(v.path("key"))
	if err != nil {
		return err
	}
	f := enrolment.ResolutionForm{Identity: u.Record.Identity, Reason: v.form("reason"), Evidence: v.form("evidence")}
	if text := v.form("outcome"); text != "" {
		if err := f.Outcome.UnmarshalText([]byte(text)); err != nil {
			return err
		}
	}
	if _, err := c.Gates.Resolve(v.r.Context(), v.by(), f); err != nil {
		return err
	}
	return v.seeOther("/unknowns", "saved")
}

func (c *Console) answerResolution(v *visit) error {
	if err := c.Gates.AnswerResolution(v.r.Context(), v.by(), v.path("id"), v.form("granted") != "", v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/unknowns", "saved")
}

func (c *Console) withdrawResolution(v *visit) error {
	if err := c.Gates.WithdrawResolution(v.r.Context(), v.by(), v.path("id"), v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/unknowns", "saved")
}
