package console

import (
	"strings"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/locale"
	"holdfast/internal/response"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

// standInForm is where a stand-in is proposed, of an incident or, with "", of none.
type standInForm struct {
	Incident string
	Choices  []view.StandInChoice
}

func (c *Console) standInForm(incident string) standInForm {
	return standInForm{incident, c.View.StandInChoices(incident)}
}

// eachOf lists the stand-ins that may be proposed one by one.
func eachOf(choices []view.StandInChoice) (list []view.StandInChoice) {
	for _, c := range choices {
		if c.OneByOne {
			list = append(list, c)
		}
	}
	return list
}

func (c *Console) proposeStandIn(v *visit) error {
	temporary, terms, _ := strings.Cut(v.form("by"), "/")
	if terms != "planned" && terms != "unplanned" {
		return holdfast.Errorf(holdfast.Invalid, "%q names no terms of a stand-in: choose one of the form's", v.form("by")).At("by")
	}
	id, err := c.Response.StandIn(v.r.Context(), v.by(), v.who().Account, response.StandInWish{
		Temporary: temporary, Planned: terms == "planned", Incident: v.form("incident"), OneByOne: v.form("mode") == "each", Reason: v.form("reason"),
	})
	if err != nil {
		return err
	}
	return v.seeOther("/directives/"+id, "")
}

func (c *Console) goWithout(v *visit) error {
	w := directive.Without{Reason: v.form("reason"), Gates: v.r.PostForm["gate"]}
	return v.directed(c.Response.GoWithout(v.r.Context(), v.by(), v.who().Account, v.path("id"), w))
}

// queueLimitSaid puts a limit of the queue in words.
func queueLimitSaid(p *locale.Printer, l standin.Limit) string {
	return p.T("standing-in.queue-waits", "over", p.T("choice.limit-over."+string(l.Over)), "bound", boundSaid(p, l))
}

// boundSaid is how much a limit lets through.
func boundSaid(p *locale.Printer, l standin.Limit) string {
	var parts []string
	if l.Amount > 0 {
		parts = append(parts, p.Money(holdfast.Money{Minor: l.Amount, Currency: l.Currency}))
	}
	if l.Count > 0 {
		parts = append(parts, p.T("standing-in.count", "n", p.Int(l.Count)))
	}
	return strings.Join(parts, p.T("standing-in.and"))
}

// limitSaid puts a limit of a stand-in in words.
func limitSaid(p *locale.Printer, l standin.Limit) string {
	bound, over := boundSaid(p, l), p.T("choice.limit-over."+string(l.Over))
	switch {
	case l.Window > 0:
		return p.T("standing-in.in-window", "over", over, "bound", bound, "window", p.Span(l.Window))
	case l.Over == standin.EachPayment:
		return p.T("standing-in.at-most", "over", over, "bound", bound)
	}
	return p.T("standing-in.outstanding", "over", over, "bound", bound)
}

// standInEffect says what an act would do to payments that gates answer by themselves,
// and to those that wait to be delivered. self says that the act is on a stand-in.
func standInEffect(p *locale.Printer, effect any, act string, self bool) (said []string) {
	var e response.Preview
	switch of := effect.(type) {
	case response.Preview:
		e = of
	case *response.Preview:
		e = *of
	}
	ids := strings.Join(e.StandIns, p.T("plan.list-mark"))
	stood, pending := p.Int(e.StoodInPerMinute()), p.Int(e.Pending)
	switch {
	case act == "stop" && len(e.StandIns) > 0:
		said = append(said, p.T("effect.stood-in-stops", "n", stood, "ids", ids))
	case act == "lift" && self:
		said = append(said, p.T("effect.stood-in-ends", "n", stood, "ids", ids))
	case len(e.StandIns) > 0:
		said = append(said, p.T("effect.stood-in-stays", "n", stood, "ids", ids))
	}
	switch {
	case e.Pending == 0:
	case act == "lift" && (self || len(e.StandIns) == 0):
		said = append(said, p.T("effect.backlog-goes", "n", pending))
	case act == "stop" || act == "stand-in":
		said = append(said, p.T("effect.backlog-waits", "n", pending))
	}
	return said
}
