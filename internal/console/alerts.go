package console

import (
	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/view"
)

type alertsPage struct {
	List    view.Page[view.Alert]
	Pages   pages
	Waiting bool
	Query   string
	// Incident leaves only the alerts of one.
	Incident string
	// Cut counts alerts that senders say they left out.
	Cut int
}

func (c *Console) alerts(v *visit) error {
	own := alertsPage{Waiting: v.query("waiting") != "", Query: v.query("q"), Incident: v.query("incident"), Cut: c.View.MembersCut()}
	if len(own.Query) > 200 {
		own.Query = ""
	}
	own.List = c.View.AllAlerts(view.AlertFilter{Waiting: own.Waiting, Query: own.Query, Incident: own.Incident}, v.offset(), view.PageSize)
	own.Pages = pagesOf(v, own.List)
	return c.show(v, "alerts", v.words.T("alerts.title"), true, own)
}

// titled is a title in the reader's language where Holdfast says it, and another
// sender's words as they are.
func titled(p *locale.Printer, title string, titles holdfast.Text) string {
	if titles.IsZero() {
		return title
	}
	return titles.In(p.Lang())
}

func alertTitle(p *locale.Printer, a view.Alert) string { return titled(p, a.Title, a.Titles) }

type alertPage struct {
	Alert view.Alert
	// Open are the incidents it can join.
	Open []view.Incident
}

func (c *Console) alert(v *visit) error {
	a, err := c.View.Alert(v.path("id"))
	if err != nil {
		return err
	}
	own := alertPage{Alert: a, Open: c.View.AllIncidents(true, "", 0, view.MaxPage).Items}
	return c.show(v, "alert", alertTitle(v.words, a), true, own)
}

func (c *Console) suspect(v *visit) error {
	a, err := c.View.Alert(v.path("id"))
	if err != nil {
		return err
	}
	id, err := c.Response.Suspect(v.r.Context(), v.by(), a.Title, []string{a.ID})
	if err != nil {
		return err
	}
	return v.seeOther("/incidents/"+id, "")
}

func (c *Console) attach(v *visit) error {
	id := v.form("incident")
	if err := c.Response.Attach(v.r.Context(), v.by(), id, v.path("id")); err != nil {
		return err
	}
	return v.seeOther("/incidents/"+id, "done")
}

func (c *Console) regroup(v *visit) error {
	home, err := c.Response.Regroup(v.r.Context(), v.by(), v.path("id"), v.form("to"), v.form("reason"))
	if err != nil {
		return err
	}
	return v.seeOther("/incidents/"+home, "done")
}

func (c *Console) dismissAlert(v *visit) error {
	if err := c.Alerts.Dismiss(v.r.Context(), v.by(), v.path("id"), v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/alerts/"+v.path("id"), "done")
}
