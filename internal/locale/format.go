package locale

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/currency"
	"golang.org/x/text/number"

	"holdfast"
)

// Int writes a whole number with its thousands set apart.
func (p *Printer) Int(n int64) string { return p.numbers.Sprint(n) }

// Decimal writes a number with at most one decimal.
func (p *Printer) Decimal(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "–"
	}
	return p.numbers.Sprint(number.Decimal(f, number.MaxFractionDigits(1)))
}

// Percent writes 25 as "25 %" in English and "25%" in Chinese.
func (p *Printer) Percent(f float64) string {
	s := p.numbers.Sprint(number.Decimal(f, number.MaxFractionDigits(2)))
	if p.lang == holdfast.En {
		return s + "\u00a0%"
	}
	return s + "%"
}

// Money writes an amount with its currency, as "CNY 1,299.00". A currency that
// ISO 4217 does not know is written in minor units.
func (p *Printer) Money(m holdfast.Money) string {
	unit, err := currency.ParseISO(m.Currency)
	if err != nil {
		return p.Int(m.Minor) + " " + m.Currency
	}
	scale, _ := currency.Standard.Rounding(unit)
	sign, minor := "", uint64(m.Minor)
	if m.Minor < 0 {
		sign, minor = "−", -minor
	}
	one := uint64(1)
	for range scale {
		one *= 10
	}
	text := unit.String() + "\u00a0" + sign + p.numbers.Sprint(minor/one)
	if scale > 0 {
		text += "." + fmt.Sprintf("%0*d", scale, minor%one)
	}
	return text
}

// Time writes an instant in a zone, to the second, with the zone's offset:
// 2026-11-24 03:00:05 +08:00. The zero time is a dash.
func (p *Printer) Time(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "–"
	}
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format("2006-01-02 15:04:05 -07:00")
}

// Clock writes an instant in a zone as short as it can be read beside others:
// the time alone if it is of the same day as now, else day and time. The zone's
// offset has to be told nearby.
func (p *Printer) Clock(t, now time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "–"
	}
	if zone == nil {
		zone = time.UTC
	}
	t, now = t.In(zone), now.In(zone)
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// Span writes a length of time in its two largest units, as "1 h 30 min".
func (p *Printer) Span(d time.Duration) string {
	if d < 0 {
		return "−" + p.Span(-d)
	}
	if d < time.Second {
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	units := []struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	var parts []string
	for _, u := range units {
		if n := d / u.d; n > 0 && len(parts) < 2 {
			parts = append(parts, strconv.FormatInt(int64(n), 10)+" "+p.T("unit."+u.name))
			d -= n * u.d
		} else if len(parts) > 0 {
			break
		}
	}
	return strings.Join(parts, " ")
}
