package console

import (
	"encoding/json"
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/locale"
	"holdfast/internal/payment"
	"holdfast/internal/view"
)

// partly are the events of which a gate's fact holds more than they say: nobody corrects
// them, and several may stand at one position.
var partly = []string{view.ResolutionCarried, view.ResolutionCounted, view.ResolutionUnlisted, view.ResolutionOvertaken, view.ResolutionContradicted}

// resolutionFact puts in words what people said of a payment of unknown outcome, and what
// gates told of it since. Only the first fact names the payment.
func resolutionFact(words *locale.Printer, in view.Incident, e view.Event) (text, detail string, ok bool) {
	if !strings.HasPrefix(e.Kind, "resolution.") {
		return "", "", false
	}
	var first enrolment.Resolution
	if i := slices.IndexFunc(in.Timeline, func(o view.Event) bool { return o.Subject == e.Subject && o.Kind == enrolment.ResolutionAskedKind }); i >= 0 {
		_ = json.Unmarshal(in.Timeline[i].Body, &first) // a body of another shape leaves fields empty
	}
	var b struct {
		Reason, Gate, How string
		Outcome           payment.Outcome
	}
	_ = json.Unmarshal(e.Body, &b)
	amount := "–"
	if first.Currency != "" {
		amount = words.Money(holdfast.Money{Minor: first.Amount, Currency: first.Currency})
	}
	text = words.T("fact."+e.Kind, "identity", payment.Mask(first.Identity), "amount", amount, "outcome", words.T("outcome."+b.Outcome.String()), "gate", b.Gate)
	switch {
	case e.Kind == enrolment.ResolutionAskedKind:
		detail = words.T("resolution.rests-on", "reason", first.Reason, "evidence", first.Evidence)
	case e.Kind == view.ResolutionOvertaken || e.Kind == view.ResolutionContradicted:
		detail = gateWords(words, b.How)
	default:
		detail = b.Reason
	}
	return text, detail, true
}
