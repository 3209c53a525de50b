// Package console is the screens for people: HTML made on the server, every act
// a form that works without a script, and a short script of our own that swaps
// in what has changed. It shows the structs of package view and calls the same
// services as package api; it decides nothing.
//
// A page is one template under templates/ with its own struct; [Console.Handler]
// lists all routes. An act answers with a redirect to a page (303), so that a
// reload repeats nothing; an act that was refused shows its page again with the
// reason, and what was typed.
//
// Texts come from the catalogues in the reader's language: the one chosen with
// ?lang= (kept in a cookie), else the account's, else the browser's. Times are in
// the zone the browser names in a cookie, else the operator's.
package console

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/alert"
	"holdfast/internal/authority"
	"holdfast/internal/backup"
	"holdfast/internal/callout"
	"holdfast/internal/debrief"
	"holdfast/internal/device"
	"holdfast/internal/directive"
	"holdfast/internal/draft"
	"holdfast/internal/enrolment"
	"holdfast/internal/filing"
	"holdfast/internal/improvement"
	"holdfast/internal/intake"
	"holdfast/internal/journal"
	"holdfast/internal/locale"
	"holdfast/internal/obligation"
	"holdfast/internal/plan"
	"holdfast/internal/reconciliation"
	"holdfast/internal/response"
	"holdfast/internal/roster"
	"holdfast/internal/settlement"
	"holdfast/internal/status"
	"holdfast/internal/subscription"
	"holdfast/internal/trigger"
	"holdfast/internal/view"
	"holdfast/internal/waiver"
	"holdfast/internal/web"
)

// Console shows the screens.
type Console struct {
	View           *view.Source
	Store          journal.Store
	Desk           *journal.Desk
	Access         *access.Service
	Alerts         *alert.Service
	Directives     *directive.Service
	Gates          *enrolment.Service
	Plans          *plan.Service
	Drafts         *draft.Service
	Triggers       *trigger.Service
	Filings        *filing.Service
	Waivers        *waiver.Service
	Authority      *authority.Service
	Obligations    *obligation.Service
	Improvements   *improvement.Service
	Status         *status.Service
	Subscribers    *subscription.Service
	Devices        *device.Service
	Debriefs       *debrief.Service
	Roster         *roster.Service
	Reconciliation *reconciliation.Service
	Settlement     *settlement.Service
	Verifier       *callout.Verifier
	Tester         *callout.Tester
	Readers        *callout.Readers
	Response       *response.Service
	Acks           *callout.Acks
	Caller         *callout.Caller
	Restored       *backup.Service
	// Webhooks are the mappings of senders with a format of their own.
	Webhooks []*intake.Webhook
	// PublicReports lets anybody report a problem, without an account.
	PublicReports bool
	// Zone is the operator's time zone, for readers whose browser names none.
	Zone *time.Location
	Log  *slog.Logger

	web     *web.Server
	screens screens
	// asks bounds how often forms ask about expressions.
	asks   *access.Limiter
	guests guests
	// strangers bounds reports of those without an account.
	strangers strangers
}

// visit is one request of one reader.
type visit struct {
	w     http.ResponseWriter
	r     *http.Request
	req   web.Request
	words *locale.Printer
	zone  *time.Location
}

func (v *visit) who() access.Principal { return v.req.Who }

func (v *visit) by() holdfast.Actor { return v.req.Who.Actor }

func (v *visit) path(name string) string { return v.r.PathValue(name) }

func (v *visit) query(name string) string { return v.r.URL.Query().Get(name) }

// form returns a field of the posted form.
func (v *visit) form(name string) string { return v.r.PostFormValue(name) }

// offset reads where a page of a list begins.
func (v *visit) offset() int {
	n, err := strconv.Atoi(v.query("offset"))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// seeOther sends the browser to a page, which shows the text flash.<done>.
func (v *visit) seeOther(path, done string) error {
	if done != "" {
		path += "?ok=" + url.QueryEscape(done)
	}
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// screen makes one page, or carries out one act.
type screen func(c *Console, v *visit) error

// maxForm is the largest form in bytes: twice the largest file, so that one that is
// too large is refused on its page, where it can be replaced.
const maxForm = 2 * journal.MaxBlob

// maxOpenForm is the largest form in bytes of a page that anybody may post to: it is
// read before it is known who posted it, and none takes a file.
const maxOpenForm = 256 << 10

// Handler returns the handler of all screens.
func (c *Console) Handler(s *web.Server) (http.Handler, error) {
	c.web, c.Zone, c.guests = s, cmp.Or(c.Zone, time.UTC), newGuests()
	c.strangers = newStrangers()
	c.asks, c.screens.names.of = newAsks(), c.View
	if err := c.screens.parse(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, rt := range routes {
		mux.Handle(rt.pattern, c.serve(rt))
	}
	mux.Handle("GET /static/{name}", http.HandlerFunc(c.static))
	mux.Handle("GET /"+workerFile, http.HandlerFunc(c.worker))
	mux.Handle("/", s.Page(func(w http.ResponseWriter, r *http.Request, _ web.Request) error {
		return holdfast.Errorf(holdfast.NotFound, "there is no page %s", r.URL.Path)
	}, c.fail))
	return mux, nil
}

type route struct {
	pattern string
	// right is what the reader needs; anyone means no more than to be signed in,
	// public not even that.
	right access.Action
	show  screen
	// back makes the page that shows why an act was refused; nil for pages.
	back screen
}

const (
	public access.Action = ""
	anyone access.Action = "signed-in"
)

// routes is every screen and every act. An act's last entry is the page to show
// again if it is refused.
var routes []route

func init() {
	routes = []route{
		{"GET /sign-in", public, (*Console).signInPage, nil},
		{"POST /sign-in", public, (*Console).signIn, (*Console).signInPage},
		{"POST /sign-out", public, (*Console).signOut, nil},
		{"GET /confirm/{ask}", public, (*Console).confirmPage, nil},
		{"POST /confirm/{ask}", public, (*Console).confirmContact, (*Console).confirmPage},
		{"GET /review/{draft}/{reviewer}", public, (*Console).review, nil},
		{"GET /review/{draft}/{reviewer}/comments/{n}/changes", public, (*Console).reviewChanges, nil},
		{"GET /review/{draft}/{reviewer}/files/{hash}", public, (*Console).reviewFile, nil},
		{"POST /review/{draft}/{reviewer}/comments", public, (*Console).reviewComment, (*Console).review},
		{"POST /review/{draft}/{reviewer}/comments/{n}/reply", public, (*Console).reviewReply, (*Console).review},
		{"POST /review/{draft}/{reviewer}/comments/{n}/reopen", public, (*Console).reviewReopen, (*Console).review},
		{"POST /review/{draft}/{reviewer}/finished", public, (*Console).reviewFinish, (*Console).review},
		{"GET /read/{plan}/{n}/{person}", public, (*Console).readPage, nil},
		{"POST /read/{plan}/{n}/{person}", public, (*Console).acknowledgeRead, (*Console).readPage},
		{"GET /acknowledge/{notice}", public, (*Console).ackPage, nil},
		{"POST /acknowledge/{notice}", public, (*Console).ackNotice, (*Console).ackPage},
		{"GET /live", access.Read, (*Console).live, nil},

		{"GET /{$}", access.Read, (*Console).posture, nil},
		{"GET /incidents", access.Read, (*Console).incidents, nil},
		{"GET /incidents/{id}", access.Read, (*Console).incident, nil},
		{"POST /incidents/{id}/confirm", access.RunIncident, (*Console).confirm, (*Console).incident},
		{"POST /incidents/{id}/dismiss", access.RunIncident, (*Console).dismiss, (*Console).incident},
		{"POST /incidents/{id}/notes", access.RunIncident, (*Console).note, (*Console).incident},
		{"POST /incidents/{id}/tasks/{task}/take", access.RunIncident, (*Console).take, (*Console).incident},
		{"POST /incidents/{id}/tasks/{task}/done", access.RunIncident, (*Console).done, (*Console).incident},
		{"POST /incidents/{id}/tasks/{task}/failed", access.RunIncident, (*Console).failed, (*Console).incident},
		{"POST /incidents/{id}/tasks/{task}/agree", access.Acknowledge, (*Console).agreeBranch, (*Console).incident},
		{"POST /incidents/{id}/tasks/{task}/webhook", access.RunIncident, (*Console).callWebhook, (*Console).incident},
		{"POST /incidents/{id}/tasks/{task}/items/{item}", access.RunIncident, (*Console).tickItem, (*Console).incident},
		{"POST /incidents/{id}/tasks/{task}/direct", access.IssueDirective, (*Console).direct, (*Console).incident},
		{"POST /incidents/{id}/tasks/{task}/probe", access.RunIncident, (*Console).probe, (*Console).incident},
		{"POST /incidents/{id}/tasks/{task}/ramp", access.RunRamp, (*Console).rampTo, (*Console).incident},
		{"POST /incidents/{id}/tasks/{task}/ramp/keep", access.RunRamp, (*Console).rampKeep, (*Console).incident},
		{"POST /incidents/{id}/tasks/{task}/ramp/close", access.RunRamp, (*Console).rampClose, (*Console).incident},
		{"POST /incidents/{id}/stages/{stage}/done", access.RunIncident, (*Console).endStage, (*Console).incident},
		{"POST /incidents/{id}/stages/{stage}/skip", access.RunIncident, (*Console).askSkip, (*Console).incident},
		{"POST /incidents/{id}/stages/{stage}/skip/answer", access.Approve, (*Console).answerSkip, (*Console).incident},
		{"POST /incidents/{id}/level", access.RunIncident, (*Console).changeLevel, (*Console).incident},
		{"POST /incidents/{id}/level/keep", access.RunIncident, (*Console).keepLevel, (*Console).incident},
		{"POST /incidents/{id}/level/answer", access.Approve, (*Console).answerFall, (*Console).incident},
		{"POST /incidents/{id}/measures/{measure}", access.RunIncident, (*Console).enterMeasure, (*Console).incident},
		{"POST /incidents/{id}/false-alarm", access.RunIncident, (*Console).falseAlarm, (*Console).incident},
		{"POST /incidents/{id}/false-alarm/answer", access.Approve, (*Console).answerFalseAlarm, (*Console).incident},
		{"POST /incidents/{id}/reopen", access.RunIncident, (*Console).reopenIncident, (*Console).incident},
		{"POST /incidents/{id}/merge", access.RunIncident, (*Console).mergeIncident, (*Console).incident},
		{"POST /incidents/{id}/unmerge", access.RunIncident, (*Console).unmergeIncident, (*Console).incident},
		{"POST /incidents/{id}/links", access.RunIncident, (*Console).linkIncident, (*Console).incident},
		{"POST /incidents/{id}/posts", access.RunIncident, (*Console).fillPost, (*Console).incident},
		{"POST /incidents/{id}/posts/{post}", access.RunIncident, (*Console).fillPost, (*Console).incident},
		{"POST /incidents/{id}/handovers", access.RunIncident, (*Console).offerPost, (*Console).incident},
		{"POST /incidents/{id}/handovers/{n}/answer", access.RunIncident, (*Console).answerOffer, (*Console).incident},
		{"POST /incidents/{id}/decisions", access.RunIncident, (*Console).askDecision, (*Console).incident},
		{"POST /incidents/{id}/decisions/{decision}", access.RunIncident, (*Console).makeDecision, (*Console).incident},
		{"POST /incidents/{id}/corrections", access.RunIncident, (*Console).correct, (*Console).incident},
		{"POST /incidents/{id}/acknowledge", access.Acknowledge, (*Console).acknowledge, (*Console).incident},
		{"POST /incidents/{id}/code", access.Acknowledge, (*Console).acknowledgeByCode, (*Console).incident},
		{"GET /incidents/{id}/calls", access.Read, (*Console).calls, nil},
		{"POST /incidents/{id}/calls", access.RunIncident, (*Console).recordCall, (*Console).calls},
		{"GET /incidents/{id}/evidence.zip", access.ReadArchive, (*Console).incidentEvidence, nil},
		{"GET /evidence/{hash}", access.Read, (*Console).evidence, nil},

		{"GET /alerts", access.Read, (*Console).alerts, nil},
		{"GET /alerts/{id}", access.Read, (*Console).alert, nil},
		{"POST /alerts/{id}/suspect", access.RunIncident, (*Console).suspect, (*Console).alert},
		{"POST /alerts/{id}/attach", access.RunIncident, (*Console).attach, (*Console).alert},
		{"POST /alerts/{id}/regroup", access.RunIncident, (*Console).regroup, (*Console).alert},
		{"POST /alerts/{id}/dismiss", access.RunIncident, (*Console).dismissAlert, (*Console).alert},
		{"GET /report", public, (*Console).reportPage, nil},
		{"POST /report", public, (*Console).report, (*Console).reportPage},
		{"GET /intake", access.Read, (*Console).intakePage, nil},
		{"POST /intake/try", access.Read, (*Console).tryMapping, (*Console).intakePage},

		{"GET /gates", access.Read, (*Console).gates, nil},
		{"GET /gates/{name}", access.Read, (*Console).gate, nil},
		{"POST /gates/{name}/retire", access.ManageGates, (*Console).retire, (*Console).gate},
		{"POST /journal/settle", access.ManageGates, (*Console).settle, (*Console).posture},
		{"GET /unknowns", access.Read, (*Console).unknowns, nil},
		{"GET /unknowns.csv", access.Read, (*Console).unknownsCSV, nil},
		{"POST /unknowns/{key}", access.RunIncident, (*Console).resolveUnknown, (*Console).unknowns},
		{"POST /resolutions/{id}/answer", access.Approve, (*Console).answerResolution, (*Console).unknowns},
		{"POST /resolutions/{id}/withdraw", access.RunIncident, (*Console).withdrawResolution, (*Console).unknowns},

		{"GET /directives", access.Read, (*Console).directives, nil},
		{"POST /directives", access.IssueDirective, (*Console).propose, (*Console).directives},
		{"POST /directives/{id}/without", access.IssueDirective, (*Console).goWithout, (*Console).directive},
		{"POST /reroute", access.IssueDirective, (*Console).proposeReroute, (*Console).directives},
		{"POST /stand-in", access.IssueDirective, (*Console).proposeStandIn, (*Console).directives},
		{"GET /directives/{id}", access.Read, (*Console).directive, nil},
		{"POST /directives/{id}/approve", access.Approve, (*Console).approve, (*Console).directive},
		{"POST /directives/{id}/refuse", access.IssueDirective, (*Console).refuse, (*Console).directive},
		{"POST /directives/{id}/lift", access.LiftDirective, (*Console).lift, (*Console).directive},
		{"POST /directives/{id}/lift/approve", access.Approve, (*Console).grantLift, (*Console).directive},
		{"POST /directives/{id}/lift/refuse", access.LiftDirective, (*Console).refuseLift, (*Console).directive},
		{"GET /authority", access.Read, (*Console).authority, nil},
		{"POST /delegations", access.Acknowledge, (*Console).delegate, (*Console).authority},
		{"POST /delegations/{id}/end", access.Acknowledge, (*Console).endDelegation, (*Console).authority},
		{"POST /break-glass", access.IssueDirective, (*Console).breakGlass, (*Console).authority},
		{"POST /break-glass/{id}/end", access.IssueDirective, (*Console).endGlass, (*Console).authority},
		{"POST /break-glass/{id}/judge", access.Approve, (*Console).judgeGlass, (*Console).authority},

		{"GET /risks", access.Read, (*Console).risks, nil},
		{"POST /risks/{id}/changes", access.OpenTrigger, (*Console).assessRisk, (*Console).risks},
		{"GET /materials", access.Read, (*Console).materials, nil},
		{"POST /materials/{id}/changes", access.OpenTrigger, (*Console).renewMaterial, (*Console).materials},
		{"GET /plans", access.Read, (*Console).plans, nil},
		{"GET /plans/compare", access.Read, (*Console).compareRevisions, nil},
		{"GET /plan", access.Read, (*Console).plan, nil},
		{"GET /plan/{n}", access.Read, (*Console).plan, nil},
		{"GET /plan/{n}/text", access.Read, (*Console).planText, nil},
		{"GET /plan/{n}/document", access.Read, (*Console).planDocument, nil},
		{"GET /plan/{n}/changes", access.Read, (*Console).planChanges, nil},
		{"GET /plan/{n}/timeline", access.Read, (*Console).planTimeline, nil},
		{"GET /plan/{n}/pack", access.Read, (*Console).emergencyPack, nil},
		{"GET /plan/{n}/files/{hash}", access.Read, (*Console).planFile, nil},
		{"POST /plan/{n}/files", access.DraftPlan, (*Console).keepAgain, (*Console).plan},
		{"POST /plan/{n}/acknowledge", access.Acknowledge, (*Console).acknowledgePlan, (*Console).plan},
		{"POST /plan/{n}/remind", access.PublishPlan, (*Console).remindReaders, (*Console).plan},
		{"GET /drafts", access.Read, (*Console).drafts, nil},
		{"POST /drafts", access.DraftPlan, (*Console).beginDraft, (*Console).drafts},
		{"GET /drafts/{id}", access.Read, (*Console).draft, nil},
		{"GET /drafts/{id}/read", access.Read, (*Console).draftRead, nil},
		{"GET /drafts/{id}/changes", access.Read, (*Console).draftDiff, nil},
		{"GET /drafts/{id}/files/{hash}", access.Read, (*Console).draftFile, nil},
		{"POST /drafts/{id}/chapters/{chapter}/files", access.DraftPlan, (*Console).attachFile, (*Console).uploadPage},
		{"POST /drafts/{id}/decisions/{n}/scan", access.Read, (*Console).scanDecision, (*Console).draft},
		{"GET /drafts/{id}/text", access.Read, (*Console).draftText, nil},
		{"POST /drafts/{id}/expression", access.DraftPlan, (*Console).askExpression, nil},
		{"GET /drafts/{id}/checklist", access.Read, (*Console).checklist, nil},
		{"GET /drafts/{id}/chapters/{chapter}", access.DraftPlan, (*Console).chapter, nil},
		{"POST /drafts/{id}/chapters/{chapter}", access.DraftPlan, (*Console).saveChapter, (*Console).chapter},
		{"POST /drafts/{id}/chapters/{chapter}/text", access.DraftPlan, (*Console).saveChapterText, (*Console).chapter},
		{"POST /drafts/{id}/chapters/{chapter}/restore", access.DraftPlan, (*Console).restoreChapter, (*Console).chapter},
		{"POST /drafts/{id}/reviewers", access.DraftPlan, (*Console).inviteReviewer, (*Console).draft},
		{"POST /drafts/{id}/reviewers/dismiss", access.DraftPlan, (*Console).dismissReviewer, (*Console).draft},
		{"POST /drafts/{id}/outside", access.DraftPlan, (*Console).inviteOutside, (*Console).draft},
		{"POST /drafts/{id}/outside/{reviewer}/link", access.DraftPlan, (*Console).newOutsideLink, (*Console).draft},
		{"POST /drafts/{id}/outside/{reviewer}/dismiss", access.DraftPlan, (*Console).dismissOutside, (*Console).draft},
		{"POST /drafts/{id}/finished", access.Read, (*Console).finishReview, (*Console).draft},
		{"GET /drafts/{id}/comments/{n}/changes", access.Read, (*Console).draftAnswer, nil},
		{"POST /drafts/{id}/review", access.DraftPlan, (*Console).reviewDraft, (*Console).draft},
		{"POST /drafts/{id}/comments", access.Read, (*Console).commentDraft, (*Console).draftRead},
		{"POST /drafts/{id}/comments/{n}/reply", access.Read, (*Console).replyComment, (*Console).draft},
		{"POST /drafts/{id}/comments/{n}/resolve", access.DraftPlan, (*Console).resolveComment, (*Console).draft},
		{"POST /drafts/{id}/comments/{n}/reopen", access.Read, (*Console).reopenComment, (*Console).draft},
		{"POST /drafts/{id}/submit", access.DraftPlan, (*Console).submitDraft, (*Console).draft},
		{"POST /drafts/{id}/approve", access.ApprovePlan, (*Console).approveDraft, (*Console).draft},
		{"POST /drafts/{id}/return", access.Read, (*Console).returnDraft, (*Console).draft},
		{"POST /drafts/{id}/withdraw", access.DraftPlan, (*Console).withdrawDraft, (*Console).draft},
		{"POST /drafts/{id}/publish", access.PublishPlan, (*Console).publishDraft, (*Console).draft},
		{"GET /triggers", access.Read, (*Console).triggers, nil},
		{"POST /triggers", access.OpenTrigger, (*Console).openTrigger, (*Console).triggers},
		{"POST /triggers/{id}/dispose", access.DraftPlan, (*Console).disposeTrigger, (*Console).triggers},
		{"GET /waivers", access.Read, (*Console).waivers, nil},
		{"POST /waivers", access.ApprovePlan, (*Console).grantWaiver, (*Console).waivers},
		{"POST /waivers/{id}/revoke", access.ApprovePlan, (*Console).revokeWaiver, (*Console).waivers},
		{"GET /filings", access.Read, (*Console).filings, nil},
		{"POST /filings", access.PublishPlan, (*Console).recordFiling, (*Console).filings},
		{"POST /filings/{id}/receipt", access.PublishPlan, (*Console).receiveFiling, (*Console).filings},

		{"POST /filings/{id}/scans", access.PublishPlan, (*Console).scanFiling, (*Console).filings},
		{"GET /filings/{id}/files/{hash}", access.Read, (*Console).filingFile, nil},

		{"GET /people", access.Read, (*Console).people, nil},
		{"GET /people/-new", access.ManageRoster, (*Console).personNew, nil},
		{"POST /people/-new", access.ManageRoster, (*Console).savePerson, (*Console).personNew},
		{"GET /people/-import", access.ManageRoster, (*Console).peopleImport, nil},
		{"POST /people/-import", access.ManageRoster, (*Console).importPeople, (*Console).peopleImport},
		{"GET /people/-template", access.Read, (*Console).peopleTemplate, nil},
		{"GET /people/-export", access.Read, (*Console).exportPeople, nil},
		{"GET /people/{id}", access.Read, (*Console).person, nil},
		{"GET /people/{id}/edit", access.ManageRoster, (*Console).personEdit, nil},
		{"POST /people/{id}/edit", access.ManageRoster, (*Console).savePerson, (*Console).personEdit},
		{"POST /people/{id}/verify", access.ManageRoster, (*Console).verifyPerson, (*Console).person},
		{"POST /people/{id}/test", access.ManageRoster, (*Console).testPerson, (*Console).person},
		{"POST /people/{id}/reached", access.ManageRoster, (*Console).reachedPerson, (*Console).person},
		{"GET /people/{id}/leave", access.ManageRoster, (*Console).leavePage, nil},
		{"POST /people/{id}/leave", access.ManageRoster, (*Console).leave, (*Console).leavePage},
		{"POST /people/{id}/stay", access.ManageRoster, (*Console).stay, (*Console).person},
		{"POST /people/{id}/restore", access.ManageRoster, (*Console).restorePerson, (*Console).person},
		{"GET /roles", access.Read, (*Console).roles, nil},

		{"GET /parties", access.Read, (*Console).parties, nil},
		{"GET /parties/-new", access.ManageRoster, (*Console).partyNew, nil},
		{"POST /parties/-new", access.ManageRoster, (*Console).saveParty, (*Console).partyNew},
		{"GET /parties/-import", access.ManageRoster, (*Console).partiesImport, nil},
		{"POST /parties/-import", access.ManageRoster, (*Console).importParties, (*Console).partiesImport},
		{"GET /parties/-template", access.Read, (*Console).partiesTemplate, nil},
		{"GET /parties/-export", access.Read, (*Console).exportParties, nil},
		{"GET /parties/{id}", access.Read, (*Console).party, nil},
		{"GET /parties/{id}/edit", access.ManageRoster, (*Console).partyEdit, nil},
		{"POST /parties/{id}/edit", access.ManageRoster, (*Console).saveParty, (*Console).partyEdit},
		{"POST /parties/{id}/verify", access.ManageRoster, (*Console).verifyParty, (*Console).party},
		{"POST /parties/{id}/test", access.ManageRoster, (*Console).testParty, (*Console).party},
		{"POST /parties/{id}/reached", access.ManageRoster, (*Console).reachedParty, (*Console).party},
		{"POST /parties/{id}/remove", access.ManageRoster, (*Console).removeParty, (*Console).party},
		{"POST /parties/{id}/restore", access.ManageRoster, (*Console).restoreParty, (*Console).party},

		{"GET /duty", access.Read, (*Console).duty, nil},
		{"GET /duty/-new", access.ManageRoster, (*Console).dutyNew, nil},
		{"POST /duty/-new", access.ManageRoster, (*Console).saveDuty, (*Console).dutyNew},
		{"GET /duty/{role}", access.Read, (*Console).dutyRole, nil},
		{"GET /duty/{role}/edit", access.ManageRoster, (*Console).dutyEdit, nil},
		{"POST /duty/{role}/edit", access.ManageRoster, (*Console).saveDuty, (*Console).dutyEdit},
		{"POST /duty/{role}/covers", access.ManageRoster, (*Console).cover, (*Console).dutyRole},
		{"POST /duty/{role}/covers/{id}/withdraw", access.ManageRoster, (*Console).uncover, (*Console).dutyRole},
		{"POST /duty/{role}/end", access.ManageRoster, (*Console).endDuty, (*Console).dutyRole},
		{"POST /duty/{role}/restore", access.ManageRoster, (*Console).restoreDuty, (*Console).dutyRole},
		{"GET /calendars", access.Read, (*Console).calendars, nil},
		{"POST /calendars", access.ManageRoster, (*Console).importCalendar, (*Console).calendars},
		{"GET /calendars/-template", access.Read, (*Console).calendarTemplate, nil},

		{"GET /account", anyone, (*Console).account, nil},
		{"POST /account/password", anyone, (*Console).changePassword, (*Console).account},
		{"POST /account/tokens", anyone, (*Console).issueToken, (*Console).account},
		{"POST /account/tokens/{id}/revoke", anyone, (*Console).revokeToken, (*Console).account},
		{"POST /account/sessions/{id}/end", anyone, (*Console).endSession, (*Console).account},
		{"POST /account/devices", anyone, (*Console).registerDevice, (*Console).account},
		{"POST /account/devices/{id}/remove", anyone, (*Console).removeDevice, (*Console).account},
		{"GET /accounts", access.ManageAccess, (*Console).accounts, nil},
		{"POST /accounts", access.ManageAccess, (*Console).createAccount, (*Console).accounts},
		{"GET /accounts/{name}", access.ManageAccess, (*Console).accountEdit, nil},
		{"POST /accounts/{name}", access.ManageAccess, (*Console).changeAccount, (*Console).accountEdit},
		{"POST /accounts/{name}/tokens", access.ManageAccess, (*Console).issueTokenFor, (*Console).accountEdit},
		{"POST /accounts/{name}/tokens/{id}/revoke", access.ManageAccess, (*Console).revokeTokenOf, (*Console).accountEdit},
		{"POST /accounts/{name}/password", access.ManageAccess, (*Console).setPassword, (*Console).accountEdit},
	}
	routes = append(routes, obligationRoutes...)
	routes = append(routes, improvementRoutes...)
	routes = append(routes, reconciliationRoutes...)
	routes = append(routes, settlementRoutes...)
	routes = append(routes, queueRoutes...)
	routes = append(routes, statusRoutes...)
	routes = append(routes, debriefRoutes...)
}

// serve checks the reader's right, reads the form, and shows a refused act's
// page again with the reason.
func (c *Console) serve(rt route) http.Handler {
	return c.web.Page(func(w http.ResponseWriter, r *http.Request, req web.Request) error {
		v := c.visit(w, r, req)
		if err := c.enter(rt, v); err != nil {
			return err
		}
		err := rt.show(c, v)
		if err == nil || rt.back == nil || holdfast.CodeOf(err) == holdfast.Internal {
			return err
		}
		again := *v
		again.w = &refused{ResponseWriter: w, problem: c.explain(v, err), status: web.Status(err), err: err}
		if rt.back(c, &again) != nil {
			return err // the page cannot be shown either: the first cause says more
		}
		return nil
	}, c.fail)
}

func (c *Console) enter(rt route, v *visit) error {
	if rt.right != public && !v.who().Known() {
		return holdfast.Errorf(holdfast.Unauthenticated, "please sign in")
	}
	if rt.right != public && rt.right != anyone {
		if err := v.who().Require(rt.right); err != nil {
			return err
		}
	}
	if v.r.Method != http.MethodPost {
		return nil
	}
	limit := int64(maxForm)
	if rt.right == public {
		limit = maxOpenForm
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, limit)
	err := v.r.ParseForm() // by itself: the next takes a form that broke off for an empty one
	if err == nil {
		err = v.r.ParseMultipartForm(1 << 20)
	}
	switch {
	case err == nil || err == http.ErrNotMultipart:
		return nil
	case rt.right == public:
		return holdfast.Errorf(holdfast.TooLarge, "the form could not be read, or has more than %d bytes", limit).Because(err)
	}
	return holdfast.Errorf(holdfast.TooLarge, "the form could not be read, or its file has more than %d bytes", journal.MaxBlob).Because(err)
}

// refused carries the reason of a refusal to the page that shows it.
type refused struct {
	http.ResponseWriter
	problem string
	status  int
	err     error
}
