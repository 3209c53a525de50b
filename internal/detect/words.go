package detect

import (
	"math"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/locale"
)

// Title says in one line what is wrong, where, and how much.
func (f *Finding) Title(p *locale.Printer) string {
	key := string(f.Kind)
	if f.Kind == Value && f.Seen > f.Expected {
		key = "value-up"
	}
	return p.T("detect.title."+key, "where", f.Where(p), "seen", f.SeenText(p), "expected", f.ExpectedText(p))
}

// Where names the payments, or the gate.
func (f *Finding) Where(p *locale.Printer) string {
	if f.Kind == Silent {
		return f.Gate
	}
	var parts []string
	for _, part := range []struct{ key, value string }{{"route", f.Scope.Route}, {"channel", f.Scope.Channel}, {"method", f.Scope.Method}, {"bank", f.Scope.Bank}, {"merchant", f.Scope.Merchant}, {"code", f.Scope.Code}} {
		if part.value != "" {
			parts = append(parts, p.T("detect.where."+part.key, "name", part.value))
		}
	}
	if len(parts) == 0 {
		return p.T("detect.where.all")
	}
	return strings.Join(parts, p.T("detect.where.and"))
}

// SeenText and ExpectedText write the figures with what they count.
func (f *Finding) SeenText(p *locale.Printer) string { return f.figure(p, f.Seen) }

// ExpectedText is what was expected instead; a gate is expected to send always.
func (f *Finding) ExpectedText(p *locale.Printer) string {
	if f.Kind == Silent {
		return p.T("detect.each-second")
	}
	return f.figure(p, f.Expected)
}

func (f *Finding) figure(p *locale.Printer, x float64) string {
	switch f.Kind {
	case Drop, Surge:
		return p.T("detect.per-second", "n", p.Decimal(x))
	case Value:
		return p.Money(holdfast.Money{Minor: int64(math.Round(x)), Currency: f.Currency})
	case Silent:
		return p.T("detect.nothing-for", "time", p.Span(time.Duration(x)*time.Second))
	case Slow:
		limit := time.Duration(f.SlowerThan) * time.Millisecond
		return p.T("detect.slower", "share", p.Percent(100*x), "than", p.Span(limit))
	}
	return p.Percent(100 * x)
}

// SureText says how much likelier what was seen is if it is ill than if it is as
// usual; what is more than a billion is not told apart.
func (f *Finding) SureText(p *locale.Printer) string {
	if f.Kind == Silent {
		return p.T("detect.certain")
	}
	times := math.Exp(min(f.Sure, math.Log(1e9)))
	digits := math.Pow(10, math.Floor(math.Log10(max(times*1.0000001, 1))))
	return p.T("detect.times", "n", p.Int(int64(math.Round(digits))))
}
