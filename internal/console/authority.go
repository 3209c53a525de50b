package console

import (
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/authority"
	"holdfast/internal/view"
)

// authorityPage answers: who may decide on what now, and who stands in for whom?
type authorityPage struct {
	view.Authority
	Glasses     []view.Glass
	Delegations []view.Delegation
	// Others lets the reader delegate for somebody else.
	Others bool
	People []view.Person
	// Own is the reader's person, whose roles he can delegate.
	Own view.Person
	// Incident is the one that a break of the glass would be for.
	Incident string
	// All shows what is over as well.
	All bool
}

// shownGlasses is how many of each the page shows.
const shownGlasses = 100

func (c *Console) authority(v *visit) error {
	own := authorityPage{
		Authority: c.View.AllAuthority(v.query("incident")), All: v.query("all") != "", Others: v.who().May(access.ManageRoster),
		People: c.View.People(), Incident: v.query("incident"),
	}
	own.Glasses = c.View.Glasses(!own.All, 0, shownGlasses).Items
	own.Delegations = c.View.Delegations(!own.All, 0, shownGlasses).Items
	for _, p := range own.People {
		if p.Account != "" && p.Account == v.who().Account {
			own.Own = p
		}
	}
	return c.show(v, "authority", v.words.T("authority.title"), true, own)
}

func (c *Console) delegate(v *visit) error {
	until, err := c.moment(v, "until")
	if err != nil {
		return err
	}
	since, err := c.moment(v, "since")
	if err != nil {
		return err
	}
	g := authority.Given{From: v.form("from"), To: v.form("to"), Roles: v.r.PostForm["role"], Since: since, Until: until, Reason: v.form("reason")}
	if _, err := c.Authority.Delegate(v.r.Context(), v.by(), g, v.who().May(access.ManageRoster)); err != nil {
		return err
	}
	return v.seeOther("/authority", "delegated")
}

// moment reads a time of the reader's zone from a form; empty is none.
func (c *Console) moment(v *visit, field string) (time.Time, error) {
	text := strings.TrimSpace(v.form(field))
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation("2006-01-02T15:04", text, v.zone)
	if err != nil {
		return t, holdfast.Errorf(holdfast.Invalid, "%q is not a time: write day and time as 2026-11-25T18:30", text).At(field)
	}
	return t, nil
}

func (c *Console) endDelegation(v *visit) error {
	return v.authorityDone(c.Authority.EndDelegation(v.r.Context(), v.by(), v.path("id"), v.form("reason"), v.who().May(access.ManageRoster)))
}

func (c *Console) breakGlass(v *visit) error {
	if _, err := c.Authority.BreakGlass(v.r.Context(), v.by(), v.form("reason"), v.form("incident")); err != nil {
		return err
	}
	return v.seeOther("/authority", "broken")
}

func (c *Console) endGlass(v *visit) error {
	return v.authorityDone(c.Authority.EndGlass(v.r.Context(), v.by(), v.path("id"), v.form("reason")))
}

func (c *Console) judgeGlass(v *visit) error {
	return v.authorityDone(c.Authority.Judge(v.r.Context(), v.by(), v.path("id"), v.form("right") == "yes", v.form("reason")))
}

func (v *visit) authorityDone(err error) error {
	if err != nil {
		return err
	}
	return v.seeOther("/authority", "done")
}
