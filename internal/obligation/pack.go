package obligation

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// PackFormat is the first key's value in a file of a pack.
const PackFormat = "holdfast-obligations/1"

// MaxPack is the largest file of a pack in bytes.
const MaxPack = 256 << 10

// Own is the pack that the plan's own chapter makes.
const Own = "own"

// Mark says how its figure is known.
type Mark string

const (
	// Read: in the rule's own text. Excerpt: in an excerpt or in what others say of
	// it. Known: from general knowledge.
	Read    Mark = "read"
	Excerpt Mark = "excerpt"
	Known   Mark = "known"
	// Planned: the operator wrote it into the plan.
	Planned Mark = "planned"
)

// Pack is the rules of one jurisdiction.
type Pack struct {
	Format string `json:"-" yaml:"format"`
	ID     string `json:"id" yaml:"id"`
	// Version changes when a clock does.
	Version string        `json:"version" yaml:"version"`
	Title   holdfast.Text `json:"title" yaml:"title"`
	// Lang is the recipient's language, Zone its time zone, Calendar that of its
	// working days in the roster, Currency that of its thresholds.
	Lang     holdfast.Lang `json:"lang" yaml:"lang"`
	Zone     string        `json:"zone" yaml:"zone"`
	Calendar string        `json:"calendar,omitempty" yaml:"calendar,omitempty"`
	Currency string        `json:"currency,omitempty" yaml:"currency,omitempty"`
	// Classes are the jurisdiction's own grades, the gravest first.
	Classes  []Class   `json:"classes,omitempty" yaml:"classes,omitempty"`
	Rules    []Rule    `json:"rules" yaml:"rules"`
	Counters []Counter `json:"counters,omitempty" yaml:"counters,omitempty"`

	location *time.Location
}

// Class is a grade of an incident in a jurisdiction. It fits if Needs holds, and
// Enough does or at least AtLeast of the criteria do.
type Class struct {
	ID       string        `json:"id" yaml:"id"`
	Title    holdfast.Text `json:"title" yaml:"title"`
	Needs    string        `json:"needs,omitempty" yaml:"needs,omitempty"`
	Enough   string        `json:"enough,omitempty" yaml:"enough,omitempty"`
	AtLeast  int           `json:"at_least,omitempty" yaml:"at_least,omitempty"`
	Criteria []Criterion   `json:"criteria,omitempty" yaml:"criteria,omitempty"`
	Source   string        `json:"source" yaml:"source"`
	Mark     Mark          `json:"mark" yaml:"mark"`
}

// Criterion is one condition of a class.
type Criterion struct {
	ID   string `json:"id" yaml:"id"`
	When string `json:"when" yaml:"when"`
}

// Rule is a duty to report.
type Rule struct {
	ID        string        `json:"id" yaml:"id"`
	Title     holdfast.Text `json:"title" yaml:"title"`
	Recipient holdfast.Text `json:"recipient" yaml:"recipient"`
	// Classes lists the classes at which it applies; When is a condition besides.
	Classes []string `json:"classes,omitempty" yaml:"classes,omitempty"`
	When    string   `json:"when,omitempty" yaml:"when,omitempty"`
	Stages  []Stage  `json:"stages" yaml:"stages"`
	// Role of the plan reports, where the plan says so of this rule.
	Role string `json:"role,omitempty" yaml:"-"`
}

// Stage is one report of a rule, with its clock.
type Stage struct {
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	// From is one of [plan.Moments], or stage:ID: from the submission of that earlier
	// stage.
	From  string `json:"from" yaml:"from"`
	Limit Limit  `json:"limit,omitzero" yaml:"limit,omitempty"`
	// Latest is a second limit, which ends the wait for From.
	Latest *Latest `json:"latest,omitempty" yaml:"latest,omitempty"`
	Source string  `json:"source" yaml:"source"`
	Mark   Mark    `json:"mark" yaml:"mark"`
	// Note says what else must be known of the clock.
	Note holdfast.Text `json:"note,omitzero" yaml:"note,omitempty"`
	// Fields are what the report has to say, of [ReportFields].
	Fields []string `json:"fields" yaml:"fields"`
}

// Latest is a limit from another moment.
type Latest struct {
	From  string `json:"from" yaml:"from"`
	Limit Limit  `json:"limit" yaml:"limit"`
}

// CounterKind is what is counted over incidents.
type CounterKind string

const (
	// Downtime adds up minutes of interruption, Repeats counts incidents of one cause.
	Downtime CounterKind = "downtime"
	Repeats  CounterKind = "repeats"
)

// Counter is a threshold over the incidents of some months.
type Counter struct {
	ID     string        `json:"id" yaml:"id"`
	Title  holdfast.Text `json:"title" yaml:"title"`
	Kind   CounterKind   `json:"kind" yaml:"kind"`
	Months int           `json:"months" yaml:"months"`
	// Limit is in minutes, or in incidents.
	Limit  int    `json:"limit" yaml:"limit"`
	Source string `json:"source" yaml:"source"`
	Mark   Mark   `json:"mark" yaml:"mark"`
}

// Location is the recipient's time zone.
func (p *Pack) Location() *time.Location {
	if p.location == nil {
		return time.UTC
	}
	return p.location
}

// DecodePack reads a pack strictly. name is what errors call the file.
func DecodePack(name string, src []byte) (*Pack, error) {
	if len(src) > MaxPack {
		return nil, holdfast.Errorf(holdfast.TooLarge, "the file has %d bytes; %d is the limit", len(src), MaxPack)
	}
	p := &Pack{}
	if err := yaml.Load(src, p, yaml.WithKnownFields()); err != nil {
		return nil, fmt.Errorf("read pack %s: %w", name, err)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("read pack %s: %w", name, err)
	}
	return p, nil
}

// check finds what is wrong with a pack, all at once. Packs are part of the
// program, so the errors speak to who writes one.
func (p *Pack) check() error {
	var faults []error
	bad := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if p.Format != PackFormat {
		bad("format: write %s, not %q", PackFormat, p.Format)
	}
	if !simple(p.ID) || p.Version == "" || !everywhere(p.Title) {
		bad("id, version and title in three languages are needed")
	}
	if !slices.Contains(holdfast.Langs[:], p.Lang) {
		bad("lang: %q is none of ours", p.Lang)
	}
	var err error
	if p.location, err = time.LoadLocation(p.Zone); err != nil || p.Zone == "" || p.Zone == "Local" {
		bad("zone: %q is none", p.Zone)
	}
	expr := func(at, src string) {
		if src == "" {
			return
		}
		if _, err := expression.Compile(src, fields); err != nil {
			bad("%s: %w", at, err)
		}
	}
	classes := ids{}
	for _, c := range p.Classes {
		at := "class " + c.ID
		if !classes.take(c.ID) || !everywhere(c.Title) || c.Source == "" || !c.Mark.known() {
			bad("%s: its id is there once, its title in three languages, its source and mark are needed", at)
		}
		expr(at+".needs", c.Needs)
		expr(at+".enough", c.Enough)
		for _, k := range c.Criteria {
			expr(at+"."+k.ID, k.When)
		}
		if c.AtLeast < 0 || c.AtLeast > len(c.Criteria) {
			bad("%s: at_least is over its criteria", at)
		}
	}
	rules := ids{}
	for _, r := range p.Rules {
		at := "rule " + r.ID
		if !rules.take(r.ID) || !everywhere(r.Title) || !everywhere(r.Recipient) || len(r.Stages) == 0 {
			bad("%s: its id is there once, its title and recipient in three languages, and a stage", at)
		}
		for _, c := range r.Classes {
			if _, found := classes[c]; !found {
				bad("%s: there is no class %q", at, c)
			}
		}
		expr(at, r.When)
		faults = append(faults, r.checkStages(at)...)
	}
	counters := ids{}
	for _, c := range p.Counters {
		if !counters.take(c.ID) || !everywhere(c.Title) || c.Kind != Downtime && c.Kind != Repeats || c.Months < 1 || c.Months > 60 || c.Limit < 1 || c.Source == "" || !c.Mark.known() {
			bad("counter %s: id, title, kind, months (1 to 60), limit, source and mark", c.ID)
		}
	}
	return errors.Join(faults...)
}

func (r Rule) checkStages(at string) (faults []error) {
	seen := ids{}
	for _, s := range r.Stages {
		at := at + ", stage " + s.ID
		bad := func(format string, args ...any) {
			faults = append(faults, fmt.Errorf(at+": "+format, args...))
		}
		earlier, after := strings.CutPrefix(s.From, "stage:")
		if _, found := seen[earlier]; after && !found || !after && !slices.Contains(plan.Moments[:], s.From) {
			bad("from: %q is neither a moment nor an earlier stage", s.From)
		}
		if !seen.take(s.ID) || !everywhere(s.Title) || s.Source == "" || !s.Mark.known() {
			bad("its id is there once, its title in three languages, its source and mark are needed")
		}
		if err := s.Limit.check(); err != nil {
			bad("limit: %w", err)
		}
		if l := s.Latest; l != nil && (!slices.Contains(plan.Moments[:], l.From) || l.Limit.IsZero() || l.Limit.check() != nil) {
			bad("latest needs a moment and a limit")
		}
		if !s.Note.IsZero() && !everywhere(s.Note) {
			bad("note: in three languages or not at all")
		}
		for _, f := range s.Fields {
			if !slices.Contains(ReportFields[:], f) {
				bad("there is no field %q", f)
			}
		}
		if len(s.Fields) == 0 {
			bad("fields are needed")
		}
	}
	return faults
}

// ids are names that stand once.
type ids map[string]struct{}

func (s ids) take(id string) bool {
	_, twice := s[id]
	s[id] = struct{}{}
	return !twice && simple(id)
}

// simple reports whether a name may be a part of a clock's key, which dots join.
func simple(id string) bool { return holdfast.ValidName(id) && !strings.Contains(id, ".") }

func everywhere(t holdfast.Text) bool { return t.ZhHant != "" && t.ZhHans != "" && t.En != "" }

func (m Mark) known() bool { return slices.Contains([]Mark{Read, Excerpt, Known, Planned}, m) }

//go:embed packs/*.yaml
var packFiles embed.FS

// Packs returns the packs that come with the program, by their ids.
var Packs = sync.OnceValue(func() map[string]*Pack {
	files, err := packFiles.ReadDir("packs")
	if err != nil {
		panic("obligation: " + err.Error()) // they are part of the program; a test reads them
	}
	packs := map[string]*Pack{}
	for _, f := range files {
		src, err := packFiles.ReadFile("packs/" + f.Name())
		if err == nil {
			var p *Pack
			if p, err = DecodePack(f.Name(), src); err == nil {
				packs[p.ID] = p
			}
		}
		if err != nil {
			panic("obligation: " + err.Error())
		}
	}
	return packs
})

// ownPack makes a pack of the plan's own chapter.
func ownPack(p *plan.Plan, zone *time.Location, revision int) *Pack {
	own := &Pack{
		ID: Own, Version: fmt.Sprint(revision), Lang: p.Language, Title: p.Title, location: zone, Zone: zone.String(),
	}
	for _, o := range p.Obligations {
		var when []string
		for _, l := range o.Levels {
			when = append(when, fmt.Sprintf("level == %d", l))
		}
		if o.Leak {
			when = append(when, "leak")
		}
		source := o.Material
		if m, found := p.Material(o.Material); found {
			source = m.Title.In(p.Language)
		}
		own.Rules = append(own.Rules, Rule{
			ID: strings.ReplaceAll(o.ID, ".", "-"), Title: o.Title, Recipient: o.Recipient, Role: o.Role, When: strings.Join(when, " or "),
			Stages: []Stage{{
				ID: "report", Title: o.Title, From: o.From, Limit: Limit{Within: procedure.Duration(o.Within)}, Source: source, Mark: Planned,
				Fields: []string{"reference", "title", "level", "occurred", "detected", "confirmed", "stopped", "recovered", "downtime", "declined", "impact", "cause", "temporary", "plan-activated"},
			}},
		})
	}
	return own
}
