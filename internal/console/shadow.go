package console

import (
	"encoding/csv"
	"strconv"

	"holdfast/internal/trial"
	"holdfast/internal/view"
)

// shadowPage answers: would stand-in have decided as the primary did?
type shadowPage struct{ view.Shadow }

// shadowParts is a table of a trial: its currencies, rules or bands of amounts.
type shadowParts struct {
	Of   string
	List []trial.Part
}

// shadowRate is a rate with its interval, in percent.
type shadowRate struct {
	trial.Rate
	Percent, Least, Most float64
}

func shadowRateOf(r trial.Rate) shadowRate {
	return shadowRate{r, r.Share() * 100, r.Low * 100, r.High * 100}
}

func (c *Console) shadow(v *visit) error {
	return c.show(v, "shadow", v.words.T("shadow.title"), true, shadowPage{c.View.Shadow()})
}

// shadowCSV exports what was found: a line for each currency, rule and band, with amounts
// in minor units and times in UTC.
func (c *Console) shadowCSV(v *visit) error {
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="shadow.csv"`)
	out := csv.NewWriter(v.w)
	head := []string{"profile", "version", "current", "terms", "share", "since", "last", "currency", "band_digits", "shadow", "reason"}
	for _, name := range []string{"primary_done", "primary_declined", "primary_unknown"} {
		head = append(head, name+"_count", name+"_minor")
	}
	_ = out.Write(head)
	for _, t := range c.View.Shadow().Trials {
		terms := "unplanned"
		if t.Planned {
			terms = "planned"
		}
		for _, l := range t.Lines {
			said := "approve"
			if l.Reason != "" {
				said = "decline"
			}
			row := []string{t.Profile, t.Version, strconv.FormatBool(t.Current), terms, strconv.FormatFloat(t.Share, 'g', -1, 64), instant(t.Since), instant(t.Last), l.Currency, itoa(l.Band), said, cell(l.Reason)}
			for _, of := range []struct{ count, amount int64 }{{l.Done.Count, l.Done.Amount}, {l.NotDone.Count, l.NotDone.Amount}, {l.Unknown.Count, l.Unknown.Amount}} {
				row = append(row, strconv.FormatInt(of.count, 10), strconv.FormatInt(of.amount, 10))
			}
			_ = out.Write(row)
		}
	}
	out.Flush()
	return out.Error()
}
