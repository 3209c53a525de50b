package console

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/expression"
	"holdfast/internal/locale"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/standin"
)

// exprView is what a form says of an expression: where it is wrong, or what it
// says in words.
type exprView struct {
	Wrong *wrongAt
	Words string
}

// wrongAt is a mistake at its place.
type wrongAt struct {
	expression.Place
	// Line and Column count from 1; 0 for a mistake that has no place.
	Line, Column int
	Problem      string
}

// ask judges what stands in a field of a plan that holds an expression.
func ask(words *locale.Printer, p *plan.Plan, field, src string) exprView {
	if strings.TrimSpace(src) == "" {
		return exprView{}
	}
	v := vocabularyOf(words, p, field)
	var err error
	if v.Whole {
		_, err = expression.CompileScope(src)
	} else {
		_, err = expression.Compile(src, v.Fields)
	}
	var at *expression.Error
	switch {
	case errors.As(err, &at):
		return exprView{Wrong: &wrongAt{at.Place(), at.Line, at.Column, words.Error(at.Problem)}}
	case err != nil:
		return exprView{Wrong: &wrongAt{Problem: words.Error(err)}}
	}
	return exprView{Words: v.Explain(words, src)}
}

// vocabularyOf is what the expression in a field may use.
func vocabularyOf(words *locale.Printer, p *plan.Plan, field string) expression.Vocabulary {
	v := expression.Vocabulary{Titles: map[string]string{}, Values: map[string][]string{}}
	var others []string
	switch field {
	case "alertrule.match":
		v.Fields = plan.AlertFields()
		v.Know("source", "alertmanager", "report")
		v.Know("labels", "severity", "alertname", "instance")
		v.Know(`labels["severity"]`, "critical", "warning", "info")
		v.Know("annotations", "summary", "description")
		for _, rule := range p.Alerts {
			others = append(others, rule.Match)
		}
	case "probe.expect":
		v.Fields = plan.ProbeFields()
		v.Know("status", "200")
	case "terms.eligible", "deferral.deferrable":
		v.Fields = standin.EligibilityFields()
		v.Know("kind", payment.Pay.String(), payment.Refund.String())
		others = slices.Concat(eligible(p), scopes(p))
	case "level.enter", "band.enter":
		v.Fields = plan.ReadableFields(p.MeasureFields())
	case "branch.when", "wait.until":
		v.Fields = plan.ReadableFields(p.BranchFields())
		v.Know("level", "1", "2", "3")
		v.Know("result", string(procedure.Done), string(procedure.Skipped), "failed")
	default:
		v.Fields, v.Whole = expression.ScopeFields(), true
		v.Know("kind", payment.Pay.String(), payment.Refund.String())
		others = append(others, scopes(p)...)
		for _, parameter := range p.Parameters {
			if _, err := payment.ParseCurrency(parameter.Unit); err == nil {
				v.Know("currency", parameter.Unit)
			}
		}
	}
	for _, src := range others {
		for name, values := range expression.Mentions(src) {
			v.Know(name, values...)
		}
	}
	for name := range v.Fields {
		if key := "reads." + name; words.Has(key) {
			v.Titles[name] = words.T(key)
		}
	}
	for _, m := range p.Measures {
		if v.Fields[m.ID] != 0 && !m.Title.IsZero() {
			v.Titles[m.ID] = m.Title.In(words.Lang())
		}
	}
	return v
}

// scopes lists the scopes that the plan has.
func scopes(p *plan.Plan) (list []string) {
	procedures := slices.Clone(p.Procedures)
	if p.Leak != nil {
		procedures = append(procedures, *p.Leak)
	}
	for _, pr := range procedures {
		for _, stage := range pr.Stages {
			for _, task := range stage.Tasks {
				if task.Directive != nil {
					list = append(list, task.Directive.Scope)
				}
			}
		}
	}
	for _, t := range p.Temporary {
		list = append(list, t.Scope)
	}
	return list
}

// eligible lists the conditions of the plan's stand-ins.
func eligible(p *plan.Plan) (list []string) {
	for _, t := range p.Temporary {
		if t.Profile == nil {
			continue
		}
		for _, terms := range []*plan.Terms{t.Profile.Planned, t.Profile.Unplanned} {
			if terms != nil {
				list = append(list, terms.Eligible)
				if terms.Queue != nil {
					list = append(list, terms.Queue.Deferrable)
				}
			}
		}
	}
	return list
}

// How often one person's forms may ask about expressions: as fast as anybody
// types, and no faster for long.
const (
	askEvery = 100 * time.Millisecond
	askBurst = 50
	askers   = 1000
)

// answerPage answers a form that asks while somebody types.
type answerPage struct {
	exprView
	// Typed is what a suggestion replaces.
	Typed string
	List  []expression.Suggestion
}

// askExpression answers what may stand at the cursor of an expression, and what is
// wrong with it so far. It changes nothing.
func (c *Console) askExpression(v *visit) error {
	if err := c.asks.Take(v.who().Account, c.Desk.Now()); err != nil {
		return err
	}
	_, p, _, err := c.theDraft(v)
	if err != nil {
		return err
	}
	before, after, field := v.form("before"), v.form("after"), v.form("field")
	if len(before)+len(after) > expression.MaxSource {
		return holdfast.Errorf(holdfast.TooLarge, "the expression has %d bytes; %d is the limit", len(before)+len(after), expression.MaxSource)
	}
	own := answerPage{exprView: ask(v.words, p, field, before+after)}
	own.Typed, own.List = vocabularyOf(v.words, p, field).Complete(before, after)
	return c.writePart(v, "chapter", "expression-answer", http.StatusOK, own)
}

// newAsks bounds how often forms ask.
func newAsks() *access.Limiter { return access.NewLimiter(askEvery, askBurst, askers) }
