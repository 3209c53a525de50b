package console

import (
	"net/url"

	"holdfast/internal/access"
	"holdfast/internal/lint"
	"holdfast/internal/view"
	"holdfast/internal/waiver"
)

// waivedSeverity takes the place of the severity of what is waived, so that
// nobody counts it.
const waivedSeverity = "waived"

// waiving says of a finding that it is waived, or where the reader can waive it.
func (f *finding) waiving(v *visit, found lint.Finding) {
	switch {
	case found.Waived != nil:
		f.Waived, f.Severity = found.Waived, waivedSeverity
	case v.who().May(access.ApprovePlan) && lint.Waivable(found.Rule):
		f.Waive = "/waivers?" + url.Values{"rule": {found.Rule}, "path": {found.Anchor}}.Encode()
	}
}

// waiversPage is what somebody answers for although lint finds it.
type waiversPage struct {
	view.Page[view.Waiver]
	Pages  pages
	People []view.Person
	// Rule and Path are those of the finding that is to be accepted.
	Rule, Path string
	// Revoking is the waiver that was not revoked; its form keeps what was written.
	Revoking string
}

func (c *Console) waivers(v *visit) error {
	own := waiversPage{
		Page: c.View.AllWaivers(v.query("active") != "", v.offset(), view.PageSize), People: c.View.People(),
		Rule: v.query("rule"), Path: v.query("path"), Revoking: v.path("id"),
	}
	own.Pages = pagesOf(v, own.Page)
	if v.form("rule") != "" {
		own.Rule, own.Path = v.form("rule"), v.form("path")
	}
	return c.show(v, "waivers", v.words.T("waivers.title"), false, own)
}

func (c *Console) grantWaiver(v *visit) error {
	expires, err := v.day("expires")
	if err != nil {
		return err
	}
	f := waiver.Form{Rule: v.form("rule"), Path: v.form("path"), Owner: v.form("owner"), Reason: v.form("reason"), Expires: expires}
	if _, err := c.Waivers.Grant(v.r.Context(), v.by(), f); err != nil {
		return err
	}
	return v.seeOther("/waivers", "waived")
}

func (c *Console) revokeWaiver(v *visit) error {
	if err := c.Waivers.Revoke(v.r.Context(), v.by(), v.path("id"), v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/waivers", "revoked")
}
