package console

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/attachment"
	"holdfast/internal/console/form"
	"holdfast/internal/detect"
	"holdfast/internal/enrolment"
	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/obligation"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/reconciliation"
	"holdfast/internal/roster"
	"holdfast/internal/standin"
	"holdfast/internal/status"
	"holdfast/internal/trial"
	"holdfast/internal/view"
)

//go:embed static templates
var files embed.FS

// screens are the parsed templates: one set for each screen, language and zone.
// A set is made when it is first asked for and kept.
type screens struct {
	sources map[string]*template.Template
	assets  map[string]asset
	names   names

	mu   sync.Mutex
	made map[screenKey]*template.Template
}

type screenKey struct {
	name string
	lang holdfast.Lang
	zone string
}

// shared are the templates that screens are made of, and no screens themselves.
var shared = []string{"base", "parts", "planbody", "formparts", "fileparts", "remarks", "staffparts", "readingparts", "levelparts", "teamparts", "actionparts", "mergeparts", "obligationparts", "debriefparts", "bulletinparts", "improvementparts", "rampparts", "profileparts", "standinparts", "rerouteparts", "reconciliationparts", "lostparts"}

func sharedFiles() (names []string) {
	for _, name := range shared {
		names = append(names, "templates/"+name+".html")
	}
	return names
}

// maxScreens bounds the sets that are kept; the zones are the browsers' choice.
const maxScreens = 1000

type asset struct {
	name, kind string
	content    []byte
}

func (s *screens) parse() error {
	s.assets, s.made = map[string]asset{}, map[screenKey]*template.Template{}
	var err error
	if s.sources, err = parsed(); err != nil {
		return err
	}
	names, err := fs.Glob(files, "static/*")
	if err != nil {
		return err
	}
	for _, name := range names {
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		base := path.Base(name)
		// The content's hash is in the name, so a browser may keep it for ever.
		hashed := strings.TrimSuffix(base, path.Ext(base)) + "." + hex.EncodeToString(sum[:6]) + path.Ext(base)
		s.assets[base] = asset{hashed, mime.TypeByExtension(path.Ext(base)), content}
	}
	return nil
}

// parsed are the templates of all screens. They belong to the program and are only ever
// cloned, so all consoles of a process share them.
var parsed = sync.OnceValues(func() (map[string]*template.Template, error) {
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	parts, err := template.New("shared").Funcs((&screens{}).functions(locale.For(holdfast.En), time.UTC)).ParseFS(files, sharedFiles()...)
	if err != nil {
		return nil, fmt.Errorf("shared templates: %w", err)
	}
	sources := map[string]*template.Template{}
	for _, name := range names {
		screen := strings.TrimSuffix(path.Base(name), ".html")
		if slices.Contains(shared, screen) {
			continue
		}
		t, err := parts.Clone()
		if err == nil {
			sources[screen], err = t.ParseFS(files, name)
		}
		if err != nil {
			return nil, fmt.Errorf("screen %s: %w", screen, err)
		}
	}
	return sources, nil
})

// in returns the templates of a screen in the reader's language and zone.
func (s *screens) in(v *visit, name string) (*template.Template, error) {
	key := screenKey{name, v.words.Lang(), v.zone.String()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.made[key]; ok {
		return t, nil
	}
	source, ok := s.sources[name]
	if !ok {
		return nil, fmt.Errorf("there is no screen %s", name)
	}
	t, err := source.Clone()
	if err != nil {
		return nil, err
	}
	t.Funcs(s.functions(v.words, v.zone))
	if len(s.made) >= maxScreens {
		clear(s.made)
	}
	s.made[key] = t
	return t, nil
}

// static serves the style sheet, the script and the icon.
func (c *Console) static(w http.ResponseWriter, r *http.Request) {
	for _, a := range c.screens.assets {
		if a.name == r.PathValue("name") {
			h := w.Header()
			h.Set("Content-Type", a.kind)
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
			_, _ = w.Write(a.content)
			return
		}
	}
	http.NotFound(w, r)
}

// Parts of a page that concern one thing; the page's methods come with them.
type (
	onTask struct {
		*page
		Root     *page
		Incident view.Incident
		Stage    view.Stage
		Task     view.Task
		// Next is the stage's first task that a person has still to do.
		Next bool
	}
	onStage struct {
		*page
		Incident view.Incident
		Stage    view.Stage
	}
	onDirective struct {
		*page
		Directive view.Directive
		// Place tells apart two forms for one directive on the same page.
		Place string
	}
	rerouting struct {
		Root *page
		Form rerouteForm
	}
	proposing struct {
		Root *page
		Form standInForm
	}
	onTokens struct {
		At, Secret string
		Tokens     []token
		Rights     []access.Action
	}
	nextStep struct {
		Number  int
		Percent float64
	}
	figureTime struct {
		Name  string
		At    time.Time
		After string
	}
)

// functions are what templates may call.
func (s *screens) functions(p *locale.Printer, zone *time.Location) template.FuncMap {
	return template.FuncMap{
		"t":            p.T,
		"titled":       func(title string, titles holdfast.Text) string { return titled(p, title, titles) },
		"x":            func(t holdfast.Text) string { return t.In(p.Lang()) },
		"at":           func(t time.Time) string { return p.Time(t, zone) },
		"clock":        func(t time.Time) string { return p.Clock(t, time.Now(), zone) },
		"iso":          func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"noticesByAge": noticesByAge,
		"roundsByAge":  roundsByAge,
		"byHand":       byHand,
		"waitReads":    func(w *view.WaitTask) []waitRead { return waitReads(p, w) },
		"condition":    func(w *view.WaitTask) string { return conditionSaid(p, w) },
		"int":          func(n any) string { return p.Int(toInt(n)) },
		"dec":          p.Decimal,
		"percent":      p.Percent,
		"mul100":       func(f float64) float64 { return f * 100 },
		"rate": func(known bool, f float64) string {
			if !known {
				return "–"
			}
			return p.Decimal(f)
		},
		"money": func(minor int64, currency string) string {
			if currency == "" {
				return "–"
			}
			return p.Money(holdfast.Money{Minor: minor, Currency: currency})
		},
		"span":     p.Span,
		"seconds":  func(n int64) string { return p.Span(time.Duration(n) * time.Second) },
		"party":    func(a *view.Actor) string { return party(p, a) },
		"bySystem": func(a *view.Actor) bool { return a != nil && a.Kind == string(holdfast.System) },
		"named": func(n view.Named) string {
			if n.Name.IsZero() {
				return n.ID
			}
			return n.Name.In(p.Lang())
		},
		"short":  func(h string) string { return h[:min(len(h), 12)] },
		"sign":   sign,
		"asset":  func(name string) string { return "/static/" + s.assets[name].name },
		"mask":   payment.Mask,
		"inc":    func(i int) int { return i + 1 },
		"future": func(t time.Time) bool { return time.Now().Before(t) },
		"nextStep": func(r *view.Ramp) *nextStep {
			if r.Step >= len(r.Steps) {
				return nil
			}
			return &nextStep{r.Step + 1, r.Steps[r.Step].Percent}
		},
		"money64": func(minor int, currency string) string {
			return p.Money(holdfast.Money{Minor: int64(minor), Currency: currency})
		},
		"untested":     rampUntested,
		"failed":       rampFailed,
		"verdictSign":  verdictSign,
		"verdictClass": verdictClass,
		"stepAsks": func(s procedure.Step, r *view.Ramp) []string {
			return stepAsks(p, s, func(id string) string { return testName(p, r, id) })
		},
		"planStepAsks": func(s procedure.Step, c *plan.Plan) []string {
			return stepAsks(p, s, func(id string) string { return probeName(p, c, id) })
		},
		"whySaid":   func(r *view.Ramp, why string) string { return whySaid(p, r, why) },
		"checkSaid": func(c incident.RampCheck) string { return checkSaid(p, c) },
		"rampChart": func(r *view.Ramp, id string) *rampFigure { return drawRamp(p, zone, r, id, time.Now()) },
		"tokensAt": func(at, secret string, tokens []token, rights []access.Action) onTokens {
			return onTokens{at, secret, tokens, rights}
		},
		"task": func(root *page, stage view.Stage, t view.Task) onTask {
			return onTask{root, root, incidentOf(root), stage, t, t.ID == nextTask(stage)}
		},
		"stage": func(root *page, stage view.Stage) onStage { return onStage{root, incidentOf(root), stage} },
		"directive": func(root *page, d any, place string) onDirective {
			if p, ok := d.(*view.Directive); ok {
				return onDirective{root, *p, place}
			}
			return onDirective{root, d.(view.Directive), place}
		},
		"proposing":      func(root *page, form standInForm) proposing { return proposing{root, form} },
		"keepers":        keepers,
		"obstaclesOf":    obstaclesOf,
		"rerouting":      func(root *page, form rerouteForm) rerouting { return rerouting{root, form} },
		"limitSaid":      func(l standin.Limit) string { return limitSaid(p, l) },
		"planLimit":      func(l plan.Limit) string { return limitText(p, l) },
		"queueLimitSaid": func(l standin.Limit) string { return queueLimitSaid(p, l) },
		"eachOf":         eachOf,
		"effect": func(d view.Directive, kind string, by *view.Actor, at time.Time) effectOf {
			return effectOf{d, kind, by, at}
		},
		"ownerSelect": func(id string, roles []view.Named, people []view.Person, was string) ownerSelect {
			return ownerSelect{id, roles, people, was}
		},
		"holdsNothing":  holdsNothing,
		"standInEffect": func(e any, act string, self *view.StandingIn) []string { return standInEffect(p, e, act, self != nil) },

		"listed":    func(names []string) string { return strings.Join(names, p.T("plan.list-mark")) },
		"tally":     func(t standin.Tally, currency string) tallyOf { return tallyOf{t, currency} },
		"alarmSaid": func(a standin.Alarm) string { return reconciliation.Say(p, a) },
		"declined":  func(reason string) string { return declined(p, reason) },
		"cause":     func(cause string) string { return causeSaid(p, cause) },
		"exception": func(root *page, e view.Exception) onException { return onException{root, root, e} },

		"shadowParts": func(of string, list []trial.Part) shadowParts { return shadowParts{of, list} },
		"shadowRate":  shadowRateOf,

		"words": func(list []string) string { return strings.Join(list, ", ") },

		"answering": func(root *page, d *reconciliation.Decision, closing string) answering {
			return answering{root, d, closing, d.By.SameParty(root.who.Actor)}
		},
		"resolution": func(root *page, r *enrolment.Resolution) onResolution {
			return onResolution{root, r, r.By.SameParty(root.who.Actor)}
		},
		"untold": func(root *page, u view.UntoldStandIn) onUntold { return onUntold{root, u} },
		"closing": func(root *page, a reconciliation.Account, d *reconciliation.Decision, shards int) onClosing {
			return onClosing{root, a, d, shards}
		},
		"figureTimes": func(f *incident.Figures) []figureTime { return figureTimes(p, f) },
		"inTeam":      inTeam,
		"planBody":    func(c *plan.Plan, at string) planBody { return newPlanBody(p, c, at) },
		"fileSize":    func(n int) string { return fileSize(p, n) },
		"fileTypes":   func() string { return strings.Join(attachment.Ends(), ",") },
		"planScans":   planScans,
		"filingScans": filingScans,
		"onProcedure": onProcedure,
		"onRamp":      func(p *plan.Plan, r *procedure.Ramp) onRamp { return onRamp{p, r} },
		"fieldOn":     func(root editor, f form.Field) onField { return fieldOn(p, root, f) },
		"fieldID":     fieldID,
		"changed":     func(c plan.Change) string { return changed(p, c) },
		"registerOf":  func(own registerPage, at string) registerOf { return registerOf{own, at} },
		"tellingOf": func(root *page, roles []view.Named, id, owner string) tellingOf {
			t := tellingOf{ID: id, Owner: owner, Roles: roles}
			if root.Was("entry") == id {
				t.Owner, t.Reason = cmp.Or(root.Was("owner"), owner), root.Was("reason")
			}
			return t
		},
		"partName":   func(c plan.Part) string { return keyName(p, c.Of, c.Key) },
		"rowName":    func(r form.Row) string { return rowName(p, r) },
		"choiceName": func(o form.Option) string { return choiceName(p, o) },
		"roleName": func(c *plan.Plan, id string) string {
			if r, ok := c.Role(id); ok {
				return r.Name.In(p.Lang())
			}
			return id
		},
		"temporaryName": func(c *plan.Plan, id string) string {
			if t, ok := c.TemporaryOf(id); ok {
				return t.Title.In(p.Lang())
			}
			return id
		},
		"probeName":    func(c *plan.Plan, id string) string { return probeName(p, c, id) },
		"roleCalled":   func(id string) string { return s.names.role(p, id) },
		"personCalled": func(id string) string { return s.names.person(p, id) },
		"valueOf":      func(owner, key, value string) string { return s.names.value(p, owner, key, value) },
		"fieldValue":   func(d roster.Difference, value string) string { return s.names.field(p, d, value) },
		"personName":   func(one roster.Person) string { return one.NameIn(p.Lang()) },
		"tongues":      textFields,
		"publicStates": func() []status.State { return status.States[:] },
		"pointsAt":     func(root *page, at string, list []view.ContactPoint) points { return points{root, at, list} },
		"historyOf":    func(root *page, r record) history { return history{r, root.May(access.ManageRoster)} },
		"nameIn": func(name string, names holdfast.Text) string {
			return roster.Person{Name: name, Names: names}.NameIn(p.Lang())
		},
		"problemAt":  func(problems map[string]string, parts ...any) string { return problems[fmt.Sprint(parts...)] },
		"hasRole":    func(a access.Account, r access.Role) bool { return slices.Contains(a.Roles, r) },
		"alertTitle": func(a view.Alert) string { return alertTitle(p, a) },
		"where":      func(f *detect.Finding) string { return f.Where(p) },
		"expected":   func(f *detect.Finding) string { return f.ExpectedText(p) },
		"seen":       func(f *detect.Finding) string { return f.SeenText(p) },
		"sure":       func(f *detect.Finding) string { return f.SureText(p) },
		"safeLink":   safeLink,
		"why":        func(why string) string { return gateWords(p, why) },
		"limit":      func(l obligation.Limit) string { return limitWords(p, l) },
		"plus": func(l any) string {
			if held, ok := l.(*obligation.Limit); ok {
				l = *held
			}
			if l := l.(obligation.Limit); !l.IsZero() {
				return " + " + limitWords(p, l)
			}
			return " · " + limitWords(p, obligation.Limit{})
		},
		"from":   func(moment string) string { return fromWords(p, moment) },
		"inZone": func(t time.Time, name string) string { return inZone(p, t, name) },
	}
}

// party names who acted, Holdfast itself in the reader's language.
func party(p *locale.Printer, a *view.Actor) string {
	if a.Kind == string(holdfast.System) {
		return p.T("actor.system")
	}
	if a.Kind == string(holdfast.Sender) && (a.ID == Public.ID || a.ID == mailSender) {
		return p.T("actor." + a.ID)
	}
	return a.Name
}

// mailSender is who mail's facts are by.
const mailSender = "mail"

func incidentOf(root *page) view.Incident {
	if own, ok := root.Page.(incidentPage); ok {
		return own.Incident
	}
	return view.Incident{}
}

func nextTask(s view.Stage) string {
	for _, t := range s.Tasks {
		if t.Kind == "manual" && t.Status == string(procedure.Open) {
			return t.ID
		}
	}
	return ""
}

func toInt(n any) int64 {
	switch n := n.(type) {
	case int:
		return int64(n)
	case *int:
		return int64(*n)
	case int64:
		return n
	case holdfast.Position:
		return int64(n)
	case uint64:
		return int64(n)
	case procedure.Duration:
		return int64(n)
	}
	return 0
}

// sign is the band's icon: colour never stands alone.
func sign(state string) string {
	switch state {
	case "normal":
		return "✓"
	case "stopped", "stand-in-held", "stand-in-stopping":
		return "■"
	case "recovering", "limited", "stand-in-open", "stand-in-each", "rerouted":
		return "◐"
	case "level-1", "level-2", "level-3":
		return "▲"
	case "suspected":
		return "?"
	default:
		return ""
	}
}

// figureTimes lists the moments of an incident in order, each with the time
// since it was detected.
func figureTimes(p *locale.Printer, f *incident.Figures) []figureTime {
	list := []figureTime{
		{Name: "detected", At: f.Detected}, {Name: "confirmed", At: f.Confirmed}, {Name: "notified", At: f.Notified},
		{Name: "stopped", At: f.Stopped}, {Name: "stop-confirmed", At: f.StopConfirmed}, {Name: "convened", At: f.Convened},
		{Name: "handled", At: f.Handled}, {Name: "recovered", At: f.Recovered},
	}
	for i, m := range list {
		if i > 0 && !m.At.IsZero() {
			list[i].After = p.Span(m.At.Sub(f.Detected))
		}
	}
	return list
}

func inTeam(c *plan.Plan, role string) bool { return slices.Contains(c.Team, role) }

// safeLink returns a link that an alert's sender gave, if a browser may follow
// it.
func safeLink(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return u.String()
}
