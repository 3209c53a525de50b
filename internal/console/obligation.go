package console

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/attachment"
	"holdfast/internal/locale"
	"holdfast/internal/obligation"
	"holdfast/internal/procedure"
	"holdfast/internal/view"
)

// obligationRoutes are the screens of what incidents owe to regulators.
var obligationRoutes = []route{
	{"GET /obligations", access.Read, (*Console).obligations, nil},
	{"GET /obligations/packs", access.Read, (*Console).packs, nil},
	{"POST /obligations/packs/{clock}", access.PublishPlan, (*Console).verifyClock, (*Console).packs},
	{"GET /incidents/{id}/obligations", access.Read, (*Console).incidentObligations, nil},
	{"POST /incidents/{id}/moments/{moment}", access.RunIncident, (*Console).setMoment, (*Console).incidentObligations},
	{"POST /incidents/{id}/assessments", access.RunIncident, (*Console).assess, (*Console).incidentObligations},
	{"GET /incidents/{id}/obligations/{clock}", access.Read, (*Console).obligation, nil},
	{"GET /incidents/{id}/obligations/{clock}/print", access.Read, (*Console).printReport, nil},
	{"GET /incidents/{id}/obligations/{clock}/files/{hash}", access.Read, (*Console).reportFile, nil},
	{"POST /incidents/{id}/obligations/{clock}/drafts", access.RunIncident, (*Console).saveReport, (*Console).obligation},
	{"POST /incidents/{id}/obligations/{clock}/approve", access.Approve, (*Console).approveReport, (*Console).obligation},
	{"POST /incidents/{id}/obligations/{clock}/refuse", access.Approve, (*Console).refuseReport, (*Console).obligation},
	{"POST /incidents/{id}/obligations/{clock}/explain", access.RunIncident, (*Console).explainReport, (*Console).obligation},
	{"POST /incidents/{id}/obligations/{clock}/submissions", access.RunIncident, (*Console).submitReport, (*Console).obligation},
	{"POST /incidents/{id}/obligations/{clock}/receipts", access.RunIncident, (*Console).receiveReport, (*Console).obligation},
}

// obligationsPage answers: what is owed, by when, over all incidents?
type obligationsPage struct {
	view.Page[view.Obligation]
	Pages    pages
	Open     bool
	Counters []obligation.Count
}

func (c *Console) obligations(v *visit) error {
	own := obligationsPage{Open: v.query("all") == "", Counters: c.View.Counters()}
	own.Page = c.View.AllObligations(own.Open, v.offset(), view.PageSize)
	own.Pages = pagesOf(v, own.Page)
	return c.show(v, "obligations", v.words.T("obligations.title"), true, own)
}

// packsPage is the regulators' rules with their clocks.
type packsPage struct {
	Packs []view.Pack
	Today string
}

func (c *Console) packs(v *visit) error {
	own := packsPage{c.View.Packs(), c.Desk.Now().In(v.zone).Format(time.DateOnly)}
	return c.show(v, "packs", v.words.T("packs.title"), false, own)
}

func (c *Console) verifyClock(v *visit) error {
	in := obligation.Verification{Name: v.form("name"), On: v.form("on"), Source: v.form("source")}
	if unit := v.form("unit"); unit != "" {
		n, err := v.number("n")
		if err != nil {
			return err
		}
		in.Limit = &obligation.Limit{At: v.form("at")}
		switch unit {
		case "minutes", "hours":
			span := time.Duration(n) * map[string]time.Duration{"minutes": time.Minute, "hours": time.Hour}[unit]
			if n > int64(procedure.MaxDuration.D()/time.Minute) {
				span = procedure.MaxDuration.D() + 1 // which the act refuses
			}
			in.Limit.Within = procedure.Duration(span)
		case "days":
			in.Limit.Days = int(n)
		case "business_days":
			in.Limit.BusinessDays = int(n)
		case "months":
			in.Limit.Months = int(n)
		}
	}
	if err := c.Obligations.Verify(v.r.Context(), v.by(), v.path("clock"), in); err != nil {
		return err
	}
	return v.seeOther("/obligations/packs", "verified")
}

// number reads a whole number of a form.
func (v *visit) number(field string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(v.form(field)), 10, 64)
	if err != nil || n < 0 {
		return 0, holdfast.Errorf(holdfast.Invalid, "%q is no whole number: write digits only", v.form(field)).At(field)
	}
	return n, nil
}

// incidentObligationsPage answers: what does this incident owe, and what is that
// worked out from?
type incidentObligationsPage struct {
	view.Obligations
	// Answers are the questions and figures that a person assesses.
	Answers []answer
	Figures []figure
	// Last is the newest assessment.
	Last obligation.Assessment
	Now  string
}

// answer is one question with what was said: yes, no or "".
type answer struct{ Name, Said string }

// figure is one number: what was said of it, and what is measured.
type figure struct{ Name, Said, Measured string }

func (c *Console) incidentObligations(v *visit) error {
	o, err := c.View.IncidentObligations(v.path("id"))
	if err != nil {
		return err
	}
	own := incidentObligationsPage{Obligations: o, Now: c.now(v)}
	if len(o.Assessments) > 0 {
		own.Last = o.Assessments[0].Assessment
	}
	for _, name := range obligation.Questions {
		said := ""
		if yes, told := own.Last.Yes[name]; told {
			said = map[bool]string{true: "yes", false: "no"}[yes]
		}
		own.Answers = append(own.Answers, answer{name, said})
	}
	for _, name := range obligation.Numbers {
		f := figure{Name: name}
		if n, told := own.Last.Numbers[name]; told {
			f.Said = strconv.FormatInt(n, 10)
		} else if n, known := o.Numbers[name]; known {
			f.Measured = v.words.Int(n)
		}
		own.Figures = append(own.Figures, f)
	}
	return c.show(v, "incidentobligations", v.words.T("obligations.of", "id", o.Incident), false, own)
}

// now is this minute as a form's input writes it, in the reader's zone.
func (c *Console) now(v *visit) string { return c.Desk.Now().In(v.zone).Format("2006-01-02T15:04") }

// pastMinute reads a minute of a form: of the present one it is now, so that what
// happened in it is not taken for what is to come.
func (c *Console) pastMinute(v *visit, field string) (time.Time, error) {
	t, err := v.instant(field, v.zone)
	if now := c.Desk.Now(); err == nil && !t.After(now) && now.Sub(t) < time.Minute {
		t = now
	}
	return t, err
}

func (c *Console) setMoment(v *visit) (err error) {
	var at time.Time
	if v.form("reset") == "" {
		if at, err = v.instant("at", v.zone); err != nil {
			return err
		}
	}
	if err := c.Obligations.SetMoment(v.r.Context(), v.by(), v.path("id"), v.path("moment"), at, v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/incidents/"+v.path("id")+"/obligations", "saved")
}

func (c *Console) assess(v *visit) error {
	a := obligation.Assessment{Yes: map[string]bool{}, Numbers: map[string]int64{}, Classes: map[string]string{}, Cause: v.form("cause"), Note: v.form("note"), Currency: strings.ToUpper(v.form("currency"))}
	for _, name := range obligation.Questions {
		if said := v.form("q-" + name); said != "" {
			a.Yes[name] = said == "yes"
		}
	}
	for _, name := range obligation.Numbers {
		if v.form("n-"+name) == "" {
			continue
		}
		n, err := v.number("n-" + name)
		if err != nil {
			return err
		}
		a.Numbers[name] = n
	}
	for _, pack := range slices.Sorted(slices.Values(packIDs())) {
		if class := v.form("c-" + pack); class != "" {
			a.Classes[pack] = class
		}
	}
	if err := c.Obligations.Assess(v.r.Context(), v.by(), v.path("id"), a); err != nil {
		return err
	}
	return v.seeOther("/incidents/"+v.path("id")+"/obligations", "saved")
}

func packIDs() (list []string) {
	for id := range obligation.Packs() {
		list = append(list, id)
	}
	return list
}

// obligationPage is one report: when it is due and why, its text, who approved it,
// what went out, what came back.
type obligationPage struct {
	Obligation view.Obligation
	// Text is the newest, or what the incident's figures fill in; Filled says the
	// latter.
	Text   string
	Filled bool
	Lang   holdfast.Lang
	// MayDecide says that the reader is a second person for the newest text.
	MayDecide bool
	Now       string
	Files     []fileLine
}

// Last returns the newest text, or one of number 0.
func (p obligationPage) Last() obligation.Draft { d, _ := p.Obligation.Last(); return d }

// Out reports whether the newest text went out.
func (p obligationPage) Out() bool {
	return slices.ContainsFunc(p.Obligation.Submissions, func(s obligation.Submission) bool { return s.Draft == p.Last().Number })
}

func (c *Console) obligationOf(v *visit) (own obligationPage, err error) {
	id, clock := v.path("id"), v.path("clock")
	if own.Obligation, err = c.View.Obligation(id, clock); err != nil {
		return own, err
	}
	own.Now, own.Lang = c.now(v), own.Obligation.Lang
	last, some := own.Obligation.Last()
	if asked := v.query("fill"); !some || asked != "" {
		own.Filled, own.Lang = true, cmp.Or(holdfast.Lang(asked), own.Lang)
		if !known(string(own.Lang)) {
			own.Lang = own.Obligation.Lang
		}
		own.Text, err = c.View.ReportText(id, clock, own.Lang)
	} else {
		own.Text, own.Lang = last.Text, last.Lang
	}
	own.MayDecide = some && v.who().May(access.Approve) && !last.By.SameParty(v.by())
	for _, s := range own.Obligation.Scans {
		line := lineOf("/incidents/"+id+"/obligations/"+clock, s.File)
		line.By, line.At = s.By.Name, s.At
		own.Files = append(own.Files, line)
	}
	return own, err
}

func (c *Console) obligation(v *visit) error {
	own, err := c.obligationOf(v)
	if err != nil {
		return err
	}
	return c.show(v, "obligation", own.Obligation.Stage.In(v.words.Lang())+" · "+own.Obligation.Incident, false, own)
}

func (c *Console) printReport(v *visit) error {
	own, err := c.obligationOf(v)
	if err != nil {
		return err
	}
	title := own.Obligation.Stage.In(own.Lang)
	return c.showPrinted(v, "reportprint", title, own.Obligation.Incident+" · "+own.Obligation.Clock, own)
}

// reported shows a report again after an act on it.
func (v *visit) reported(err error) error {
	if err != nil {
		return err
	}
	return v.seeOther("/incidents/"+v.path("id")+"/obligations/"+v.path("clock"), "done")
}

func (c *Console) saveReport(v *visit) error {
	return v.reported(c.Obligations.Save(v.r.Context(), v.by(), v.path("id"), v.path("clock"), holdfast.Lang(v.form("lang")), v.form("text")))
}

func (c *Console) approveReport(v *visit) error {
	n, err := v.number("draft")
	if err != nil {
		return err
	}
	return v.reported(c.Obligations.Approve(v.r.Context(), v.by(), v.path("id"), v.path("clock"), int(n)))
}

func (c *Console) refuseReport(v *visit) error {
	n, err := v.number("draft")
	if err != nil {
		return err
	}
	return v.reported(c.Obligations.Refuse(v.r.Context(), v.by(), v.path("id"), v.path("clock"), int(n), v.form("reason")))
}

func (c *Console) explainReport(v *visit) error {
	return v.reported(c.Obligations.Explain(v.r.Context(), v.by(), v.path("id"), v.path("clock"), v.form("reason")))
}

func (c *Console) submitReport(v *visit) error {
	at, err := c.pastMinute(v, "at")
	if err != nil {
		return err
	}
	return v.reported(c.Obligations.Submit(v.r.Context(), v.by(), v.path("id"), v.path("clock"), at, v.form("how")))
}

// receiveReport records a receipt, its file, or both.
func (c *Console) receiveReport(v *visit) error {
	id, clock := v.path("id"), v.path("clock")
	var file []byte
	name := ""
	if _, head, err := v.r.FormFile("file"); err == nil && head.Size > 0 {
		if name, file, err = v.file(); err != nil {
			return err
		}
		if _, err := attachment.Of(name, file); err != nil {
			return err
		}
	}
	if v.form("number") != "" || file == nil {
		at, err := c.pastMinute(v, "at")
		if err != nil {
			return err
		}
		if err := c.Obligations.Receive(v.r.Context(), v.by(), id, clock, v.form("number"), at); err != nil {
			return err
		}
	}
	if file != nil {
		if _, err := c.Obligations.Scan(v.r.Context(), v.by(), id, clock, name, file); err != nil {
			return err
		}
	}
	return v.reported(nil)
}

func (c *Console) reportFile(v *visit) error {
	return c.giveOut(v, func(h holdfast.Hash) (attachment.File, error) {
		return c.Obligations.File(v.path("id"), v.path("clock"), h)
	})
}

// limitWords says a limit in words: "4 h", "7 working days", "14 days, at 17:00".
func limitWords(p *locale.Printer, l obligation.Limit) string {
	text := ""
	switch {
	case l.IsZero():
		return p.T("clock.no-figure")
	case l.Within != 0:
		return p.Span(l.Within.D())
	case l.Days != 0:
		text = p.T("clock.days", "n", l.Days)
	case l.BusinessDays != 0:
		text = p.T("clock.business-days", "n", l.BusinessDays)
	case l.Months != 0:
		text = p.T("clock.months", "n", l.Months)
	}
	if l.At != "" {
		text = strings.TrimSpace(text + " " + p.T("clock.at", "time", l.At))
	}
	return text
}

// fromWords names the moment from which a clock runs.
func fromWords(p *locale.Printer, from string) string {
	if _, after := strings.CutPrefix(from, "stage:"); after {
		return p.T("clock.from-stage")
	}
	return p.T("choice.moment." + from)
}

// inZone writes an instant by the recipient's clocks.
func inZone(p *locale.Printer, t time.Time, name string) string {
	zone, err := time.LoadLocation(name)
	if err != nil {
		zone = time.UTC
	}
	return p.Time(t, zone) + " " + zone.String()
}
