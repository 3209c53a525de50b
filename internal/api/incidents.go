package api

import (
	"strings"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/archive"
	"holdfast/internal/incident"
	"holdfast/internal/procedure"
	"holdfast/internal/web"
)

func (a *API) incidents(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.AllIncidents(c.flag("open"), c.query("q"), offset, limit), nil
}

func (a *API) incident(c *call) (any, error) { return a.View.Incident(c.path("id")) }

func (a *API) suspect(c *call) (any, error) {
	in, err := body[Suspect](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Response.Suspect(c.r.Context(), c.by(), in.Title, in.Alerts)
	return Created{id}, err
}

func (a *API) confirm(c *call) (any, error) {
	in, err := body[Confirm](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.Confirm(c.r.Context(), c.by(), c.path("id"), in.Level, in.Note)
}

func (a *API) dismiss(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.Dismiss(c.r.Context(), c.by(), c.path("id"), in.Reason)
}

func (a *API) attach(c *call) (any, error) {
	in, err := body[AlertRef](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.Attach(c.r.Context(), c.by(), c.path("id"), in.Alert)
}

func (a *API) note(c *call) (any, error) {
	in, err := body[Note](c)
	if err != nil {
		return nil, err
	}
	if err := a.kept(c, in.Evidence); err != nil {
		return nil, err
	}
	return nil, a.Response.Note(c.r.Context(), c.by(), c.path("id"), in.Task, in.Text, in.Evidence)
}

func (a *API) take(c *call) (any, error) {
	return nil, a.Response.Take(c.r.Context(), c.by(), c.path("id"), c.path("task"))
}

func (a *API) done(c *call) (any, error) {
	in, err := body[Done](c)
	if err != nil {
		return nil, err
	}
	if err := a.kept(c, in.Evidence); err != nil {
		return nil, err
	}
	return nil, a.Response.Done(c.r.Context(), c.by(), c.path("id"), c.path("task"), in.Note, in.Evidence)
}

func (a *API) direct(c *call) (any, error) {
	id, err := a.Response.Direct(c.r.Context(), c.by(), c.path("id"), c.path("task"))
	return Created{id}, err
}

func (a *API) probe(c *call) (any, error) {
	return a.Response.Probe(c.r.Context(), c.by(), c.path("id"), c.path("task"))
}

func (a *API) rampTo(c *call) (any, error) {
	in, err := body[RampTo](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.RampTo(c.r.Context(), c.by(), c.path("id"), c.path("task"), in.Step, in.Posture)
}

func (a *API) rampKeep(c *call) (any, error) {
	in, err := body[RampKeep](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.KeepRamp(c.r.Context(), c.by(), c.path("id"), c.path("task"), in.Step, in.Reason)
}

func (a *API) rampClose(c *call) (any, error) {
	in, err := body[RampClose](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.CloseRamp(c.r.Context(), c.by(), c.path("id"), c.path("task"), in.Note)
}

func stageOf(c *call) procedure.StageKind { return procedure.StageKind(c.path("stage")) }

func (a *API) endStage(c *call) (any, error) {
	in, err := body[StageNote](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.EndStage(c.r.Context(), c.by(), c.path("id"), stageOf(c), in.Note)
}

func (a *API) askSkip(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.AskSkip(c.r.Context(), c.by(), c.path("id"), stageOf(c), in.Reason)
}

func (a *API) answerSkip(c *call) (any, error) {
	in, err := body[Answer](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.AnswerSkip(c.r.Context(), c.by(), c.path("id"), stageOf(c), in.Granted, in.Reason)
}

func (a *API) close(c *call) (any, error) {
	return nil, a.Response.Close(c.r.Context(), c.by(), c.path("id"))
}

func (a *API) acknowledge(c *call) (any, error) {
	in, err := body[Acknowledge](c)
	if err != nil {
		return nil, err
	}
	if in.Code != "" {
		_, err := a.Acks.AcknowledgeByCode(c.r.Context(), c.by(), c.path("id"), in.Code, in.Note)
		return nil, err
	}
	if in.Person != "" && in.Person != a.Drafts.Reader(c.by(), c.who.Person) {
		if err := c.who.Require(access.RunIncident); err != nil {
			return nil, err // that another was told is for who runs the incident to say
		}
	}
	return nil, a.Response.Acknowledge(c.r.Context(), c.by(), c.path("id"), in.Task, in.Person, in.Note)
}

// keep stores the body as evidence.
func (a *API) keep(c *call) (any, error) {
	content, err := c.content()
	if err != nil {
		return nil, err
	}
	return web.KeepEvidence(c.r.Context(), a.Store, c.query("name"), c.query("type"), content)
}

// kept makes sure that evidence named in an act is there.
func (a *API) kept(c *call, list []incident.Evidence) error {
	for _, e := range list {
		if _, err := a.Store.Blob(c.r.Context(), e.Hash); err != nil {
			return holdfast.Errorf(holdfast.Invalid, "the file %q was not kept; send it to /api/v1/evidence first", e.Name).At("evidence").Because(err)
		}
	}
	return nil
}

func (a *API) evidence(c *call) (any, error) {
	var h holdfast.Hash
	if err := h.UnmarshalText([]byte(strings.ToLower(c.path("hash")))); err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "%v", err).At("hash")
	}
	content, err := a.Store.Blob(c.r.Context(), h)
	if err != nil {
		return nil, err
	}
	return written, web.WriteFile(c.w, c.query("name"), content)
}

func (a *API) evidencePack(c *call) (any, error) {
	id := c.path("id")
	p, err := a.Evidence(id, c.by())
	if err != nil {
		return nil, err
	}
	return written, archive.WritePack(c.r.Context(), web.Download(c.w, "evidence-"+id+".zip", "application/zip"), a.Store, p)
}
