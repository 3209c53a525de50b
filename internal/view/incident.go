package view

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/debrief"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/response"
)

// Incident is one emergency, in short or whole.
type Incident struct {
	ID       string            `json:"id"`
	Revision holdfast.Revision `json:"revision"`
	State    string            `json:"state"`
	Drill    bool              `json:"drill,omitempty"`
	Title    string            `json:"title"`
	// Titles are the title in each language, if Holdfast says it.
	Titles holdfast.Text `json:"titles,omitzero"`
	// Suggested is the graver of what an alert's rule and the criteria say.
	Suggested   holdfast.Level    `json:"suggested_level,omitempty"`
	Level       holdfast.Level    `json:"level,omitempty"`
	Opened      time.Time         `json:"opened_at"`
	OpenedBy    *Actor            `json:"opened_by"`
	Confirmed   time.Time         `json:"confirmed_at,omitzero"`
	ConfirmedBy *Actor            `json:"confirmed_by,omitempty"`
	Ended       time.Time         `json:"ended_at,omitzero"`
	EndedBy     *Actor            `json:"ended_by,omitempty"`
	EndReason   string            `json:"end_reason,omitempty"`
	Plan        *incident.PlanRef `json:"plan,omitempty"`
	// OpenStages are the stages people work on now.
	OpenStages []Named `json:"open_stages"`

	// What follows is empty in a list.
	Stages []Stage `json:"stages,omitempty"`
	// Alerts are the latest of its alerts, at most [AlertsShown] of AlertsTotal; the
	// list of alerts has all of them.
	Alerts      []Alert `json:"alerts,omitempty"`
	AlertsTotal int     `json:"alerts_total,omitempty"`
	// Cause is what its alerts have in common; empty for the whole system.
	Cause string `json:"cause,omitempty"`
	// Told lists the roles that were told of the suspicion.
	Told       []string    `json:"told,omitempty"`
	Directives []Directive `json:"directives,omitempty"`
	// StoodIn is what became of the payments that gates approved by its directives.
	StoodIn []StoodIn `json:"stood_in,omitempty"`
	// Unresolved is how many payments have an outcome that is not known now, at all gates;
	// 0 once the incident is over.
	Unresolved int `json:"unresolved,omitempty"`
	// Timeline leaves out the middle of a storm of alerts, TimelineLeft facts; the list
	// of alerts has them.
	Timeline     []Event    `json:"timeline,omitempty"`
	TimelineLeft int        `json:"timeline_left_out,omitempty"`
	Posts        []Post     `json:"posts,omitempty"`
	Handovers    []Handover `json:"handovers,omitempty"`
	Decisions    []Decision `json:"decisions,omitempty"`
	// FalseAlarm waits for a second person's consent.
	FalseAlarm *FalseAlarm `json:"false_alarm,omitempty"`
	// Into is what it was merged into, Parts what was merged into it.
	Into  *Tie  `json:"into,omitempty"`
	Parts []Tie `json:"parts,omitempty"`
	Links []Tie `json:"links,omitempty"`
	// ReopenFrom are the stages from which one that is over can go on.
	ReopenFrom []Named `json:"reopen_from,omitempty"`
	// Debrief is how far the debrief is, once the incident was confirmed.
	Debrief debrief.State `json:"debrief_state,omitempty"`
	// Sign lists the roles that sign it, by the plan.
	Sign    []Named           `json:"sign,omitempty"`
	Figures *incident.Figures `json:"figures,omitempty"`
	// Judgement says at which level the plan's criteria see it.
	Judgement *Judgement `json:"judgement,omitempty"`
	// Effect says, while suspected, what confirming level 1 leads to.
	Effect *response.Preview `json:"effect,omitempty"`
}

// Stage is one stage of the procedure.
type Stage struct {
	Kind   string        `json:"stage"`
	Title  holdfast.Text `json:"title"`
	Guide  holdfast.Text `json:"guide,omitzero"`
	Role   Named         `json:"role"`
	Status string        `json:"status"`
	Opened time.Time     `json:"opened_at,omitzero"`
	Ended  time.Time     `json:"ended_at,omitzero"`
	Due    time.Time     `json:"due_at,omitzero"`
	Limit  *Limit        `json:"limit,omitempty"`
	Note   string        `json:"note,omitempty"`
	Skip   *Skip         `json:"skip,omitempty"`
	Tasks  []Task        `json:"tasks"`
}

// Skip is the wish to skip a stage, or its record.
type Skip struct {
	Reason    string    `json:"reason"`
	By        *Actor    `json:"by"`
	At        time.Time `json:"at"`
	Granted   bool      `json:"granted"`
	GrantedBy *Actor    `json:"granted_by,omitempty"`
}

// Task is one task of a stage. Kind is manual, notice, directive, probes, ramp, webhook,
// checklist or wait.
type Task struct {
	ID     string        `json:"id"`
	Kind   string        `json:"kind"`
	Title  holdfast.Text `json:"title"`
	Guide  holdfast.Text `json:"guide,omitzero"`
	Role   Named         `json:"role"`
	Status string        `json:"status"`
	Opened time.Time     `json:"opened_at,omitzero"`
	Due    time.Time     `json:"due_at,omitzero"`
	Late   bool          `json:"late,omitempty"`
	Limit  *Limit        `json:"limit,omitempty"`
	// TakeBy is when somebody has to have taken it, or its deputy takes over.
	TakeBy    time.Time  `json:"take_by,omitzero"`
	Deputised *Deputised `json:"deputised,omitempty"`
	// Branch is what is done instead, if a condition of the task holds.
	Branch *Branch `json:"branch,omitempty"`
	// Failed is when it was last said to have been tried without success.
	Failed time.Time `json:"failed_at,omitzero"`
	// After are the tasks that it waits for.
	After        []Named             `json:"after,omitempty"`
	NeedEvidence bool                `json:"need_evidence,omitempty"`
	Owner        *Actor              `json:"owner,omitempty"`
	Ended        time.Time           `json:"ended_at,omitzero"`
	EndedBy      *Actor              `json:"ended_by,omitempty"`
	Note         string              `json:"note,omitempty"`
	Evidence     []incident.Evidence `json:"evidence,omitempty"`

	Notice    *NoticeTask    `json:"notice,omitempty"`
	Directive *DirectiveTask `json:"directive,omitempty"`
	Probes    []Probe        `json:"probes,omitempty"`
	Ramp      *Ramp          `json:"ramp,omitempty"`
	Webhook   *WebhookTask   `json:"webhook,omitempty"`
	Checklist []Item         `json:"checklist,omitempty"`
	Wait      *WaitTask      `json:"wait,omitempty"`
}

// NoticeTask is whom a task tells.
type NoticeTask struct {
	// Need is how many must acknowledge; 0 means each must be reached.
	Need   int     `json:"need"`
	Roles  []Named `json:"roles"`
	People []Told  `json:"people"`
	// Missing lists roles that nobody holds, Unreachable the names of holders whom
	// no notice can reach: they have to be told by hand.
	Missing     []Named  `json:"missing,omitempty"`
	Unreachable []string `json:"unreachable,omitempty"`
	// Escalation is what follows when too few acknowledge; nil if nothing does.
	Escalation *Escalation `json:"escalation,omitempty"`
	// ByHand lists the names of those who have to be called.
	ByHand []string `json:"by_hand,omitempty"`
}

// DirectiveTask is what a task does at the gates.
type DirectiveTask struct {
	Kind          string           `json:"kind"`
	Scope         string           `json:"scope"`
	Reason        holdfast.Text    `json:"reason"`
	PreAuthorised bool             `json:"pre_authorised"`
	Preview       response.Preview `json:"preview"`
	// StandIn is what a stand-in would be by.
	StandIn *StandingIn `json:"stand_in,omitempty"`
	// Issued is the directive of this task, once there is one.
	Issued *Directive `json:"issued,omitempty"`
}

// Probe is one test and what it has shown.
type Probe struct {
	ID     string        `json:"id"`
	Title  holdfast.Text `json:"title"`
	Kind   string        `json:"kind"`
	Expect string        `json:"expect"`
	// Times is how often in a row it must pass, InARow how often it has.
	Times  int       `json:"times"`
	InARow int       `json:"in_a_row"`
	Ran    time.Time `json:"ran_at,omitzero"`
	Passed bool      `json:"passed"`
	Detail string    `json:"detail,omitempty"`
	Millis int64     `json:"millis,omitempty"`
}

// Event is one line of the timeline. Its body depends on the kind; screens put
// it in words.
type Event struct {
	Position holdfast.Position `json:"position"`
	At       time.Time         `json:"at"`
	Actor    *Actor            `json:"actor"`
	Kind     string            `json:"kind"`
	Subject  string            `json:"subject"`
	Body     json.RawMessage   `json:"body"`
	// Corrects is the position of the entry that this one corrects; CorrectedBy are
	// those of the entries that correct this one.
	Corrects    holdfast.Position   `json:"corrects,omitempty"`
	CorrectedBy []holdfast.Position `json:"corrected_by,omitempty"`
}

// AllIncidents assembles a page of incidents, newest first; open leaves out
// those that are over, query those whose id and title do not hold it.
func (s *Source) AllIncidents(open bool, query string, offset, size int) (p Page[Incident]) {
	s.State.View(func() {
		list := s.Incidents.All()
		if open {
			list = s.Incidents.Open()
		}
		if query = strings.ToLower(strings.TrimSpace(query)); query != "" {
			var hits []*incident.Incident
			for _, in := range list {
				if strings.Contains(strings.ToLower(strings.Join([]string{in.ID, in.Title, in.Titles.ZhHant, in.Titles.ZhHans, in.Titles.En}, " ")), query) {
					hits = append(hits, in)
				}
			}
			list = hits
		}
		p = paginate(list, offset, size, s.summary)
	})
	return p
}

// Incident assembles one incident whole.
func (s *Source) Incident(id string) (v Incident, err error) {
	s.State.View(func() {
		in := s.Incidents.Incident(id)
		if in == nil {
			err = holdfast.Errorf(holdfast.NotFound, "there is no incident %q", id)
			return
		}
		v = s.whole(in)
	})
	return v, err
}

func (s *Source) summary(in *incident.Incident) Incident {
	v := Incident{
		ID: in.ID, Revision: in.Revision, State: string(in.State), Drill: in.Drill, Title: in.Title, Titles: in.Titles,
		Suggested: in.Suggested, Level: in.Level,
		Opened: in.Opened, OpenedBy: actor(in.OpenedBy),
		Confirmed: in.Confirmed, ConfirmedBy: actor(in.ConfirmedBy),
		Ended: in.Ended, EndedBy: actor(in.EndedBy), EndReason: in.EndReason,
		OpenStages: []Named{},
	}
	if last, ok := in.Evaluated(); ok && in.State == incident.Suspected && incident.Graver(last.Level, v.Suggested) {
		v.Suggested = last.Level
	}
	if in.Plan.ID != "" {
		ref := in.Plan
		v.Plan = &ref
	}
	for i, st := range in.Stages {
		if st.Status == procedure.Open {
			p := in.Procedure.Stages[i]
			v.OpenStages = append(v.OpenStages, Named{ID: string(p.Kind), Name: p.Title})
		}
	}
	return v
}

func (s *Source) whole(in *incident.Incident) Incident {
	v := s.summary(in)
	var p *plan.Plan
	if rev, ok := s.Plans.Revision(in.Plan.ID, in.Plan.Revision); ok {
		p = rev.Plan()
	}
	for i := range in.Stages {
		v.Stages = append(v.Stages, s.stage(in, i, p))
	}
	v.Cause, v.Told, v.AlertsTotal = in.Cause, in.Tell, len(in.Alerts)
	for _, id := range in.Alerts[max(0, len(in.Alerts)-AlertsShown):] {
		if a := s.Alerts.Alert(id); a != nil {
			v.Alerts = append(v.Alerts, viewAlert(a))
		}
	}
	whole := s.Incidents.Whole(in.ID)
	for _, d := range s.Directives.All() {
		if slices.Contains(whole, d.Incident) {
			v.Directives = append(v.Directives, s.directive(d))
		}
	}
	v.StoodIn = s.stoodIn(in)
	if in.State == incident.Suspected || in.State == incident.Active {
		v.Unresolved = s.Gates.UnresolvedCount()
	}
	facts, left := s.Timeline.Of(in.ID)
	v.TimelineLeft = left
	for _, f := range facts {
		v.Timeline = append(v.Timeline, Event{Position: f.Position, At: f.Time, Actor: actor(f.Actor), Kind: f.Kind, Subject: string(f.Subject), Body: bodyOf(f)})
	}
	v.Timeline = s.withEnds(v.Timeline)
	v.Judgement = s.judgement(in)
	corrections(v.Timeline)
	s.team(in, &v)
	s.ties(in, &v)
	if in.State == incident.Suspected {
		effect := s.preview(s.Response.Preview("all"))
		v.Effect = &effect
	}
	if in.State != incident.Suspected && !in.Confirmed.IsZero() {
		figures := s.Response.Figures(in)
		if in.Closed != nil {
			figures = *in.Closed
		}
		v.Figures = &figures
		v.Debrief = s.Debriefs.Book.Debrief(in.ID).State()
		for _, id := range in.Procedure.Signers() {
			v.Sign = append(v.Sign, role(p, id))
		}
	}
	return v
}

func (s *Source) stage(in *incident.Incident, i int, p *plan.Plan) Stage {
	st, def := in.Stages[i], in.Procedure.Stages[i]
	v := Stage{
		Kind: string(def.Kind), Title: def.Title, Guide: def.Guide, Role: role(p, def.Role),
		Status: string(st.Status), Opened: st.Opened, Ended: st.Ended, Note: st.Note,
		Tasks: []Task{},
	}
	if v.Limit = s.limit(in.StageLimit(i)); v.Limit != nil {
		v.Due = v.Limit.Due
	}
	if k := st.Skip; k != nil {
		v.Skip = &Skip{Reason: k.Reason, By: actor(k.By), At: k.At, Granted: k.Granted, GrantedBy: actor(k.GrantedBy)}
	}
	for _, t := range def.Tasks {
		v.Tasks = append(v.Tasks, s.task(in, def, t, p))
	}
	return v
}

func (s *Source) task(in *incident.Incident, stage procedure.Stage, t procedure.Task, p *plan.Plan) Task {
	st := in.Tasks[t.ID]
	v := Task{
		ID: t.ID, Kind: "manual", Title: t.Title, Guide: t.Guide,
		Status: string(st.Status), Opened: st.Opened, NeedEvidence: t.Evidence,
		Owner: actor(st.Owner), Ended: st.Ended, EndedBy: actor(st.EndedBy), Note: st.Note, Evidence: st.Evidence,
	}
	v.Role = role(p, t.Role)
	if t.Role == "" {
		v.Role = role(p, stage.Role)
	}
	if v.Limit = s.limit(in.TaskLimit(t)); v.Limit != nil {
		v.Due, v.Late = v.Limit.Due, st.Status == procedure.Open && v.Limit.State == "breached"
	}
	v.TakeBy, _ = in.TakeBy(t)
	v.Deputised, v.Branch, v.Failed = s.deputised(in, t.ID, p), branch(in, t, p), st.Failed
	if st.Status == procedure.Waiting {
		for _, id := range t.After {
			_, before, _ := in.Procedure.Task(id)
			v.After = append(v.After, Named{ID: id, Name: before.Title})
		}
	}
	switch {
	case t.Notice != nil:
		v.Kind, v.Notice = "notice", s.noticeTask(in, stage.Kind, t, p)
	case t.Directive != nil:
		v.Kind, v.Directive = "directive", s.directiveTask(in, t)
	case len(t.Probes) > 0:
		v.Kind, v.Probes = "probes", probes(in, t, p)
	case t.Ramp != nil:
		v.Kind = "ramp"
		v.Ramp = s.ramp(in, t, p)
	case t.Webhook != nil:
		v.Kind, v.Webhook = "webhook", s.webhookTask(in, t)
	case len(t.Checklist) > 0:
		v.Kind, v.Checklist = "checklist", items(in, t)
	case t.Wait != nil:
		v.Kind, v.Wait = "wait", s.waitTask(in, t, p)
	}
	return v
}

func (s *Source) noticeTask(in *incident.Incident, stage procedure.StageKind, t procedure.Task, p *plan.Plan) *NoticeTask {
	v := &NoticeTask{Need: t.Notice.Acknowledge, Roles: []Named{}, People: s.told(in, t.ID), Unreachable: s.unreachable(in, stage, t)}
	v.Escalation, v.ByHand = s.escalation(in, stage, t, p), s.byHand(in, t.ID)
	for _, id := range t.Notice.To {
		v.Roles = append(v.Roles, role(p, id))
		if len(s.Roster.Holders(id)) == 0 {
			v.Missing = append(v.Missing, role(p, id))
		}
	}
	return v
}

func (s *Source) directiveTask(in *incident.Incident, t procedure.Task) *DirectiveTask {
	v := &DirectiveTask{Kind: t.Directive.Kind, Scope: t.Directive.Scope, Reason: t.Directive.Reason, PreAuthorised: t.Directive.PreAuthorised}
	for _, by := range s.Response.StandIns(in.ID, s.Now()) {
		if by.ID == t.Directive.Temporary {
			terms := termsOf(response.StandInBy(by, t.Directive.Planned))
			v.Scope, v.StandIn = by.Scope, &terms
		}
	}
	for _, by := range s.Response.Reroutes(in.ID, s.Now()) {
		if by.ID == t.Directive.Temporary {
			v.Scope = by.Scope
		}
	}
	v.Preview = s.preview(s.Response.Preview(v.Scope))
	for _, d := range s.Directives.All() {
		if d.Incident == in.ID && d.Task == t.ID && d.State != directive.Refused && !ofEarlierPhase(in, t, d) {
			issued := s.directive(d)
			v.Issued = &issued
			break
		}
	}
	return v
}

// ofEarlierPhase reports whether a directive ended before the level changed and the
// task opened anew.
func ofEarlierPhase(in *incident.Incident, t procedure.Task, d *directive.Directive) bool {
	return d.State != directive.InForce && d.State != directive.Proposed && in.Tasks[t.ID].Status == procedure.Open && d.IssuedAt.Before(in.Tasks[t.ID].Opened)
}

func probes(in *incident.Incident, t procedure.Task, p *plan.Plan) []Probe {
	var list []Probe
	for _, id := range t.Probes {
		state := in.Probe(t.ID, id)
		v := Probe{
			ID: id, Times: 1, InARow: state.InARow, Ran: state.At,
			Passed: state.Last.Passed, Detail: state.Last.Detail, Millis: state.Last.Millis,
		}
		if p != nil {
			if def, ok := p.Probe(id); ok {
				v.Title, v.Kind, v.Expect, v.Times = def.Title, def.Kind, def.Expect, max(1, def.Times)
			}
		}
		list = append(list, v)
	}
	return list
}
