package trigger

import (
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/plan"
)

// register publishes a plan with a risk, whose owner watches it, and a law.
func register(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	p, _ := plan.Decode("", small(t))
	p.Governance.Owner = "engineer"
	p.Risks = []plan.Risk{{ID: "power", Title: holdfast.Text{En: "Power"}, Likelihood: 2, Impact: 5, Owner: "officer"}}
	p.Materials = []plan.Material{{ID: "law", Title: holdfast.Text{En: "Law"}, Kind: plan.Regulation, Version: "2025", Link: "https://law.example/2025"}}
	w.publish(t, plan.Encode(p), plan.Approved{})
	return w
}

func why(reason string) Telling { return Telling{Reason: reason} }

func TestAssessRisk(t *testing.T) {
	t.Parallel()
	w := register(t)
	for name, test := range map[string]struct {
		risk  string
		in    RiskChange
		code  holdfast.Code
		field string
	}{
		"no such risk":    {"flood", RiskChange{3, 5, why("rain")}, holdfast.NotFound, ""},
		"no likelihood":   {"power", RiskChange{0, 5, why("rain")}, holdfast.Invalid, "likelihood"},
		"too grave":       {"power", RiskChange{3, 6, why("rain")}, holdfast.Invalid, "impact"},
		"no reason":       {"power", RiskChange{3, 5, why(" ")}, holdfast.Invalid, "reason"},
		"as it is":        {"power", RiskChange{2, 5, why("looked again")}, holdfast.Conflict, ""},
		"two owners":      {"power", RiskChange{3, 5, Telling{Reason: "r", Role: "officer", Person: "mei"}}, holdfast.Invalid, "role"},
		"due in the past": {"power", RiskChange{3, 5, Telling{Reason: "r", Due: start.Add(-time.Hour)}}, holdfast.Invalid, "due"},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := w.AssessRisk(t.Context(), by, test.risk, test.in)
			wantCode(t, err, test.code)
			if id != "" || fieldOf(err) != test.field {
				t.Errorf("id %q, fault at %q, want %q", id, fieldOf(err), test.field)
			}
		})
	}
	if !w.current() {
		t.Fatal("what was refused demands an update")
	}
	id, err := w.AssessRisk(t.Context(), by, "power", RiskChange{4, 5, why("two outages")})
	if err != nil {
		t.Fatal(err)
	}
	tr, _ := w.Nouns.Triggers.Trigger(id)
	if tr.Kind != Risk || tr.Role != "officer" || tr.Source != "梅" || !tr.Due.Equal(w.clock().Add(DefaultDue)) || tr.Title != "Power: 2 × 5 → 4 × 5" || *tr.About != (About{Chapter: Risks, Entry: "power", Likelihood: 4, Impact: 5}) {
		t.Errorf("%+v about %+v", tr, tr.About)
	}
	if w.current() {
		t.Error("the plan is current although a risk has changed")
	}
	if again, err := w.AssessRisk(t.Context(), by, "power", RiskChange{4, 5, why("once more")}); err != nil || again != id {
		t.Errorf("told again: %q, %v", again, err)
	}
	if other, err := w.AssessRisk(t.Context(), by, "power", RiskChange{5, 5, why("three outages")}); err != nil || other == id {
		t.Errorf("another judgement: %q, %v", other, err)
	}
}

func TestRenewMaterial(t *testing.T) {
	t.Parallel()
	w := register(t)
	for name, test := range map[string]struct {
		material string
		in       MaterialChange
		code     holdfast.Code
		field    string
	}{
		"no such material": {"book", MaterialChange{Version: "2", Telling: why("r")}, holdfast.NotFound, ""},
		"nothing new":      {"law", MaterialChange{Telling: why("r")}, holdfast.Invalid, "version"},
		"no day":           {"law", MaterialChange{Date: "tomorrow", Telling: why("r")}, holdfast.Invalid, ""},
		"a script":         {"law", MaterialChange{Link: "javascript:alert(1)", Telling: why("r")}, holdfast.Invalid, "link"},
		"as it is":         {"law", MaterialChange{Version: "2025", Telling: why("r")}, holdfast.Conflict, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.RenewMaterial(t.Context(), by, test.material, test.in)
			wantCode(t, err, test.code)
			if fieldOf(err) != test.field {
				t.Errorf("fault at %q, want %q", fieldOf(err), test.field)
			}
		})
	}
	// A document system numbers documents, not their versions: one reference.
	told := Telling{Reason: "amended", Source: "documents", Reference: "DOC-7"}
	id, err := w.RenewMaterial(t.Context(), by, "law", MaterialChange{Version: "2026", Telling: told})
	if err != nil {
		t.Fatal(err)
	}
	if tr, _ := w.Nouns.Triggers.Trigger(id); tr.Kind != Law || tr.Role != "engineer" || tr.Title != "Law: 2025 → 2026" {
		t.Errorf("%+v", tr)
	}
	if next, err := w.RenewMaterial(t.Context(), by, "law", MaterialChange{Version: "2027", Telling: told}); err != nil || next == id {
		t.Errorf("the version after: %q, %v", next, err)
	}
}

// A draft shows a change until its text says it, and only while it is open.
func TestToWorkIn(t *testing.T) {
	t.Parallel()
	w := register(t)
	id, err := w.AssessRisk(t.Context(), by, "power", RiskChange{4, 5, why("two outages")})
	if err != nil {
		t.Fatal(err)
	}
	draft := w.begin(t)
	waits := func() []*Trigger {
		d, _ := w.Nouns.Drafts.Draft(draft)
		return w.Nouns.ToWorkIn(d, w.clock())
	}
	if list := waits(); len(list) != 1 || list[0].ID != id {
		t.Fatalf("to work in: %v", list)
	}
	p, _ := plan.Decode("", small(t))
	about := waits()[0].About
	p.Risks = []plan.Risk{{ID: "power", Likelihood: 2, Impact: 5}}
	if about.In(p) {
		t.Error("the old judgement counts as the new")
	}
	p.Risks[0].Likelihood = 4
	if !about.In(p) {
		t.Error("the new judgement is not seen")
	}
	if p.Risks = nil; !about.In(p) {
		t.Error("a risk that is gone waits for ever")
	}
	if err := w.Dispose(t.Context(), by, id, Disposal{Draft: draft}); err != nil {
		t.Fatal(err)
	}
	if len(waits()) != 1 {
		t.Error("what the draft answers is not shown any more")
	}
	w.withdraw(t, draft)
	if len(waits()) != 0 {
		t.Error("a withdrawn draft has something to do")
	}
}
