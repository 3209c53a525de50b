package console

import (
	"io"
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/incident"
	"holdfast/internal/procedure"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

type incidentsPage struct {
	List  view.Page[view.Incident]
	Pages pages
	Query string
	Open  bool
}

func (c *Console) incidents(v *visit) error {
	own := incidentsPage{Query: v.query("q"), Open: v.query("open") != ""}
	own.List = c.View.AllIncidents(own.Open, own.Query, v.offset(), view.PageSize)
	own.Pages = pagesOf(v, own.List)
	return c.show(v, "incidents", v.words.T("incidents.title"), true, own)
}

// incidentPage answers: what happens now, who does it, how long do we have?
type incidentPage struct {
	Incident view.Incident
	Chart    chart
	Timeline []line
	// Deliveries are the facts of single notices.
	Deliveries []line
	// Levels are what a suspected incident can be confirmed at.
	Levels []levelChoice
	// Debriefing says that the emergency itself is over, and Closable that the incident
	// can be closed once its debrief is whole.
	Debriefing, Closable bool
	// Owed are reports to regulators, by due time.
	Owed []view.Obligation
	// Level is at which level the plan's criteria see it.
	Level *levelCard
	// Mine is what waits for the reader, and what he may hand over.
	Mine ownPart
	// People can hold a post; Past are the hand-overs that were answered.
	People []view.Person
	Past   []view.Handover
	// MergeInto and LinkWith are what this incident could be merged into and linked
	// with.
	MergeInto, LinkWith []view.Incident
	// Correct is the entry of the timeline that the reader is about to correct.
	Correct *line
	// StandIn is where a stand-in is proposed.
	StandIn standInForm
	Reroute rerouteForm
	// Codes says that somebody may still acknowledge by reply code.
	Codes bool
}

// called is a task for which the reader was called, and its stage's title.
type called struct {
	ID    string
	Title holdfast.Text
}

type levelChoice struct {
	Level           holdfast.Level
	Title, Criteria holdfast.Text
	Chosen          bool
}

func (c *Console) incident(v *visit) error {
	in, err := c.View.Incident(v.path("id"))
	if err != nil {
		return err
	}
	own := incidentPage{Incident: in, Mine: ownPart{mine(in, v.who()), postsOf(in, v.who())}, Codes: awaitsReply(in)}
	own.Level = newLevelCard(v.words, in.Judgement)
	owed, err := c.View.IncidentObligations(in.ID)
	if err != nil {
		return err
	}
	own.Owed = slices.DeleteFunc(slices.Clone(owed.Reports), func(o view.Obligation) bool { return !o.Owed() })
	own.Timeline, own.Deliveries = c.timeline(v, in, owed.Reports)
	c.team(v, &own)
	own.Timeline = foldRounds(own.Timeline)
	c.ties(&own)
	if points, err := c.View.IncidentChart(in); err == nil {
		own.Chart = drawChart(v.words, v.zone, points)
	}
	if in.State == string(incident.Suspected) {
		own.Levels = c.levels(in)
	}
	if in.State == string(incident.Suspected) || in.State == string(incident.Active) {
		own.StandIn, own.Reroute = c.standInForm(in.ID), c.rerouteForm(in.ID)
	}
	own.Debriefing = in.Debrief != "" && !slices.ContainsFunc(in.Stages, func(s view.Stage) bool {
		return s.Kind != string(procedure.Review) && !procedure.Status(s.Status).Closed()
	})
	own.Closable = own.Debriefing && in.State == string(incident.Active)
	return c.show(v, "incident", in.ID+" "+titled(v.words, in.Title, in.Titles), true, own)
}

func (c *Console) levels(in view.Incident) []levelChoice {
	current, err := c.View.Plan(0)
	if err != nil {
		return nil
	}
	var list []levelChoice
	for _, l := range current.Content.Levels {
		list = append(list, levelChoice{l.Level, l.Title, l.Criteria, l.Level == suggested(in)})
	}
	return list
}

// suggested is the level that is chosen beforehand: what the criteria say, if that
// is graver than what an alert's rule does.
func suggested(in view.Incident) holdfast.Level {
	if j := in.Judgement; j != nil && incident.Graver(j.Level, in.Suggested) {
		return j.Level
	}
	return in.Suggested
}

func mine(in view.Incident, who access.Principal) []called {
	var tasks []called
	for _, s := range in.Stages {
		for _, t := range s.Tasks {
			if in.State != string(incident.Active) {
				continue
			}
			for _, p := range told(t) {
				if who.Account != "" && p.Account == who.Account && !p.Acknowledged {
					tasks = append(tasks, called{t.ID, s.Title})
				}
			}
		}
	}
	return tasks
}

// told are the people whom a task tells, or who stand in for its owner and have not
// taken it yet.
func told(t view.Task) []view.Told {
	switch {
	case t.Notice != nil:
		return t.Notice.People
	case t.Deputised != nil && t.Owner == nil && t.Status == "open":
		return t.Deputised.People
	default:
		return nil
	}
}

// awaitsReply reports whether an open task has told somebody who has not acknowledged.
func awaitsReply(in view.Incident) bool {
	for _, s := range in.Stages {
		for _, t := range s.Tasks {
			if t.Notice != nil && t.Notice.Need > 0 && t.Status == string(procedure.Open) && slices.ContainsFunc(t.Notice.People, func(p view.Told) bool { return !p.Acknowledged }) {
				return true
			}
		}
	}
	return false
}

// act carries out an act on an incident and shows it again.
func (v *visit) act(err error) error {
	if err != nil {
		return err
	}
	return v.seeOther("/incidents/"+v.path("id"), "done")
}

func (c *Console) confirm(v *visit) error {
	level, err := holdfast.ParseLevel(v.form("level"))
	if err != nil {
		return err
	}
	return v.act(c.Response.Confirm(v.r.Context(), v.by(), v.path("id"), level, v.form("note")))
}

func (c *Console) dismiss(v *visit) error {
	return v.act(c.Response.Dismiss(v.r.Context(), v.by(), v.path("id"), v.form("reason")))
}

func (c *Console) note(v *visit) error {
	kept, err := c.keep(v)
	if err != nil {
		return err
	}
	return v.act(c.Response.Note(v.r.Context(), v.by(), v.path("id"), "", v.form("text"), kept))
}

func (c *Console) take(v *visit) error {
	return v.act(c.Response.Take(v.r.Context(), v.by(), v.path("id"), v.path("task")))
}

func (c *Console) done(v *visit) error {
	kept, err := c.keep(v)
	if err != nil {
		return err
	}
	return v.act(c.Response.Done(v.r.Context(), v.by(), v.path("id"), v.path("task"), v.form("note"), kept))
}

func (c *Console) direct(v *visit) error {
	_, err := c.Response.Direct(v.r.Context(), v.by(), v.path("id"), v.path("task"))
	return v.act(err)
}

func (c *Console) probe(v *visit) error {
	_, err := c.Response.Probe(v.r.Context(), v.by(), v.path("id"), v.path("task"))
	return v.act(err)
}

func (v *visit) stage() procedure.StageKind { return procedure.StageKind(v.path("stage")) }

func (c *Console) endStage(v *visit) error {
	return v.act(c.Response.EndStage(v.r.Context(), v.by(), v.path("id"), v.stage(), v.form("note")))
}

func (c *Console) askSkip(v *visit) error {
	return v.act(c.Response.AskSkip(v.r.Context(), v.by(), v.path("id"), v.stage(), v.form("reason")))
}

func (c *Console) answerSkip(v *visit) error {
	granted := v.form("granted") != ""
	return v.act(c.Response.AnswerSkip(v.r.Context(), v.by(), v.path("id"), v.stage(), granted, v.form("reason")))
}

// acknowledge is for the reader himself; that another was told is for who runs
// the incident to say.
func (c *Console) acknowledge(v *visit) error {
	if person := v.form("person"); person != "" && person != c.readerID(v) {
		if err := v.who().Require(access.RunIncident); err != nil {
			return err
		}
	}
	return v.act(c.Response.Acknowledge(v.r.Context(), v.by(), v.path("id"), v.form("task"), v.form("person"), v.form("note")))
}

// keep stores the file of a form as evidence, if there is one.
func (c *Console) keep(v *visit) ([]incident.Evidence, error) {
	file, header, err := v.r.FormFile("file")
	if err != nil {
		return nil, nil // no file was chosen
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "the file could not be read").At("file").Because(err)
	}
	if len(content) == 0 {
		return nil, nil
	}
	kept, err := web.KeepEvidence(v.r.Context(), c.Store, header.Filename, header.Header.Get("Content-Type"), content)
	return []incident.Evidence{kept}, err
}

func (c *Console) evidence(v *visit) error {
	var h holdfast.Hash
	if err := h.UnmarshalText([]byte(strings.ToLower(v.path("hash")))); err != nil {
		return holdfast.Errorf(holdfast.NotFound, "there is no page %s", v.r.URL.Path)
	}
	content, err := c.Store.Blob(v.r.Context(), h)
	if err != nil {
		return err
	}
	return web.WriteFile(v.w, v.query("name"), content)
}
