package console

import (
	"slices"
	"strings"
	"time"

	"holdfast/internal/access"
	"holdfast/internal/settlement"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

// settlementRoutes are the screens of the primary's settlement files.
var settlementRoutes = []route{
	{"GET /stand-in/settlements", access.Read, (*Console).settlements, nil},
	{"POST /stand-in/settlements", access.RunIncident, (*Console).offerSettlement, (*Console).settlements},
	{"POST /stand-in/settlement-mappings", access.RunIncident, (*Console).saveMapping, (*Console).settlements},
	{"GET /stand-in/settlements/{id}", access.Read, (*Console).settlement, nil},
	{"POST /stand-in/settlements/{id}/confirm", access.RunIncident, (*Console).confirmSettlement, (*Console).settlement},
	{"POST /stand-in/settlements/{id}/answer", access.Approve, (*Console).answerSettlement, (*Console).settlement},
	{"POST /stand-in/settlements/{id}/withdraw", access.RunIncident, (*Console).withdrawSettlement, (*Console).settlement},
}

// settlementsPage answers: which settlement files came, and what became of them?
type settlementsPage struct {
	view.Page[view.Settlement]
	Pages    pages
	Mappings []settlement.Mapping
	// Edit is the mapping in the form.
	Edit settlement.Mapping
	// Today is the day in the operator's zone.
	Today string
}

func (c *Console) settlements(v *visit) error {
	own := settlementsPage{Page: c.View.Settlements(v.offset(), view.PageSize), Mappings: c.View.SettlementMappings()}
	own.Pages, own.Today = pagesOf(v, own.Page), c.Desk.Now().In(c.Zone).AddDate(0, 0, -1).Format(time.DateOnly)
	own.Edit = settlement.Mapping{Unit: settlement.Decimal, Zone: c.Zone.String()}
	for _, m := range own.Mappings {
		if m.Name == v.query("mapping") {
			own.Edit = m
		}
	}
	if v.form("unit") != "" {
		own.Edit = v.mapping()
	}
	return c.show(v, "settlements", v.words.T("settlement.title"), true, own)
}

// mapping reads the form of a mapping.
func (v *visit) mapping() settlement.Mapping {
	text := func(name string) string { return strings.TrimSpace(v.form(name)) }
	return settlement.Mapping{
		Name: text("name"), Separator: text("separator"), Identity: wordsOf(v.form("identity")), Join: v.form("join"), Amount: text("amount"), Unit: text("unit"),
		Thousands: v.form("thousands"), Decimal: text("decimal"), Currency: text("currency"), CurrencyIs: strings.ToUpper(text("currency_is")),
		Status: text("status"), Done: wordsOf(v.form("done")), NotDone: wordsOf(v.form("not_done")), Ignored: wordsOf(v.form("ignored")),
		Zone: text("zone"), DayBegins: text("day_begins"), Complete: v.form("complete") != "",
	}
}

// wordsOf reads texts that stand on lines of their own, or between commas.
func wordsOf(text string) (list []string) {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' || r == ',' || r == '，' || r == '、' }) {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

func (c *Console) saveMapping(v *visit) error {
	m := v.mapping()
	if err := c.Settlement.SaveMapping(v.r.Context(), v.by(), m); err != nil {
		return err
	}
	return v.seeOther("/stand-in/settlements", "saved")
}

func (c *Console) offerSettlement(v *visit) error {
	name, content, err := uploaded(v)
	if err != nil {
		return err
	}
	id, err := c.Settlement.Offer(v.r.Context(), v.by(), v.form("mapping"), v.form("day"), name, content)
	if err != nil {
		return err
	}
	return v.seeOther("/stand-in/settlements/"+id, "")
}

// settlementPage answers: what does this file say, and what does it change?
type settlementPage struct {
	view.Settlement
	Found    []view.SettlementFound
	Refusals []view.SettlementRefusal
	// More says that not all findings are listed.
	More bool
	// Mine says that the reader confirmed it.
	Mine bool
}

// Ready says that a person may confirm it.
func (p settlementPage) Ready() bool {
	return p.State == settlement.Offered && len(p.Missing) == 0 && p.Changes > 0
}

// Bad says how a finding looks, as a class of style.
func (settlementPage) Bad(f standin.FileFinding) string {
	switch f {
	case standin.FileAgrees, standin.FileSettles, standin.FileDenies:
		return "good"
	case standin.FileOpen:
		return "calm"
	}
	return "bad"
}

func (c *Console) settlement(v *visit) error {
	s, err := c.View.SettlementOf(v.path("id"))
	if err != nil {
		return err
	}
	refusals, err := c.View.SettlementRefusals(v.r.Context(), s.ID)
	if err != nil {
		return err
	}
	own := settlementPage{Settlement: s, Found: s.Found(), Mine: s.ConfirmedBy != nil && v.by().SameParty(*s.ConfirmedBy)}
	for _, r := range refusals {
		own.Refusals = append(own.Refusals, view.SettlementRefusal{Line: r.Line, Message: v.words.Error(r.Err)})
	}
	total := int64(0)
	for _, t := range s.Tallies {
		if t.Finding != standin.FileAgrees {
			total += t.Count
		}
	}
	own.More = total > int64(len(own.Found))
	slices.SortStableFunc(own.Found, func(a, b view.SettlementFound) int {
		return slices.Index(standin.FileFindings[:], b.Finding) - slices.Index(standin.FileFindings[:], a.Finding)
	})
	return c.show(v, "settlement", v.words.T("settlement.title"), true, own)
}

func (c *Console) confirmSettlement(v *visit) error {
	if err := c.Settlement.Confirm(v.r.Context(), v.by(), v.path("id"), v.form("note")); err != nil {
		return err
	}
	return v.seeOther("/stand-in/settlements/"+v.path("id"), "saved")
}

func (c *Console) answerSettlement(v *visit) error {
	if err := c.Settlement.Answer(v.r.Context(), v.by(), v.path("id"), v.form("granted") != "", v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/stand-in/settlements/"+v.path("id"), "saved")
}

func (c *Console) withdrawSettlement(v *visit) error {
	if err := c.Settlement.Withdraw(v.r.Context(), v.by(), v.path("id"), v.form("note")); err != nil {
		return err
	}
	return v.seeOther("/stand-in/settlements/"+v.path("id"), "saved")
}
