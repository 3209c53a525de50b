package console

import (
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/posture"
	"holdfast/internal/view"
)

type directivesPage struct {
	List  view.Page[view.Directive]
	Pages pages
	// StandIn is where a stand-in is proposed.
	StandIn standInForm
	Reroute rerouteForm
}

func (c *Console) directives(v *visit) error {
	own := directivesPage{List: c.View.AllDirectives(v.offset(), view.PageSize), StandIn: c.standInForm(v.form("incident")), Reroute: c.rerouteForm(v.form("incident"))}
	own.Pages = pagesOf(v, own.List)
	return c.show(v, "directives", v.words.T("directives.title"), true, own)
}

type directivePage struct{ Directive view.Directive }

// effectOf is what consent to what waits at a directive would do: of a kind of
// directive, or a lift.
type effectOf struct {
	Directive view.Directive
	Kind      string
	By        *view.Actor
	At        time.Time
}

// holdsNothing reports whether payments of a directive's scope go on to a primary all the
// same: a lift lets none pass that was held back.
func holdsNothing(d view.Directive) bool {
	return d.Reroute != nil || d.StandIn != nil && d.StandIn.OneByOne
}

func (c *Console) directive(v *visit) error {
	d, err := c.View.Directive(v.path("id"))
	if err != nil {
		return err
	}
	return c.show(v, "directive", d.ID, true, directivePage{d})
}

func (c *Console) propose(v *visit) error {
	p := directive.Proposal{Kind: posture.Kind(v.form("kind")), Scope: v.form("scope"), Reason: v.form("reason")}
	var err error
	if p.Share, err = v.decimal("share"); err != nil {
		return err
	}
	p.Share /= 100
	if p.Rate, err = v.decimal("rate"); err != nil {
		return err
	}
	id, err := c.Response.Propose(v.r.Context(), v.by(), v.who().Account, p)
	if err != nil {
		return err
	}
	return v.seeOther("/directives/"+id, "")
}

// decimal reads a number from a form; an empty field is 0.
func (v *visit) decimal(field string) (float64, error) {
	text := strings.TrimSuffix(strings.TrimSpace(v.form(field)), "%")
	if text == "" {
		return 0, nil
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return 0, holdfast.Errorf(holdfast.Invalid, "%q is not a number", v.form(field)).At(field)
	}
	return f, nil
}

func (v *visit) directed(err error) error {
	if err != nil {
		return err
	}
	return v.seeOther("/directives/"+v.path("id"), "done")
}

func (c *Console) approve(v *visit) error {
	return v.directed(c.Response.ApproveDirective(v.r.Context(), v.by(), v.who().Account, v.path("id")))
}

func (c *Console) refuse(v *visit) error {
	return v.directed(c.Directives.Refuse(v.r.Context(), v.by(), v.path("id"), v.form("reason")))
}

func (c *Console) lift(v *visit) error {
	revision, err := strconv.ParseUint(v.form("revision"), 10, 64)
	if err != nil {
		return holdfast.Errorf(holdfast.Invalid, "the page was not sent whole; load it again").At("revision")
	}
	lifted, err := c.Response.Lift(v.r.Context(), v.by(), v.who().Account, v.path("id"), holdfast.Revision(revision), v.form("reason"))
	if err == nil && !lifted {
		return v.seeOther("/directives/"+v.path("id"), "liftasked")
	}
	return v.directed(err)
}

func (c *Console) grantLift(v *visit) error {
	return v.directed(c.Response.AnswerLift(v.r.Context(), v.by(), v.who().Account, v.path("id"), true, ""))
}

func (c *Console) refuseLift(v *visit) error {
	return v.directed(c.Response.AnswerLift(v.r.Context(), v.by(), v.who().Account, v.path("id"), false, v.form("reason")))
}
