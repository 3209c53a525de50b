package api

import (
	"net/http"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/alert"
	"holdfast/internal/attachment"
	"holdfast/internal/authority"
	"holdfast/internal/backup"
	"holdfast/internal/device"
	"holdfast/internal/enrolment"
	"holdfast/internal/filing"
	"holdfast/internal/incident"
	"holdfast/internal/intake"
	"holdfast/internal/lint"
	"holdfast/internal/roster"
	"holdfast/internal/trigger"
	"holdfast/internal/view"
	"holdfast/internal/waiver"
)

// route is one row of the table.
type route struct {
	Method, Path string
	// Right is what the caller needs; public and anyone are not rights of an
	// account.
	Right   access.Action
	Summary string
	Query   []string
	// In and Out are zero values of the body and the answer; nil means none.
	In, Out any
	// File means that the body is a file, whatever its type.
	File bool
	// Created means that success is 201, Accepted that it is 202.
	Created, Accepted bool
	// InBody means that the token may stand in the body, so that the route itself
	// checks the right.
	InBody bool
	Do     func(*API, *call) (any, error)
}

const (
	// public needs no sign-in.
	public access.Action = ""
	// anyone needs sign-in and no right.
	anyone access.Action = "signed-in"
)

func (rt route) status() int {
	switch {
	case rt.Created:
		return http.StatusCreated
	case rt.Accepted:
		return http.StatusAccepted
	case rt.Out == nil:
		return http.StatusNoContent
	default:
		return http.StatusOK
	}
}

var paging = []string{"offset", "limit"}

func with(more ...string) []string { return append(more, paging...) }

// routes is all of the API.
var routes []route

func init() {
	routes = []route{
		{Method: "GET", Path: "/openapi.json", Right: public, Summary: "This API as an OpenAPI document", Out: map[string]any{}, Do: (*API).openAPI},
		{Method: "GET", Path: "/status", Right: anyone, Summary: "Version, journal head and who is asking", Out: Status{}, Do: (*API).status},
		{Method: "GET", Path: "/posture", Right: access.Read, Summary: "Are payments flowing, at which level are we, what is in force, what is late", Out: view.Posture{}, Do: (*API).posture},
		{Method: "GET", Path: "/traffic", Right: access.Read, Summary: "Payments over time by outcome", Query: []string{"minutes"}, Out: view.Chart{}, Do: (*API).traffic},
		{Method: "GET", Path: "/events", Right: access.Read, Summary: "Server-sent events: one \"change\" for each advance of the journal", Do: (*API).events},
		{Method: "GET", Path: "/journal", Right: access.ReadArchive, Summary: "Facts after a position, oldest first", Query: []string{"after", "limit"}, Out: view.Page[holdfast.Fact]{}, Do: (*API).facts},

		{Method: "GET", Path: "/incidents", Right: access.Read, Summary: "Incidents, newest first", Query: with("open", "q"), Out: view.Page[view.Incident]{}, Do: (*API).incidents},
		{Method: "POST", Path: "/incidents", Right: access.RunIncident, Summary: "Open a suspected incident", In: Suspect{}, Out: Created{}, Created: true, Do: (*API).suspect},
		{Method: "GET", Path: "/incidents/{id}", Right: access.Read, Summary: "One incident, whole", Out: view.Incident{}, Do: (*API).incident},
		{Method: "GET", Path: "/incidents/{id}/evidence", Right: access.ReadArchive, Summary: "The incident's evidence pack (.zip), to be verified offline", Do: (*API).evidencePack},
		{Method: "POST", Path: "/incidents/{id}/confirm", Right: access.RunIncident, Summary: "Confirm at a level; the level's procedure starts", In: Confirm{}, Do: (*API).confirm},
		{Method: "POST", Path: "/incidents/{id}/dismiss", Right: access.RunIncident, Summary: "Dismiss a suspicion that was none", In: Reason{}, Do: (*API).dismiss},
		{Method: "POST", Path: "/incidents/{id}/alerts", Right: access.RunIncident, Summary: "Join an alert to the incident", In: AlertRef{}, Do: (*API).attach},
		{Method: "POST", Path: "/incidents/{id}/notes", Right: access.RunIncident, Summary: "Add to the timeline", In: Note{}, Do: (*API).note},
		{Method: "POST", Path: "/incidents/{id}/tasks/{task}/take", Right: access.RunIncident, Summary: "Say that you do the task", Do: (*API).take},
		{Method: "POST", Path: "/incidents/{id}/tasks/{task}/done", Right: access.RunIncident, Summary: "End a task that a person did", In: Done{}, Do: (*API).done},
		{Method: "POST", Path: "/incidents/{id}/tasks/{task}/failed", Right: access.RunIncident, Summary: "Say that a task was tried and did not succeed; it stays open, and its branches read it", In: StageNote{}, Do: (*API).failed},
		{Method: "POST", Path: "/incidents/{id}/tasks/{task}/agree", Right: access.Acknowledge, Summary: "Agree, as a holder of the role that the plan names, to the branch that a task has come to", Do: (*API).agreeBranch},
		{Method: "POST", Path: "/incidents/{id}/tasks/{task}/webhook", Right: access.RunIncident, Summary: "Call the endpoint of the operator's automation that the task names; again where an earlier call failed or its outcome is unknown", In: CallAgain{}, Do: (*API).callWebhook},
		{Method: "PUT", Path: "/incidents/{id}/tasks/{task}/items/{item}", Right: access.RunIncident, Summary: "Tick an item of the task's checklist, or take the tick back with a note", In: Tick{}, Do: (*API).tickItem},
		{Method: "POST", Path: "/incidents/{id}/tasks/{task}/direct", Right: access.IssueDirective, Summary: "Propose the task's directive; in force at once if the plan pre-authorises it", Out: Created{}, Created: true, Do: (*API).direct},
		{Method: "POST", Path: "/incidents/{id}/tasks/{task}/probe", Right: access.RunIncident, Summary: "Run the task's probes once", Out: []incident.ProbeRan{}, Do: (*API).probe},
		{Method: "POST", Path: "/incidents/{id}/tasks/{task}/ramp", Right: access.RunRamp, Summary: "Bring payments to a step of the ramp; 0 is stopped", In: RampTo{}, Do: (*API).rampTo},
		{Method: "POST", Path: "/incidents/{id}/tasks/{task}/ramp/keep", Right: access.RunRamp, Summary: "Keep payments on the present step of the ramp, with a reason, and have it judged anew", In: RampKeep{}, Do: (*API).rampKeep},
		{Method: "POST", Path: "/incidents/{id}/tasks/{task}/ramp/close", Right: access.RunRamp, Summary: "Close the ramp out: all payments are back, were watched, and no outcome is left unknown", In: RampClose{}, Do: (*API).rampClose},
		{Method: "POST", Path: "/incidents/{id}/stages/{stage}/done", Right: access.RunIncident, Summary: "End a stage that has no tasks", In: StageNote{}, Do: (*API).endStage},
		{Method: "POST", Path: "/incidents/{id}/stages/{stage}/skip", Right: access.RunIncident, Summary: "Ask for a stage to be skipped", In: Reason{}, Do: (*API).askSkip},
		{Method: "POST", Path: "/incidents/{id}/stages/{stage}/skip/answer", Right: access.Approve, Summary: "Answer, as a second person, the wish to skip a stage", In: Answer{}, Do: (*API).answerSkip},
		{Method: "GET", Path: "/incidents/{id}/level", Right: access.Read, Summary: "At which level the plan's criteria see the incident, with their inputs, what a change would do, and the history", Out: view.Judgement{}, Do: (*API).judgement},
		{Method: "POST", Path: "/incidents/{id}/level", Right: access.RunIncident, Summary: "Bring the incident to a graver level at once, or ask for a lesser one", In: ChangeLevel{}, Do: (*API).changeLevel},
		{Method: "POST", Path: "/incidents/{id}/level/keep", Right: access.RunIncident, Summary: "Decide that the level stays though an alert asks for a graver one", In: Reason{}, Do: (*API).keepLevel},
		{Method: "POST", Path: "/incidents/{id}/level/answer", Right: access.Approve, Summary: "Answer, as a second person, the wish for a lesser level; refusing needs a reason", In: Answer{}, Do: (*API).answerFall},
		{Method: "PUT", Path: "/incidents/{id}/measures/{measure}", Right: access.RunIncident, Summary: "State a measure that the gates do not know", In: StateMeasure{}, Do: (*API).enterMeasure},
		{Method: "POST", Path: "/incidents/{id}/false-alarm", Right: access.RunIncident, Summary: "Ask for an active incident to be ended as a false alarm", In: Reason{}, Do: (*API).falseAlarm},
		{Method: "POST", Path: "/incidents/{id}/false-alarm/answer", Right: access.Approve, Summary: "Answer, as a second person, that an active incident is a false alarm", In: Answer{}, Do: (*API).answerFalseAlarm},
		{Method: "POST", Path: "/incidents/{id}/reopen", Right: access.RunIncident, Summary: "Open a closed or dismissed incident again, from a stage that is worked anew", In: Reopen{}, Do: (*API).reopenIncident},
		{Method: "POST", Path: "/incidents/{id}/merge", Right: access.RunIncident, Summary: "Make the incident part of another: its alerts and what is open go over", In: MergeInto{}, Do: (*API).mergeIncident},
		{Method: "POST", Path: "/incidents/{id}/unmerge", Right: access.RunIncident, Summary: "Let a merged incident go on by itself, as it was", In: Reason{}, Do: (*API).unmergeIncident},
		{Method: "POST", Path: "/incidents/{id}/links", Right: access.RunIncident, Summary: "Link two incidents that have to do with each other", In: incident.Linked{}, Do: (*API).linkIncident},
		{Method: "POST", Path: "/incidents/{id}/posts/{post}", Right: access.RunIncident, Summary: "Put a person in a post, or yourself: commander, technology, operations, risk, communication, scribe. A command that somebody holds is taken without a hand-over only with a reason", In: FillPost{}, Do: (*API).fillPost},
		{Method: "POST", Path: "/incidents/{id}/handovers", Right: access.RunIncident, Summary: "Offer a post that you hold to the person who takes over; decisions and tasks that are open are listed", In: OfferPost{}, Out: Created{}, Created: true, Do: (*API).offerPost},
		{Method: "POST", Path: "/incidents/{id}/handovers/{n}/answer", Right: access.RunIncident, Summary: "Accept a hand-over as who takes over; decline it or take it back with a reason", In: Answer{}, Do: (*API).answerOffer},
		{Method: "POST", Path: "/incidents/{id}/decisions", Right: access.RunIncident, Summary: "Put a question with its options on the record; with a choice it is decided at once", In: AskDecision{}, Out: Created{}, Created: true, Do: (*API).askDecision},
		{Method: "POST", Path: "/incidents/{id}/decisions/{decision}", Right: access.RunIncident, Summary: "Record which option of an open decision was chosen, and why", In: incident.Choice{}, Do: (*API).makeDecision},
		{Method: "POST", Path: "/incidents/{id}/corrections", Right: access.RunIncident, Summary: "Correct an entry of the timeline by a new one; both are kept", In: incident.Corrected{}, Do: (*API).correct},
		{Method: "POST", Path: "/incidents/{id}/close", Right: access.RunIncident, Summary: "Close the incident", Do: (*API).close},
		{Method: "POST", Path: "/incidents/{id}/acknowledge", Right: access.Acknowledge, Summary: "Acknowledge a task's notices: your own, by phone for another person, or by reply code", In: Acknowledge{}, Do: (*API).acknowledge},
		{Method: "GET", Path: "/incidents/{id}/calls", Right: access.Read, Summary: "Whom to call by hand, in order, and the calls that were made", Out: []view.CallList{}, Do: (*API).calls},
		{Method: "POST", Path: "/incidents/{id}/calls", Right: access.RunIncident, Summary: "Record a call: who was reached, or not", In: NewCall{}, Do: (*API).recordCall},
		{Method: "POST", Path: "/evidence", Right: access.RunIncident, Summary: "Keep a file (the body) as evidence, to name in a note or a task", Query: []string{"name", "type"}, Out: incident.Evidence{}, Created: true, File: true, Do: (*API).keep},
		{Method: "GET", Path: "/evidence/{hash}", Right: access.Read, Summary: "A file kept as evidence", Do: (*API).evidence},

		{Method: "GET", Path: "/alerts", Right: access.Read, Summary: "Alerts, newest first; those that wait, oldest first", Query: with("waiting", "q", "incident", "source"), Out: view.Page[view.Alert]{}, Do: (*API).alerts},
		{Method: "GET", Path: "/alerts/{id}", Right: access.Read, Summary: "One alert", Out: view.Alert{}, Do: (*API).alert},
		{Method: "POST", Path: "/alerts/{id}/dismiss", Right: access.RunIncident, Summary: "Say that an alert needs no incident", In: Reason{}, Do: (*API).dismissAlert},
		{Method: "POST", Path: "/alerts/{id}/regroup", Right: access.RunIncident, Summary: "Take an alert that was grouped wrongly out of its incident, into another or one of its own", In: Regroup{}, Out: Created{}, Do: (*API).regroup},
		{Method: "POST", Path: "/reports", Right: access.ReportAlert, Summary: "Report what a person saw", In: alert.Report{}, Out: Created{}, Created: true, Do: (*API).report},
		{Method: "POST", Path: "/intake/alertmanager", Right: access.DeliverAlerts, Summary: "Webhook of Alertmanager (version 4); answered once the alerts are stored", In: map[string]any{}, Do: (*API).alertmanager},
		{Method: "POST", Path: "/intake/grafana", Right: access.DeliverAlerts, Summary: "Webhook of Grafana Alerting, signed if a secret is set; answered once the alerts are stored", In: map[string]any{}, Do: (*API).grafana},
		{Method: "POST", Path: "/intake/pagerduty/v2/enqueue", Right: access.DeliverAlerts, InBody: true, Summary: "Event in the shape of PagerDuty's Events API v2, a token as its routing_key; answered as PagerDuty does", In: map[string]any{}, Out: PagerDuty{}, Accepted: true, Do: (*API).pagerDuty},
		{Method: "OPTIONS", Path: "/intake/cloudevents", Right: public, Summary: "Whether a sender's CloudEvents are welcome (WebHook-Request-Origin)", Do: (*API).handshake},
		{Method: "POST", Path: "/intake/cloudevents", Right: access.DeliverAlerts, Summary: "CloudEvents 1.0 in structured, batch or binary mode", In: map[string]any{}, Do: (*API).cloudEvents},
		{Method: "GET", Path: "/intake/webhooks", Right: access.Read, Summary: "Mappings of senders with a format of their own", Out: []intake.Mapping{}, Do: (*API).webhooks},
		{Method: "POST", Path: "/intake/webhooks/{name}", Right: access.DeliverAlerts, Summary: "Webhook of a sender with a format of its own, by its mapping", In: map[string]any{}, Do: (*API).webhook},
		{Method: "POST", Path: "/intake/try", Right: access.Read, Summary: "Which alert a body would become by a mapping, or what is wrong; nothing is stored", In: Try{}, Out: Tried{}, Do: (*API).try},
		{Method: "GET", Path: "/intake/watchdogs", Right: access.Read, Summary: "Signs of life of monitoring systems, and whether one is missed", Out: []Watchdog{}, Do: (*API).watchdogs},

		{Method: "GET", Path: "/directives", Right: access.Read, Summary: "Directives, newest first", Query: paging, Out: view.Page[view.Directive]{}, Do: (*API).directives},
		{Method: "POST", Path: "/directives", Right: access.IssueDirective, Summary: "Propose a directive; in force at once where the plan lets your role decide alone", In: Propose{}, Out: Created{}, Created: true, Do: (*API).propose},
		{Method: "GET", Path: "/directives/{id}", Right: access.Read, Summary: "One directive; with wait, once it is confirmed or ended or the time is up", Query: []string{"wait"}, Out: view.Directive{}, Do: (*API).directive},
		{Method: "POST", Path: "/directives/{id}/approve", Right: access.Approve, Summary: "Approve, as a second person", Do: (*API).approve},
		{Method: "POST", Path: "/directives/{id}/refuse", Right: access.IssueDirective, Summary: "Refuse, or take back, a proposal", In: Reason{}, Do: (*API).refuse},
		{Method: "POST", Path: "/directives/{id}/lift", Right: access.LiftDirective, Summary: "Lift a directive, or ask a second person to where the plan does not let you alone", In: Lift{}, Out: Lifted{}, Do: (*API).lift},
		{Method: "POST", Path: "/directives/{id}/lift/approve", Right: access.Approve, Summary: "Lift it, as a second person", Do: (*API).grantLift},
		{Method: "POST", Path: "/directives/{id}/lift/refuse", Right: access.LiftDirective, Summary: "Refuse, or take back, the wish to lift it", In: Reason{}, Do: (*API).refuseLift},

		{Method: "GET", Path: "/reroute/choices", Right: access.Read, Summary: "Reroutes that may be proposed, by the plan that rules the incident or the one in force, with what each would do now and what would keep it from being opened", Query: []string{"incident"}, Out: []view.RerouteChoice{}, Do: (*API).rerouteChoices},
		{Method: "POST", Path: "/reroute/{id}/without", Right: access.IssueDirective, Summary: "Have a reroute opened without gates that keep it closed: they hold payments of its scope", In: Without{}, Do: (*API).goWithout},
		{Method: "POST", Path: "/reroute", Right: access.IssueDirective, Summary: "Propose that payments go to the second primary, by a temporary solution of the plan; opened as soon as the gates have one fence that is old enough", In: ProposeReroute{}, Out: Created{}, Created: true, Do: (*API).proposeReroute},
		{Method: "GET", Path: "/stand-in/choices", Right: access.Read, Summary: "Stand-ins that may be proposed, by the plan that rules the incident or the one in force, with their limits and what each would do now", Query: []string{"incident"}, Out: []view.StandInChoice{}, Do: (*API).standInChoices},
		{Method: "POST", Path: "/stand-in/{id}/without", Right: access.IssueDirective, Summary: "Have a stand-in opened without gates that keep it closed: their payments stay held, and what they had in flight is not waited for", In: Without{}, Do: (*API).goWithout},
		{Method: "POST", Path: "/stand-in", Right: access.IssueDirective, Summary: "Propose that gates stand in for the primary, by a temporary solution of the plan; opened once forwarding is confirmed stopped", In: ProposeStandIn{}, Out: Created{}, Created: true, Do: (*API).proposeStandIn},

		{Method: "GET", Path: "/authority", Right: access.Read, Summary: "Who may decide on directives now, of an incident by the revision that it runs: by role, by delegation, by breaking the glass", Query: []string{"incident"}, Out: view.Authority{}, Do: (*API).authority},
		{Method: "GET", Path: "/delegations", Right: access.Read, Summary: "Roles that somebody has for another, newest first", Query: with("active"), Out: view.Page[view.Delegation]{}, Do: (*API).delegations},
		{Method: "POST", Path: "/delegations", Right: access.Acknowledge, Summary: "Delegate your roles to another person for a time; for somebody else's it takes manage-roster", In: authority.Given{}, Out: Created{}, Created: true, Do: (*API).delegate},
		{Method: "POST", Path: "/delegations/{id}/end", Right: access.Acknowledge, Summary: "End a delegation before its time", In: Reason{}, Do: (*API).endDelegation},
		{Method: "GET", Path: "/break-glass", Right: access.Read, Summary: "Times that somebody acted beyond his authority, newest first", Query: with("open"), Out: view.Page[view.Glass]{}, Do: (*API).glasses},
		{Method: "POST", Path: "/break-glass", Right: access.IssueDirective, Summary: "Act alone beyond your authority for a time, while on duty; superiors are told at once", In: BreakGlass{}, Out: Created{}, Created: true, Do: (*API).breakGlass},
		{Method: "POST", Path: "/break-glass/{id}/end", Right: access.IssueDirective, Summary: "End it before its time", In: Reason{}, Do: (*API).endGlass},
		{Method: "POST", Path: "/break-glass/{id}/judge", Right: access.Approve, Summary: "Judge it, as a holder of the role that the plan names", In: Judge{}, Do: (*API).judgeGlass},

		{Method: "GET", Path: "/gates", Right: access.Read, Summary: "Gates", Out: []view.Gate{}, Do: (*API).gates},
		{Method: "GET", Path: "/gates/{name}", Right: access.Read, Summary: "One gate", Out: view.Gate{}, Do: (*API).gate},
		{Method: "POST", Path: "/gates/{name}/retire", Right: access.ManageGates, Summary: "Say that a gate is gone for good: no stop waits for it any more", In: Reason{}, Do: (*API).retire},
		{Method: "GET", Path: "/unknowns", Right: access.Read, Summary: "Payments of unknown outcome, oldest first; settled ones, newest first. Each says how far the gate is with asking and who is to tell next (stage: asked, file, person, unheard); q searches identities, directive picks what a stop left unknown", Query: with("settled", "q", "route", "gate", "stage", "directive"), Out: view.Page[view.Unknown]{}, Do: (*API).unknowns},
		{Method: "GET", Path: "/unknowns/resolutions", Right: access.Read, Summary: "What people said of payments of unknown outcome, newest first", Query: with(), Out: view.Page[enrolment.Resolution]{}, Do: (*API).resolutions},
		{Method: "POST", Path: "/unknowns/resolutions", Right: access.RunIncident, Summary: "Say, with a reason and where the evidence is, that a payment of unknown outcome is done or not-done. Above the smallest limit of the plan's stand-in profiles it waits for a second person; the gate that lists the payment settles it, unless the primary answers first", In: enrolment.ResolutionForm{}, Out: Created{}, Do: (*API).resolveUnknown},
		{Method: "POST", Path: "/unknowns/resolutions/{id}/answer", Right: access.Approve, Summary: "Agree, as a second person, to what became of a payment of unknown outcome, or refuse with a reason", In: Answer{}, Do: (*API).answerResolution},
		{Method: "POST", Path: "/unknowns/resolutions/{id}/withdraw", Right: access.RunIncident, Summary: "Take back what was said of a payment of unknown outcome, until a gate has carried it out", In: Reason{}, Do: (*API).withdrawResolution},

		{Method: "GET", Path: "/plan", Right: access.Read, Summary: "The plan in force", Out: view.Plan{}, Do: (*API).plan},
		{Method: "POST", Path: "/plan", Right: access.PublishPlan, Summary: "Publish a revision", In: Publish{}, Out: Published{}, Created: true, Do: (*API).publish},
		{Method: "GET", Path: "/plan/revisions", Right: access.Read, Summary: "Revisions, newest first", Query: with("q"), Out: view.Page[view.Plan]{}, Do: (*API).revisions},
		{Method: "GET", Path: "/plan/revisions/{n}/changes", Right: access.Read, Summary: "What a revision changes in another: in the one before, or in against", Query: []string{"against"}, Out: view.PlanChanges{}, Do: (*API).changes},
		{Method: "GET", Path: "/plan/revisions/{n}", Right: access.Read, Summary: "One revision", Out: view.Plan{}, Do: (*API).revision},
		{Method: "GET", Path: "/plan/register", Right: access.Read, Summary: "Risks by rank and materials, with age, citations and changes told: of the plan in force, or of an open draft", Query: []string{"draft"}, Out: view.Register{}, Do: (*API).register},
		{Method: "POST", Path: "/plan/risks/{id}/changes", Right: access.OpenTrigger, Summary: "Tell that a risk was assessed anew; it opens a trigger. Owner and deadline have defaults", In: trigger.RiskChange{}, Out: Created{}, Created: true, Do: (*API).assessRisk},
		{Method: "POST", Path: "/plan/materials/{id}/changes", Right: access.OpenTrigger, Summary: "Tell that a material has a new version; it opens a trigger. Owner and deadline have defaults", In: trigger.MaterialChange{}, Out: Created{}, Created: true, Do: (*API).renewMaterial},
		{Method: "POST", Path: "/plan/import", Right: access.DraftPlan, Summary: "What a Word document (the body: .docx), in the language lang, gives as a plan: its text, what was found and what is missing; nothing is recorded", Query: []string{"lang"}, Out: ImportedPlan{}, File: true, Do: (*API).importPlan},
		{Method: "GET", Path: "/plan/lint", Right: access.Read, Summary: "What the rules find in the plan in force, with the roster and the gates as they are", Out: Judged{}, Do: (*API).lintCurrent},
		{Method: "GET", Path: "/plan/rules", Right: access.Read, Summary: "The rules by which plans are judged", Out: []lint.Explanation{}, Do: (*API).rules},
		{Method: "POST", Path: "/plan/lint", Right: access.Read, Summary: "What is wrong with a plan's text", In: Lint{}, Out: []Fault{}, Do: (*API).lint},
		{Method: "GET", Path: "/plan/revisions/{n}/readings", Right: access.Read, Summary: "Who has to read a revision, and who has acknowledged it", Out: []view.Reading{}, Do: (*API).readings},
		{Method: "POST", Path: "/plan/revisions/{n}/remind", Right: access.PublishPlan, Summary: "Remind a reader now, or all who have not acknowledged", In: Remind{}, Out: RemindedPeople{}, Do: (*API).remindReaders},
		{Method: "GET", Path: "/plan/revisions/{n}/news", Right: access.Read, Summary: "What a revision changes for you, since the one that you have read last", Out: view.News{}, Do: (*API).news},
		{Method: "POST", Path: "/plan/revisions/{n}/acknowledge", Right: access.Acknowledge, Summary: "Acknowledge that you have read a revision", Do: (*API).acknowledgeReading},

		{Method: "GET", Path: "/plan/revisions/{n}/files/{hash}", Right: access.Read, Summary: "A file of a revision: an attachment, or the scan of an approval", Do: (*API).revisionFile},
		{Method: "POST", Path: "/plan/revisions/{n}/files", Right: access.DraftPlan, Summary: "Keep a file (the body) that a revision names and that is not kept here", Query: []string{"name"}, Out: attachment.File{}, Created: true, File: true, Do: (*API).keepAgain},

		{Method: "GET", Path: "/drafts", Right: access.Read, Summary: "Drafts of the plan, newest first", Out: []view.DraftHead{}, Do: (*API).drafts},
		{Method: "POST", Path: "/drafts", Right: access.DraftPlan, Summary: "Begin a draft: of the latest revision, or of a text", In: BeginDraft{}, Out: Created{}, Created: true, Do: (*API).beginDraft},
		{Method: "GET", Path: "/drafts/{id}", Right: access.Read, Summary: "One draft, whole", Out: view.Draft{}, Do: (*API).draft},
		{Method: "GET", Path: "/drafts/{id}/chapters/{chapter}", Right: access.Read, Summary: "One chapter with its saves", Out: view.ChapterText{}, Do: (*API).chapter},
		{Method: "PUT", Path: "/drafts/{id}/chapters/{chapter}", Right: access.DraftPlan, Summary: "Save a chapter over the save that you saw; if there is a newer one, the problem's member more is that", In: SaveChapter{}, Out: Saved{}, Do: (*API).saveChapter},
		{Method: "POST", Path: "/drafts/{id}/chapters/{chapter}/restore", Right: access.DraftPlan, Summary: "Bring an earlier save of a chapter back", In: RestoreChapter{}, Do: (*API).restoreChapter},
		{Method: "POST", Path: "/drafts/{id}/reviewers", Right: access.DraftPlan, Summary: "Invite an account to comment", In: AccountRef{}, Do: (*API).invite},
		{Method: "POST", Path: "/drafts/{id}/reviewers/{account}/dismiss", Right: access.DraftPlan, Summary: "Take an invitation back", Do: (*API).dismissReviewer},
		{Method: "GET", Path: "/drafts/{id}/reviewers", Right: access.Read, Summary: "Who was invited to comment, and who has finished", Out: []view.Reviewer{}, Do: (*API).reviewers},
		{Method: "POST", Path: "/drafts/{id}/outside", Right: access.DraftPlan, Summary: "Invite an outside person, who needs no account: the answer holds the link, which is told once; with an address it is mailed, too", In: InviteOutside{}, Out: view.OutsideLink{}, Created: true, Do: (*API).inviteOutside},
		{Method: "POST", Path: "/drafts/{id}/outside/{reviewer}/link", Right: access.DraftPlan, Summary: "Make a new link for an outside reviewer; the former works no more", In: NewLink{}, Out: view.OutsideLink{}, Created: true, Do: (*API).newLink},
		{Method: "POST", Path: "/drafts/{id}/outside/{reviewer}/dismiss", Right: access.DraftPlan, Summary: "End the link of an outside reviewer", Do: (*API).dismissOutside},
		{Method: "POST", Path: "/drafts/{id}/finished", Right: access.Read, Summary: "Say, as an invited reviewer, that your review is finished", Do: (*API).finishReview},
		{Method: "POST", Path: "/drafts/{id}/review", Right: access.DraftPlan, Summary: "Open the draft to its reviewers", Do: (*API).review},
		{Method: "POST", Path: "/drafts/{id}/comments", Right: access.Read, Summary: "Comment, as an author or an invited reviewer", In: Remark{}, Do: (*API).remark},
		{Method: "POST", Path: "/drafts/{id}/comments/{n}/replies", Right: access.Read, Summary: "Reply to a comment, as an author or an invited reviewer", In: Reply{}, Do: (*API).reply},
		{Method: "POST", Path: "/drafts/{id}/comments/{n}/resolve", Right: access.DraftPlan, Summary: "Answer a comment by a reason, or by what was saved of its chapter since", In: Resolve{}, Do: (*API).resolve},
		{Method: "POST", Path: "/drafts/{id}/comments/{n}/reopen", Right: access.Read, Summary: "Take the answer to a comment back, as an author or an invited reviewer", Do: (*API).reopen},
		{Method: "GET", Path: "/drafts/{id}/comments/{n}/changes", Right: access.Read, Summary: "The change of its chapter that answered a comment", Out: view.ChapterChange{}, Do: (*API).answer},
		{Method: "POST", Path: "/drafts/{id}/submit", Right: access.DraftPlan, Summary: "Send the draft to approval", In: Submit{}, Do: (*API).submit},
		{Method: "POST", Path: "/drafts/{id}/approve", Right: access.ApprovePlan, Summary: "Approve the text with the hash that you read, where it is your turn", In: ApproveDraft{}, Do: (*API).approveDraft},
		{Method: "POST", Path: "/drafts/{id}/return", Right: access.Read, Summary: "Give the draft back to its authors: refuse it (right approve-plan), or take it back (right draft-plan); all decisions on it are void", In: Reason{}, Do: (*API).giveBack},
		{Method: "POST", Path: "/drafts/{id}/withdraw", Right: access.DraftPlan, Summary: "End the draft for good", In: Reason{}, Do: (*API).withdraw},
		{Method: "POST", Path: "/drafts/{id}/publish", Right: access.PublishPlan, Summary: "Make the approved draft the next revision", In: PublishDraft{}, Out: Published{}, Created: true, Do: (*API).publishDraft},

		{Method: "POST", Path: "/drafts/{id}/files", Right: access.DraftPlan, Summary: "Make a file (the body) an attachment of the draft: entry is its id, material the material it is of, over the hash of the file that it replaces", Query: []string{"name", "entry", "material", "title", "over"}, Out: Attached{}, Created: true, File: true, Do: (*API).attachFile},
		{Method: "GET", Path: "/drafts/{id}/files/{hash}", Right: access.Read, Summary: "A file of a draft: an attachment, or the scan of a decision", Do: (*API).draftFile},
		{Method: "POST", Path: "/drafts/{id}/decisions/{n}/scan", Right: access.Read, Summary: "Keep a signed paper (the body: PDF or picture) beside a decision, as who gave it (right approve-plan) or an author (right draft-plan)", Query: []string{"name"}, Out: attachment.File{}, Created: true, File: true, Do: (*API).scanApproval},

		{Method: "GET", Path: "/plan/current", Right: access.Read, Summary: "Whether the plan is current, and which triggers keep it from being so", Out: view.Current{}, Do: (*API).current},
		{Method: "GET", Path: "/triggers", Right: access.Read, Summary: "Changes that demand an update of the plan, newest first", Query: with("unsettled"), Out: view.Page[view.Trigger]{}, Do: (*API).triggers},
		{Method: "POST", Path: "/triggers", Right: access.OpenTrigger, Summary: "Tell of a change that demands an update of the plan; told again with the same source and reference, it is the same trigger", In: trigger.Report{}, Out: Created{}, Created: true, Do: (*API).openTrigger},
		{Method: "POST", Path: "/triggers/{id}/dispose", Right: access.DraftPlan, Summary: "Say which draft revises the plan, or why no change is needed", In: trigger.Disposal{}, Do: (*API).disposeTrigger},
		{Method: "GET", Path: "/waivers", Right: access.Read, Summary: "Findings of lint that somebody answers for, newest first", Query: with("active"), Out: view.Page[view.Waiver]{}, Do: (*API).waivers},
		{Method: "POST", Path: "/waivers", Right: access.ApprovePlan, Summary: "Accept what a rule of lint finds at a place of the plan, until a day", In: waiver.Form{}, Out: Created{}, Created: true, Do: (*API).grantWaiver},
		{Method: "POST", Path: "/waivers/{id}/revoke", Right: access.ApprovePlan, Summary: "Take a waiver back", In: Reason{}, Do: (*API).revokeWaiver},
		{Method: "GET", Path: "/filings", Right: access.Read, Summary: "What was filed with regulators, newest first", Query: with("overdue"), Out: view.Page[view.Filing]{}, Do: (*API).filings},
		{Method: "POST", Path: "/filings", Right: access.PublishPlan, Summary: "Record what was filed with a regulator", In: filing.Form{}, Out: Created{}, Created: true, Do: (*API).recordFiling},
		{Method: "POST", Path: "/filings/{id}/receipt", Right: access.PublishPlan, Summary: "Record the receipt of a filing", In: filing.Receipt{}, Do: (*API).receiveFiling},
		{Method: "POST", Path: "/filings/{id}/scans", Right: access.PublishPlan, Summary: "Keep a scan (the body: PDF or picture) of a filing; of is filing or receipt", Query: []string{"of", "name"}, Out: attachment.File{}, Created: true, File: true, Do: (*API).scanFiling},
		{Method: "GET", Path: "/filings/{id}/files/{hash}", Right: access.Read, Summary: "A scan of a filing or of its receipt", Do: (*API).filingFile},

		{Method: "GET", Path: "/people", Right: access.Read, Summary: "The roster", Out: []view.Person{}, Do: (*API).people},
		{Method: "POST", Path: "/people", Right: access.ManageRoster, Summary: "Record people from a holdfast-people/1 file or CSV, all or none; with a digest, only as that preview shows", In: RosterText{}, Do: (*API).record},
		{Method: "GET", Path: "/people/{id}", Right: access.Read, Summary: "One person", Out: view.Person{}, Do: (*API).person},
		{Method: "PUT", Path: "/people/{id}", Right: access.ManageRoster, Summary: "Record one person over the revision that you saw, 0 for someone new", In: EditPerson{}, Do: (*API).editPerson},
		{Method: "POST", Path: "/people/{id}/leave", Right: access.ManageRoster, Summary: "Say that a person has left, or will from a time on", In: Leave{}, Do: (*API).leave},
		{Method: "POST", Path: "/people/{id}/stay", Right: access.ManageRoster, Summary: "Take back that a person will leave", Do: (*API).stay},
		{Method: "GET", Path: "/people/{id}/departure", Right: access.Read, Summary: "What turns red without a person from a time on: roles, duty, approvals, tasks, findings in the plan", Query: []string{"from"}, Out: Departure{}, Do: (*API).departure},
		{Method: "GET", Path: "/people/{id}/history", Right: access.Read, Summary: "Every change of a person, newest first, at most 100", Out: History{}, Do: historyOf("person", "id")},
		{Method: "POST", Path: "/people/{id}/restore", Right: access.ManageRoster, Summary: "Record a former state of a person anew", In: Restore{}, Do: restoreOf("person", "id")},
		{Method: "GET", Path: "/people/{id}/held", Right: access.Read, Summary: "What rests on a person, here or left: roles, account, deputies, duty of the coming 14 days", Out: roster.Held{}, Do: (*API).held},
		{Method: "POST", Path: "/notices/test", Right: access.ManageRoster, Summary: "Send one message marked as a test; answered once the receiver has, within 30 s", In: NoticeTest{}, Out: view.Tested{}, Do: (*API).testNotice},
		{Method: "POST", Path: "/people/{id}/verify", Right: access.ManageRoster, Summary: "Send a link to an address of a person, to confirm that it works", In: ContactRef{}, Do: verifyContact("person")},
		{Method: "POST", Path: "/people/{id}/reached", Right: access.ManageRoster, Summary: "Record that you reached a person at an address", In: ContactRef{}, Do: reachedContact("person")},
		{Method: "GET", Path: "/roles", Right: access.Read, Summary: "Who fills each role, and whether two people do", Out: []view.RoleCover{}, Do: (*API).roles},
		{Method: "GET", Path: "/departments", Right: access.Read, Summary: "Departments and who works there", Out: []view.Department{}, Do: (*API).departments},
		{Method: "POST", Path: "/roster/{what}/preview", Right: access.ManageRoster, Summary: "What importing a file of people or parties would do, row by row", In: RosterText{}, Out: ImportPreview{}, Do: (*API).previewImport},
		{Method: "GET", Path: "/roster/{what}", Right: access.Read, Summary: "People, parties or duty schedules as a file, to import again", Query: []string{"format"}, Out: RosterText{}, Do: (*API).rosterText},

		{Method: "GET", Path: "/parties", Right: access.Read, Summary: "Third parties and their contacts", Out: []view.Party{}, Do: (*API).parties},
		{Method: "POST", Path: "/parties", Right: access.ManageRoster, Summary: "Record parties from a holdfast-parties/1 file or CSV, all or none", In: RosterText{}, Do: (*API).recordParties},
		{Method: "GET", Path: "/parties/{id}", Right: access.Read, Summary: "One party", Out: view.Party{}, Do: (*API).party},
		{Method: "PUT", Path: "/parties/{id}", Right: access.ManageRoster, Summary: "Record one party over the revision that you saw, 0 for a new one", In: EditParty{}, Do: (*API).editParty},
		{Method: "GET", Path: "/parties/{id}/history", Right: access.Read, Summary: "Every change of a party, newest first, at most 100", Out: History{}, Do: historyOf("party", "id")},
		{Method: "POST", Path: "/parties/{id}/restore", Right: access.ManageRoster, Summary: "Record a former state of a party anew", In: Restore{}, Do: restoreOf("party", "id")},
		{Method: "POST", Path: "/parties/{id}/remove", Right: access.ManageRoster, Summary: "Say that a party is none any more", In: Reason{}, Do: (*API).removeParty},
		{Method: "POST", Path: "/parties/{id}/verify", Right: access.ManageRoster, Summary: "Send a link to an address of a party, to confirm that it works", In: ContactRef{}, Do: verifyContact("party")},
		{Method: "POST", Path: "/parties/{id}/reached", Right: access.ManageRoster, Summary: "Record that you reached a party at an address", In: ContactRef{}, Do: reachedContact("party")},

		{Method: "GET", Path: "/duty", Right: access.Read, Summary: "Duty times of all roles in the coming 14 days", Out: []view.DutyWeek{}, Do: (*API).duties},
		{Method: "POST", Path: "/duty", Right: access.ManageRoster, Summary: "Record duty schedules from a holdfast-duty/1 file", In: RosterText{}, Do: (*API).schedule},
		{Method: "GET", Path: "/duty/{role}", Right: access.Read, Summary: "Duty times of a role, 14 days from now unless asked otherwise", Query: []string{"from", "days"}, Out: view.DutyWeek{}, Do: (*API).duty},
		{Method: "PUT", Path: "/duty/{role}", Right: access.ManageRoster, Summary: "Record one schedule over the revision that you saw, 0 for a new one", In: EditDuty{}, Do: (*API).editDuty},
		{Method: "GET", Path: "/duty/{role}/history", Right: access.Read, Summary: "Every change of a role's duty times, newest first, at most 100", Out: History{}, Do: historyOf("duty", "role")},
		{Method: "POST", Path: "/duty/{role}/restore", Right: access.ManageRoster, Summary: "Record a former schedule of a role anew", In: Restore{}, Do: restoreOf("duty", "role")},
		{Method: "GET", Path: "/duty/{role}/now", Right: access.Read, Summary: "Who is on duty for a role now or at another time", Query: []string{"at"}, Out: OnDuty{}, Do: (*API).onDuty},
		{Method: "POST", Path: "/duty/{role}/end", Right: access.ManageRoster, Summary: "Say that a role has no duty times any more", In: Reason{}, Do: (*API).endDuty},
		{Method: "POST", Path: "/duty/{role}/covers", Right: access.ManageRoster, Summary: "Put a person on duty in place of another for some time", In: NewCover{}, Out: Created{}, Created: true, Do: (*API).cover},
		{Method: "POST", Path: "/duty/{role}/covers/{id}/withdraw", Right: access.ManageRoster, Summary: "Withdraw a cover", In: Reason{}, Do: (*API).uncover},
		{Method: "GET", Path: "/calendars", Right: access.Read, Summary: "Calendars of working days and holidays, with the years they have data for", Out: []roster.Calendar{}, Do: (*API).calendars},
		{Method: "POST", Path: "/calendars", Right: access.ManageRoster, Summary: "Record years of a calendar from a holdfast-calendar/1 file", In: RosterText{}, Do: (*API).recordCalendar},

		{Method: "GET", Path: "/backups", Right: access.Read, Summary: "How the node's backups stand, and which there are, newest first", Out: Backups{}, Do: (*API).backups},
		{Method: "POST", Path: "/backups", Right: access.ManageAccess, Summary: "Make a backup now, and read it back whole", Out: backup.Manifest{}, Created: true, Do: (*API).makeBackup},
		{Method: "GET", Path: "/backups/{name}", Right: access.ManageAccess, Summary: "A backup's file", Do: (*API).backupFile},
		{Method: "GET", Path: "/restored", Right: access.Read, Summary: "Restores that the journal has been through, newest first", Out: []view.Restored{}, Do: (*API).restorations},
		{Method: "POST", Path: "/restored/settle", Right: access.ManageGates, Summary: "Say that every gate is accounted for after a restore: stops are confirmed again", In: Reason{}, Do: (*API).settle},

		{Method: "GET", Path: "/accounts", Right: access.ManageAccess, Summary: "Accounts", Out: []access.Account{}, Do: (*API).accounts},
		{Method: "POST", Path: "/accounts", Right: access.ManageAccess, Summary: "Create an account", In: NewAccount{}, Created: true, Do: (*API).createAccount},
		{Method: "PATCH", Path: "/accounts/{name}", Right: access.ManageAccess, Summary: "Change an account", In: access.Changes{}, Do: (*API).changeAccount},
		{Method: "POST", Path: "/accounts/{name}/password", Right: access.ManageAccess, Summary: "Set a password; the account's sessions end", In: Password{}, Do: (*API).setPassword},
		{Method: "GET", Path: "/devices", Right: anyone, Summary: "Browsers that notices are pushed to: yours; with all, everyone's", Query: []string{"all"}, Out: []device.Device{}, Do: (*API).devices},
		{Method: "POST", Path: "/devices/{id}/remove", Right: anyone, Summary: "Push nothing more to a browser of yours, or, with the right to manage the roster, of another", Do: (*API).removeDevice},
		{Method: "GET", Path: "/tokens", Right: anyone, Summary: "Tokens of your account; with account, of another", Query: []string{"account"}, Out: []access.Token{}, Do: (*API).tokens},
		{Method: "POST", Path: "/tokens", Right: anyone, Summary: "Issue a token, which is shown once", In: NewToken{}, Out: Issued{}, Created: true, Do: (*API).issueToken},
		{Method: "POST", Path: "/tokens/{id}/revoke", Right: anyone, Summary: "Revoke a token", Do: (*API).revokeToken},
	}
	routes = append(routes, obligationRoutes...)
	routes = append(routes, improvementRoutes...)
	routes = append(routes, reconciliationRoutes...)
	routes = append(routes, settlementRoutes...)
	routes = append(routes, statusRoutes...)
	routes = append(routes, debriefRoutes...)
}
