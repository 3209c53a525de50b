package plan

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/procedure"
)

// Check returns everything that is wrong with a plan's content. The faults have
// a path but no line; [Decode] gives them theirs.
func Check(p *Plan) Faults {
	c := &checker{plan: p, fields: ReadableFields(p.MeasureFields()), branchFields: ReadableFields(p.BranchFields())}
	c.head()
	c.organisation()
	c.levels()
	c.alerts()
	c.procedures()
	c.templates()
	c.probes()
	c.chapters()
	return c.faults
}

type checker struct {
	plan *Plan
	// What criteria and branches may read.
	fields, branchFields map[string]expression.Type
	faults               Faults
}

func (c *checker) add(path, rule string, err *holdfast.Error) {
	c.faults = append(c.faults, Fault{Path: path, Rule: rule, Error: err})
}

// at names an entry of a list.
func at(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

func (c *checker) head() {
	if c.required("format", c.plan.Format) && c.plan.Format != Format {
		c.add("format", "P015", holdfast.Errorf(holdfast.Invalid, "format %q is not one this Holdfast reads: write %s", c.plan.Format, Format))
	}
	c.name("id", c.plan.ID)
	if c.required("language", string(c.plan.Language)) && !c.knownLanguage() {
		c.add("language", "P015", holdfast.Errorf(holdfast.Invalid, "language %q is not one of zh-Hant, zh-Hans and en", string(c.plan.Language)))
	}
	c.text("title", c.plan.Title)
	c.text("purpose", c.plan.Purpose)
	c.optionalText("scope", c.plan.Scope)
}

func (c *checker) knownLanguage() bool { return slices.Contains(holdfast.Langs[:], c.plan.Language) }

// authorityKinds are the directives a role may decide on.
var authorityKinds = []string{procedure.DirectiveStop, procedure.DirectiveLimit, StandIn, Reroute, "lift"}

func (c *checker) organisation() {
	if c.count("departments", len(c.plan.Departments)) {
		ids := unique{c: c}
		for i, d := range c.plan.Departments {
			path := at("departments", i)
			ids.take(path, d.ID)
			c.text(path+".name", d.Name)
		}
	}
	if c.count("roles", len(c.plan.Roles)) {
		ids := unique{c: c}
		for i, r := range c.plan.Roles {
			path := at("roles", i)
			ids.take(path, r.ID)
			c.role(path, r)
		}
	}
	if c.count("team", len(c.plan.Team)) {
		first := map[string]int{}
		for i, role := range c.plan.Team {
			path := at("team", i)
			if j, twice := first[role]; twice {
				c.add(path, "P014", holdfast.Errorf(holdfast.Invalid, "role %q is in the team already, at team[%d]: remove one", role, j))
				continue
			}
			first[role] = i
			c.knownRole(path, role)
		}
	}
}

func (c *checker) role(path string, r Role) {
	c.text(path+".name", r.Name)
	c.text(path+".duties", r.Duties)
	if c.required(path+".department", r.Department) && len(c.plan.Departments) > 0 {
		known := slices.ContainsFunc(c.plan.Departments, func(d Department) bool { return d.ID == r.Department })
		c.known(path+".department", "department", r.Department, known)
	}
	for i, a := range r.Authority {
		path := at(path+".authority", i)
		c.gradedLevel(path+".level", a.Level)
		c.authorityDirectives(path+".directives", a.Directives)
		if a.Scope != "" {
			c.expression(path+".scope", compileScope(a.Scope))
		}
	}
}

func (c *checker) authorityDirectives(path string, kinds []string) {
	c.count(path, len(kinds))
	for i, kind := range kinds {
		if !slices.Contains(authorityKinds, kind) {
			c.add(at(path, i), "P015", holdfast.Errorf(holdfast.Invalid, "directive %q is not known: write one of %s", kind, strings.Join(authorityKinds, ", ")))
		}
	}
}

func (c *checker) levels() {
	var levels, procedures []holdfast.Level
	for i, l := range c.plan.Levels {
		path := at("levels", i)
		levels = append(levels, l.Level)
		c.gradedLevel(path+".level", l.Level)
		c.text(path+".title", l.Title)
		c.text(path+".criteria", l.Criteria)
	}
	for i, p := range c.plan.Procedures {
		procedures = append(procedures, p.Level)
		c.gradedLevel(at("procedures", i)+".level", p.Level)
	}
	c.eachLevelOnce("levels", levels)
	c.eachLevelOnce("procedures", procedures)
}

// eachLevelOnce: R3.1 asks for three levels, and R2.1 for the flow of each.
func (c *checker) eachLevelOnce(list string, given []holdfast.Level) {
	var missing []holdfast.Level
	for l := holdfast.Level1; l <= holdfast.Level3; l++ {
		first := slices.Index(given, l)
		if first < 0 {
			missing = append(missing, l)
			continue
		}
		for i := first + 1; i < len(given); i++ {
			if given[i] == l {
				c.add(at(list, i)+".level", "P019", holdfast.Errorf(holdfast.Invalid, "level %s stands twice: it is at %s[%d] too; keep one", l, list, first))
			}
		}
	}
	wrong := 0 // entries that may be meant for one that is missing
	for _, l := range given {
		if l == holdfast.Unknown || l > holdfast.Level3 {
			wrong++
		}
	}
	if len(missing) <= wrong {
		return
	}
	for _, l := range missing {
		c.add(list, "P019", holdfast.Errorf(holdfast.Invalid, "%s says nothing for level %s: give an entry for each of levels 1, 2 and 3", list, l))
	}
}

func (c *checker) alerts() {
	c.atMost("alerts", len(c.plan.Alerts), MaxEntries)
	ids := unique{c: c}
	for i, a := range c.plan.Alerts {
		path := at("alerts", i)
		ids.take(path, a.ID)
		if c.required(path+".match", a.Match) {
			c.expression(path+".match", compileFields(a.Match, AlertFields()))
		}
		if a.Level > holdfast.Level3 {
			c.add(path+".level", "P015", errLevel(a.Level))
		}
		c.text(path+".why", a.Why)
		c.alertRule(path, a)
	}
}

var placeholder = regexp.MustCompile(`\{[A-Za-z0-9_-]+\}`)

func (c *checker) templates() {
	c.atMost("templates", len(c.plan.Templates), MaxEntries)
	ids := unique{c: c}
	for i, t := range c.plan.Templates {
		path := at("templates", i)
		ids.take(path, t.ID)
		for _, part := range []struct {
			path string
			text holdfast.Text
		}{{path + ".subject", t.Subject}, {path + ".body", t.Body}} {
			c.text(part.path, part.text)
			for _, lang := range holdfast.Langs {
				c.placeholders(part.path+"."+string(lang), written(part.text, lang))
			}
		}
	}
}

func (c *checker) placeholders(path, text string) {
	for _, found := range placeholder.FindAllString(text, -1) {
		if !slices.Contains(Placeholders[:], strings.Trim(found, "{}")) {
			c.add(path, "P017", holdfast.Errorf(holdfast.Invalid, "%s stands for nothing: write one of {%s}", found, strings.Join(Placeholders[:], "}, {")))
		}
	}
}

func (c *checker) probes() {
	c.atMost("probes", len(c.plan.Probes), MaxEntries)
	ids := unique{c: c}
	for i, p := range c.plan.Probes {
		path := at("probes", i)
		ids.take(path, p.ID)
		c.text(path+".title", p.Title)
		if c.required(path+".url", p.URL) && !validURL(p.URL) {
			c.add(path+".url", "P015", holdfast.Errorf(holdfast.Invalid, "%q is not an address: begin it with http://, https:// or a name in braces such as {gate} or {primary}", p.URL))
		}
		c.probeKind(path, p)
		if c.required(path+".expect", p.Expect) {
			c.expression(path+".expect", compileFields(p.Expect, ProbeFields()))
		}
		if p.Times < 0 || p.Times > MaxTimes {
			c.add(path+".times", "P015", holdfast.Errorf(holdfast.Invalid, "a probe passes 0 to %d times in a row, not %d", MaxTimes, p.Times))
		}
		if p.Timeout.D() > MaxTimeout {
			c.add(path+".timeout", "P015", holdfast.Errorf(holdfast.Invalid, "one try of a probe may take at most %s, not %s", time.Duration(MaxTimeout), p.Timeout))
		}
	}
}

func (c *checker) probeKind(path string, p Probe) {
	switch p.Kind {
	case ProbeHTTP:
		if p.Body != "" {
			c.add(path+".body", "P028", holdfast.Errorf(holdfast.Invalid, "an http probe only gets: remove body, or make it a payment probe"))
		}
	case ProbePayment:
		if !json.Valid([]byte(p.Body)) || len(p.Body) > MaxProbeBody {
			c.add(path+".body", "P028", holdfast.Errorf(holdfast.Invalid, "a payment probe needs a body of JSON, at most %d bytes", MaxProbeBody))
		}
	default:
		if c.required(path+".kind", p.Kind) {
			c.add(path+".kind", "P015", holdfast.Errorf(holdfast.Invalid, "probe kind %q is not known: write http or payment", p.Kind))
		}
	}
}

// validURL accepts an address whose first part may be a name in braces.
func validURL(s string) bool {
	head := placeholder.FindStringIndex(s)
	if head != nil && head[0] == 0 {
		return head[1] == len(s) || s[head[1]] == '/'
	}
	for _, scheme := range []string{"http://", "https://"} {
		if rest, found := strings.CutPrefix(s, scheme); found {
			return rest != "" && rest[0] != '/' && !strings.ContainsAny(rest, " \t\n")
		}
	}
	return false
}
