package api

import (
	"bytes"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/debrief"
	"holdfast/internal/docx"
	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

// Signing names a round of a debrief and, where the signer holds several, the role.
type Signing struct {
	Round int    `json:"round"`
	Role  string `json:"role,omitempty"`
}

// Returning sends a round of a debrief back.
type Returning struct {
	Round  int    `json:"round"`
	Reason string `json:"reason"`
}

// debriefRoutes are those on the summary after an incident.
var debriefRoutes = []route{
	{Method: "GET", Path: "/incidents/{id}/debrief", Right: access.Read, Summary: "The debrief: texts, causes, improvements, rounds of signature, and the figures, frozen once it is presented", Out: view.Debrief{}, Do: (*API).debrief},
	{Method: "PUT", Path: "/incidents/{id}/debrief", Right: access.RunIncident, Summary: "Write the texts of the debrief; what is left out stays as it is", In: debrief.Sheet{}, Do: (*API).writeDebrief},
	{Method: "GET", Path: "/incidents/{id}/debrief/report", Right: access.Read, Summary: "The report as a Word document (.docx) in the language lang, times in UTC", Query: []string{"lang"}, Do: (*API).debriefReport},
	{Method: "POST", Path: "/incidents/{id}/debrief/causes", Right: access.RunIncident, Summary: "Write a cause: why the incident happened, or with a parent why that was, and what it rests on", In: debrief.CauseForm{}, Out: Created{}, Created: true, Do: (*API).addCause},
	{Method: "PUT", Path: "/incidents/{id}/debrief/causes/{cause}", Right: access.RunIncident, Summary: "Correct a cause", In: debrief.CauseForm{}, Do: (*API).setCause},
	{Method: "POST", Path: "/incidents/{id}/debrief/causes/{cause}/withdraw", Right: access.RunIncident, Summary: "Take a cause back", In: Reason{}, Do: (*API).withdrawCause},
	{Method: "POST", Path: "/incidents/{id}/debrief/improvements", Right: access.RunIncident, Summary: "Write an improvement", In: debrief.ImprovementForm{}, Out: Created{}, Created: true, Do: (*API).addImprovement},
	{Method: "PUT", Path: "/incidents/{id}/debrief/improvements/{improvement}", Right: access.RunIncident, Summary: "Correct an improvement", In: debrief.ImprovementForm{}, Do: (*API).setImprovement},
	{Method: "POST", Path: "/incidents/{id}/debrief/improvements/{improvement}/withdraw", Right: access.RunIncident, Summary: "Take an improvement back", In: Reason{}, Do: (*API).withdrawImprovement},
	{Method: "POST", Path: "/incidents/{id}/debrief/present", Right: access.RunIncident, Summary: "Freeze the figures and ask those whom the plan names to sign", Do: (*API).presentDebrief},
	{Method: "POST", Path: "/incidents/{id}/debrief/sign", Right: access.Read, Summary: "Sign a round, as a holder of a role that the plan names", In: Signing{}, Do: (*API).signDebrief},
	{Method: "POST", Path: "/incidents/{id}/debrief/return", Right: access.Read, Summary: "Send a round back with a reason, as a holder of a role that the plan names", In: Returning{}, Do: (*API).returnDebrief},
}

func (a *API) debrief(c *call) (any, error) { return a.View.Debrief(c.path("id")) }

func (a *API) writeDebrief(c *call) (any, error) {
	in, err := body[debrief.Sheet](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Debriefs.Write(c.r.Context(), c.by(), c.path("id"), in)
}

func (a *API) debriefReport(c *call) (any, error) {
	v, err := a.View.Debrief(c.path("id"))
	if err != nil {
		return nil, err
	}
	words := locale.For(holdfast.Lang(c.query("lang")))
	var file bytes.Buffer
	if err := docx.Write(&file, v.Report(debrief.Edition{Words: words, Zone: time.UTC})); err != nil {
		return nil, err
	}
	return written, web.WriteFile(c.w, "debrief-"+v.Incident+"-"+string(words.Lang())+".docx", file.Bytes())
}

// causeOf reads a cause and makes sure that its files are there.
func (a *API) causeOf(c *call) (debrief.CauseForm, error) {
	in, err := body[debrief.CauseForm](c)
	if err != nil {
		return in, err
	}
	for _, e := range in.Evidence {
		if e.File != nil {
			if err := a.kept(c, []incident.Evidence{*e.File}); err != nil {
				return in, err
			}
		}
	}
	return in, nil
}

func (a *API) addCause(c *call) (any, error) {
	in, err := a.causeOf(c)
	if err != nil {
		return nil, err
	}
	id, err := a.Debriefs.SetCause(c.r.Context(), c.by(), c.path("id"), "", in)
	return Created{id}, err
}

func (a *API) setCause(c *call) (any, error) {
	in, err := a.causeOf(c)
	if err != nil {
		return nil, err
	}
	_, err = a.Debriefs.SetCause(c.r.Context(), c.by(), c.path("id"), c.path("cause"), in)
	return nil, err
}

func (a *API) withdrawCause(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Debriefs.WithdrawCause(c.r.Context(), c.by(), c.path("id"), c.path("cause"), in.Reason)
}

func (a *API) addImprovement(c *call) (any, error) {
	in, err := body[debrief.ImprovementForm](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Debriefs.SetImprovement(c.r.Context(), c.by(), c.path("id"), "", in)
	return Created{id}, err
}

func (a *API) setImprovement(c *call) (any, error) {
	in, err := body[debrief.ImprovementForm](c)
	if err != nil {
		return nil, err
	}
	_, err = a.Debriefs.SetImprovement(c.r.Context(), c.by(), c.path("id"), c.path("improvement"), in)
	return nil, err
}

func (a *API) withdrawImprovement(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Debriefs.WithdrawImprovement(c.r.Context(), c.by(), c.path("id"), c.path("improvement"), in.Reason)
}

func (a *API) presentDebrief(c *call) (any, error) {
	return nil, a.Debriefs.Present(c.r.Context(), c.by(), c.path("id"))
}

func (a *API) signDebrief(c *call) (any, error) {
	in, err := body[Signing](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Debriefs.Sign(c.r.Context(), c.by(), c.path("id"), in.Round, in.Role)
}

func (a *API) returnDebrief(c *call) (any, error) {
	in, err := body[Returning](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Debriefs.Return(c.r.Context(), c.by(), c.path("id"), in.Round, in.Reason)
}
