package obligation

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
)

// ReportFields are what reports may have to say. A field without a figure is left
// for the writer to fill.
var ReportFields = [...]string{
	"reference", "title", "level", "class", "criteria", "occurred", "detected", "aware", "confirmed", "classified", "recovered", "origin",
	"stopped", "resumed", "downtime", "declined", "clients", "people", "loss", "regions", "leak", "attack", "plan-activated", "temporary",
	"impact", "components", "cause", "resolution", "recurrence", "trend", "support", "scene", "contact",
}

// Fill writes the first text of a report from the incident's figures, in a
// language, with times by the recipient's clocks.
func (n Nouns) Fill(s Sheet, d Duty, lang holdfast.Lang, operator string, now time.Time) string {
	w := filler{words: locale.For(lang), sheet: s, duty: d, figures: n.Measured(s.Incident)}
	w.impact = n.impact(w.words, s, now)
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\n") }
	if s.Incident.Drill {
		line(w.words.T("mark.drill"))
	}
	line(d.Stage.Title.In(lang))
	line(w.words.T("owed.to", "name", d.Rule.Recipient.In(lang)))
	if operator != "" {
		line(w.words.T("owed.by", "name", operator))
	}
	line("")
	for _, f := range d.Stage.Fields {
		value := w.value(f)
		if value == "" {
			value = w.words.T("owed.open")
		}
		line(w.words.T("owed.line", "name", w.words.T("owed.field."+f), "value", value))
	}
	return payment.Mask(strings.TrimRight(b.String(), "\n"))
}

type filler struct {
	words   *locale.Printer
	sheet   Sheet
	duty    Duty
	figures incident.Figures
	impact  string
}

// impact lists the measures of the incident that are known.
func (n Nouns) impact(words *locale.Printer, s Sheet, now time.Time) string {
	if s.Plan == nil {
		return ""
	}
	var list []string
	for _, m := range s.Plan.Measures {
		if !m.Lasting() {
			continue
		}
		r, value := n.Reading(s.Incident, m, now), ""
		switch v := r.Value.(type) {
		case nil:
			continue
		case bool:
			value = words.T("owed.no")
			if v {
				value = words.T("owed.yes")
			}
		case float64:
			value = amount(words, m, v)
		default:
			value = fmt.Sprint(v)
		}
		if r.AtLeast {
			value = words.T("owed.at-least", "n", value)
		}
		list = append(list, words.T("owed.line", "name", m.Title.In(words.Lang()), "value", value))
	}
	return strings.Join(list, words.T("owed.also"))
}

// amount writes a number with its unit; amounts of money are in minor units.
func amount(words *locale.Printer, m plan.Measure, v float64) string {
	if m.From == plan.FromFailedAmount || m.From == plan.FromAtRisk {
		return words.Money(holdfast.Money{Currency: m.Unit, Minor: int64(v)})
	}
	return strings.TrimSpace(words.Decimal(v) + " " + m.Unit)
}

func (w filler) time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	zone := w.duty.Pack.Location()
	return w.words.Time(t, zone) + " (" + zone.String() + ")"
}

// value is a field's figure, or "" where there is none.
func (w filler) value(field string) string {
	in := w.sheet.Incident
	for _, m := range w.sheet.Moments {
		if m.Name == field {
			return w.time(m.At)
		}
	}
	switch field {
	case "reference":
		return in.ID
	case "title":
		return in.TitleIn(w.words.Lang())
	case "level":
		if in.Level == holdfast.Unknown {
			return ""
		}
		return in.Level.String()
	case "class", "criteria":
		return w.class(field == "criteria")
	case "origin":
		if in.OpenedBy.Kind == holdfast.Account {
			return w.words.T("owed.origin.person")
		}
		return w.words.T("owed.origin.monitoring")
	case "stopped":
		return w.time(w.figures.Stopped)
	case "resumed":
		return w.time(w.figures.Recovered)
	case "plan-activated":
		if in.Plan.ID == "" {
			return w.words.T("owed.no")
		}
		return w.words.T("owed.plan", "plan", in.Plan.ID, "revision", in.Plan.Revision)
	case "temporary":
		return w.temporary()
	case "impact":
		return w.impact
	case "cause":
		return w.sheet.Record.assessment().Cause
	case "leak", "attack":
		yes, known := w.sheet.Figures.Yes[field]
		switch {
		case !known:
			return ""
		case yes:
			return w.words.T("owed.yes")
		}
		return w.words.T("owed.no")
	}
	return w.number(field)
}

func (w filler) number(field string) string {
	n, known := w.sheet.Figures.Numbers[field]
	switch {
	case !known:
		return ""
	case field == "downtime":
		return w.words.T("owed.minutes", "n", w.words.Int(n))
	case field == "loss":
		return w.sheet.Figures.Currency + " " + w.words.Int(n)
	}
	return w.words.Int(n)
}

func (w filler) class(criteria bool) string {
	p := w.duty.Pack
	id, met := p.Class(w.sheet.Figures)
	if criteria {
		return strings.Join(met, ", ")
	}
	for _, c := range p.Classes {
		if c.ID == id {
			return c.Title.In(w.words.Lang())
		}
	}
	return ""
}

// temporary says what was done to the payments.
func (w filler) temporary() string {
	f := w.figures
	if f.Stopped.IsZero() {
		return ""
	}
	return w.words.T("owed.stopped", "time", w.words.Time(f.Stopped, w.duty.Pack.Location()), "n", strconv.FormatInt(f.Declined, 10))
}
