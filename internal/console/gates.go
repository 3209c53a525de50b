package console

import (
	"encoding/csv"
	"strconv"
	"time"

	"holdfast/internal/enrolment"
	"holdfast/internal/payment"
	"holdfast/internal/view"
)

type gatesPage struct{ Gates []view.Gate }

func (c *Console) gates(v *visit) error {
	return c.show(v, "gates", v.words.T("gates.title"), true, gatesPage{c.View.AllGates()})
}

type gatePage struct{ Gate view.Gate }

func (c *Console) gate(v *visit) error {
	g, err := c.View.Gate(v.path("name"))
	if err != nil {
		return err
	}
	return c.show(v, "gate", g.Name, true, gatePage{g})
}

func (c *Console) retire(v *visit) error {
	if err := c.Gates.Retire(v.r.Context(), v.by(), v.path("name"), v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/gates/"+v.path("name"), "done")
}

type unknownsPage struct {
	List    view.Page[enrolment.Unknown]
	Pages   pages
	Settled bool
}

func (c *Console) unknowns(v *visit) error {
	own := unknownsPage{Settled: v.query("settled") != ""}
	own.List = c.View.Unknowns(own.Settled, v.offset(), view.PageSize)
	own.Pages = pagesOf(v, own.List)
	return c.show(v, "unknowns", v.words.T("unknowns.title"), true, own)
}

// unknownsCSV exports the list, amounts in minor units, times in UTC. It holds
// identities unmasked: they are what the primary's people must look up.
func (c *Console) unknownsCSV(v *visit) error {
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="unknown-payments.csv"`)
	out := csv.NewWriter(v.w)
	_ = out.Write([]string{"identity", "gate", "route", "kind", "amount_minor", "currency", "admitted_at", "why", "outcome", "settled_at", "how"})
	for offset := 0; ; {
		list := c.View.Unknowns(v.query("settled") != "", offset, view.MaxPage)
		for _, u := range list.Items {
			_ = out.Write([]string{
				cell(u.Record.Identity), u.Gate, u.Record.Route, u.Record.Kind, strconv.FormatInt(u.Record.Amount, 10), u.Record.Currency,
				instant(u.Record.At), u.Why, u.Outcome.String(), instant(u.Settled), u.How,
			})
		}
		if list.Next == 0 {
			break
		}
		offset = list.Next
	}
	out.Flush()
	return out.Error()
}

// cell keeps a spreadsheet from taking a text for a formula, and a card number
// that a client used as its key from leaving the system.
func cell(s string) string {
	s = payment.Mask(s)
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@') {
		return "'" + s
	}
	return s
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
