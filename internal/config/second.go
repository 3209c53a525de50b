package config

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"holdfast/internal/payment"
)

// Fence is where gates keep which of two primaries an identity belongs to.
type Fence struct {
	// Data is its directory, for one gate.
	Data string `yaml:"data"`
	// Database is the PostgreSQL data source of one that several gates share, and used for
	// nothing else; Password and Fenced are as a journal's.
	Database string `yaml:"database"`
	Password Secret `yaml:"password"`
	Fenced   bool   `yaml:"fenced"`
	// Keep is how long it is kept, from 1 h to 30 days: as long as clients may send a
	// payment again. It is the same at all gates and stays what it is.
	Keep Duration `yaml:"keep" default:"24h"`
}

// RouteSecond says how the second primary takes the requests of a route. What it does not
// say stays as the client wrote it.
type RouteSecond struct {
	Method string `yaml:"method" one:"GET POST PUT PATCH DELETE"`
	// Path and query.
	Path Template `yaml:"path"`
	// Headers are set; Drop names those that it must not see.
	Headers []Header `yaml:"headers"`
	Drop    []string `yaml:"drop"`
	// Body is of the Type.
	Type    string   `yaml:"type" default:"application/json"`
	Body    Template `yaml:"body"`
	Outcome Outcome  `yaml:"outcome"`
	// Original is where a refund names the identity of what it takes back: it goes where
	// that went. It is that of stand_in, where the route has one.
	Original Source `yaml:"original"`
	// AnswerAmount and AnswerCode are read of its answers, before they are mapped.
	AnswerAmount Source   `yaml:"answer_amount"`
	AnswerCode   Source   `yaml:"answer_code"`
	Timeout      Duration `yaml:"timeout" default:"10s"`
	// Retention is how long it knows an identity again; 0 is for ever. What is older is not
	// sent again.
	Retention Duration `yaml:"retention" default:"0s"`
	Inquiry   *Inquiry `yaml:"inquiry"`
	// Answers are what clients are answered in place of what it says: the first that it says
	// counts. What is none of them is passed on.
	Answers []SecondAnswer `yaml:"answers"`
}

// Header is a header that is set.
type Header struct {
	Name  string   `yaml:"name"`
	Value Template `yaml:"value"`
}

// SecondAnswer is what a client reads in place of an answer of the second primary.
type SecondAnswer struct {
	// When describes the answer.
	When   Answer   `yaml:"when"`
	Status int      `yaml:"status"`
	Type   string   `yaml:"type" default:"application/json"`
	Body   Template `yaml:"body"`
}

// checkSecond holds the rules of a second primary.
func (g *Gate) checkSecond(r *report) {
	if (g.Second == nil) != (g.Fence == nil) {
		r.at("fence", "a second primary and a fence go together: write both second and fence, or neither")
	}
	if g.Second != nil {
		g.Second.check(r, "second")
	}
	if g.Fence != nil {
		g.Fence.check(r)
	}
	for i := range g.Routes {
		t := &g.Routes[i]
		if t.Second == nil {
			continue
		}
		at := join(index("routes", i), "second")
		t.Second.check(r, at, t)
		if keep := g.Fence; keep != nil && t.Second.Retention != 0 && t.Second.Retention < keep.Keep/10 {
			r.at(join(at, "retention"), "the age of a payment is known to a tenth of fence.keep: write %s or more, or keep claims for less long", keep.Keep/10)
		}
	}
}

func (f *Fence) check(r *report) {
	const at = "fence."
	r.secret(at+"password", f.Password)
	checkSource(r, "fence", f.Data, f.Database, f.Password, f.Fenced)
	r.within(at+"keep", f.Keep, time.Hour, 30*24*time.Hour)
}

// checkSource holds the rules of where decisions or claims are kept.
func checkSource(r *report, section, data, database string, secret Secret, fenced bool) {
	at := join(section, "database")
	switch {
	case (data == "") == (database == ""):
		r.at(join(section, "data"), "write data, a directory for this gate alone, or database, for several gates")
	case password.MatchString(database):
		r.at(at, "a password does not stand here: take it out, and write where it is as %s.password", section)
	case database == "" && (secret != "" || fenced):
		r.at(at, "password and fenced belong to a database: write its data source, such as postgres://holdfast@db1,db2/holdfast")
	case database != "" && !strings.Contains(database, "=") && !strings.HasPrefix(database, "postgres://") && !strings.HasPrefix(database, "postgresql://"):
		r.at(at, "this is not a data source: write postgres://holdfast@db1,db2/holdfast")
	}
}

func (s *RouteSecond) check(r *report, at string, t *Route) {
	r.within(join(at, "timeout"), s.Timeout, 100*time.Millisecond, 5*time.Minute)
	r.within(join(at, "retention"), s.Retention, 0, 365*24*time.Hour)
	s.template(r, join(at, "path"), s.Path, t, false)
	if path, _, _ := strings.Cut(string(s.Path), "?"); s.Path != "" && !strings.HasPrefix(path, "/") {
		r.at(join(at, "path"), "a path begins with a slash")
	}
	for i, h := range s.Headers {
		r.filled(join(index(join(at, "headers"), i), "name"), h.Name)
		s.template(r, join(index(join(at, "headers"), i), "value"), h.Value, t, false)
	}
	r.distinct(join(at, "headers"), len(s.Headers), func(i int) string { return strings.ToLower(s.Headers[i].Name) })
	r.distinct(join(at, "drop"), len(s.Drop), func(i int) string { return strings.ToLower(s.Drop[i]) })
	if !t.MovesMoney() {
		if t.Kind != "inquiry" || t.Fields.Identity.IsZero() {
			r.at(at, "only payments, refunds and inquiries that name an identity go to a second primary")
		}
		for _, name := range []string{"body", "outcome", "answer_amount", "answer_code", "inquiry", "original"} {
			if r.given(join(at, name)) {
				r.at(join(at, name), "an inquiry has none")
			}
		}
		s.checkAnswers(r, at, t)
		return
	}
	if s.Method == "GET" && s.Body != "" {
		r.at(join(at, "body"), "a GET has none: write another method")
	}
	if t.Fields.Identity.IsZero() {
		r.at(at, "what has no identity cannot be kept from being done at both: say where fields.identity is")
	}
	if s.Body == "" && r.given(join(at, "type")) {
		r.at(join(at, "type"), "it is the type of a body: write one")
	}
	s.template(r, join(at, "body"), s.Body, t, true)
	if strings.HasPrefix(s.Type, "application/json") && s.Body != "" && !sampleJSON(s.Body) {
		r.at(join(at, "body"), "this is not JSON once its places are filled in")
	}
	if status, both := overlap(s.Outcome.Done, s.Outcome.NotDone); both {
		r.at(join(at, "outcome.not_done"), "%d is among the statuses of done, too", status)
	}
	original := s.Original
	if t.StandIn != nil {
		original = t.StandIn.Original
		if !s.Original.IsZero() && s.Original != original {
			r.at(join(at, "original"), "stand_in.original says another place")
		}
	}
	switch {
	case (t.Kind == "refund") == original.IsZero():
		r.at(join(at, "original"), "a refund names what it takes back, and nothing else does")
	case original.InBody() && original.From != t.Body:
		r.at(join(at, "original"), "%s is read from a body of %s, but this route's body is %s", original, original.From, t.Body)
	}
	if s.Inquiry != nil {
		second := *t
		second.Timeout = s.Timeout
		s.Inquiry.check(r, join(at, "inquiry"), &second)
	}
	s.checkAnswers(r, at, t)
}

// checkAnswers checks what clients are to read.
func (s *RouteSecond) checkAnswers(r *report, at string, t *Route) {
	for i, a := range s.Answers {
		at := index(join(at, "answers"), i)
		if len(a.When.Status) == 0 {
			r.at(join(at, "when"), "say which answers it stands for: their statuses at least")
		}
		a.When.check(r, join(at, "when"))
		if a.Status < 200 || a.Status > 599 {
			r.at(join(at, "status"), "%d is no status of an answer: write one from 200 to 599", a.Status)
		}
		for _, p := range a.Body.Parts() {
			if source, needs := t.source(p.Place); needs && source.IsZero() {
				r.at(join(at, "body"), "{%s} cannot be filled in: say where it is among the route's fields", p.Place)
			}
		}
		if strings.HasPrefix(a.Type, "application/json") && !sampleJSON(a.Body) {
			r.at(join(at, "body"), "this is not JSON once its places are filled in")
		}
	}
}

// template checks that a request has what its places stand for.
func (s *RouteSecond) template(r *report, at string, text Template, t *Route, body bool) {
	for _, p := range text.Parts() {
		source, needs := t.source(p.Place)
		switch {
		case p.Place == "status":
			r.at(at, "{status} is of an answer")
		case needs && source.IsZero():
			r.at(at, "{%s} cannot be filled in: say where it is among the route's fields", p.Place)
		case strings.HasPrefix(p.Place, JSONPlace) && (!body || t.Body != "json" || !strings.HasPrefix(s.Type, "application/json")):
			r.at(at, "{%s} is a value of a JSON body, for a JSON body", p.Place)
		}
	}
}

// source returns where the route reads what a place stands for, if it has to read it.
func (t *Route) source(place string) (Source, bool) {
	name, _, _ := strings.Cut(place, ":")
	if name == "original" {
		if t.StandIn != nil {
			return t.StandIn.Original, true
		}
		return t.Second.Original, true
	}
	for f, source := range t.Fields.All() {
		if f.String() == name {
			if f == payment.Amount && place == "amount:decimal" && t.Fields.Currency.IsZero() {
				return Source{}, true
			}
			return source, true
		}
	}
	return Source{}, false
}

// readsBody reports whether it needs something of the body besides the route's fields.
func (s *RouteSecond) readsBody() bool {
	return s.Original.InBody() || slices.ContainsFunc(s.Body.Parts(), func(p Part) bool { return strings.HasPrefix(p.Place, JSONPlace) })
}

// sampleJSON reports whether a text is JSON once its places are filled in, with a number
// where one stands by itself and a text between quotation marks.
func sampleJSON(t Template) bool {
	var b strings.Builder
	for _, p := range t.Parts() {
		switch {
		case p.Place == "":
			b.WriteString(p.Text)
		case slices.Contains([]string{"amount", "amount:decimal", "status"}, p.Place) || strings.HasPrefix(p.Place, JSONPlace):
			b.WriteString("1")
		default:
			b.WriteString("x")
		}
	}
	return json.Valid([]byte(b.String()))
}
