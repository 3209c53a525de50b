package debrief

import (
	"strings"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/payment"
)

// blocks are what became of payments of unknown outcome: sums, the payments, and what people
// said of them.
func (o *Outcomes) blocks(e Edition) []docx.Block {
	if o == nil {
		return nil
	}
	count := func(n int) string { return e.number(int64(n), o.AtLeast) }
	sums := docx.T([]string{e.t("item"), e.t("count")})
	sums.Rows = append(sums.Rows,
		[]string{e.t("outcomes-open"), e.Words.Int(int64(o.Open))}, []string{e.t("told-by.primary"), count(o.Primary)},
		[]string{e.t("told-by.file"), count(o.File)}, []string{e.t("told-by.person"), count(o.Person)})
	blocks := []docx.Block{sums}
	blocks = append(blocks, rows(e, []string{e.t("outcome-payment"), e.t("amount"), e.t("outcome-sent"), e.t("outcome-became")}, o.Payments, func(p UnknownPayment) []string {
		return []string{p.Identity + "\n" + p.Gate, e.money(p.Amount, p.Currency), e.at(p.Sent), e.became(p)}
	})...)
	if o.Left > 0 {
		blocks = append(blocks, docx.P(e.t("outcomes-left", "n", e.Words.Int(int64(o.Left)))))
	}
	blocks = append(blocks, rows(e, []string{e.t("outcome-payment"), e.t("outcome-said"), e.t("by"), e.t("why")}, o.Resolutions, func(r Resolved) []string {
		said := e.outcome(r.Outcome) + "\n" + e.Words.T("resolution.state."+r.State)
		if r.Contradicted {
			said += "\n" + e.Words.T("unknowns.contradicted")
		}
		by := r.By + " · " + e.at(r.At)
		if r.Second != "" {
			by += "\n→ " + strings.TrimSpace(r.Second+" · "+e.at(r.Answered)+" "+r.WhyNot)
		}
		return []string{r.Identity + "\n" + e.money(r.Amount, r.Currency), said, by, e.Words.T("resolution.rests-on", "reason", r.Reason, "evidence", r.Evidence)}
	})...)
	if o.ResolutionsLeft > 0 {
		blocks = append(blocks, docx.P(e.t("resolutions-left", "n", e.Words.Int(int64(o.ResolutionsLeft)))))
	}
	return blocks
}

// became is who is to tell what became of a payment, or what did and who told.
func (e Edition) became(p UnknownPayment) string {
	text := e.outcome(p.Outcome)
	if p.Stage != "" {
		text += "\n" + e.Words.T("unknowns.stage."+p.Stage)
	}
	if p.By != "" {
		text += "\n" + e.t("told-by."+p.By) + " · " + e.at(p.Settled)
	}
	return text
}

func (e Edition) outcome(o payment.Outcome) string { return e.Words.T("outcome." + o.String()) }

func (e Edition) money(minor int64, currency string) string {
	if currency == "" {
		return e.t("not-known")
	}
	return e.Words.Money(holdfast.Money{Minor: minor, Currency: currency})
}
