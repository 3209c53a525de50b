package console

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/locale"
	"holdfast/internal/trend"
)

// trendsPage answers: what comes back, and do we get faster?
type trendsPage struct {
	trend.Trends
	// Figures are those of the real incidents, or of the drills.
	trend.Figures
	OfDrills bool
	// First and Last are the days of the period, as its form has them.
	First, Last string
	Chart       chart
	Spans       []spanLine
	// Picked is the figure whose incidents are listed in Cases; empty for none.
	Picked figureAt
	Cases  []caseLine
	// Export and Other lead to the same as a file, and to the drills or back.
	Export, Other string
}

// figureAt is one figure: what it counts by, and its key.
type figureAt struct{ By, Key string }

// spanLine is a time with its figures in words; empty where too few are known.
type spanLine struct {
	Name                  string
	N                     int
	Median, P25, P75, Max string
	// Box is its spread, drawn.
	Box spreadBox
}

// caseLine is one incident of a figure, with the time if the figure is of one.
type caseLine struct {
	trend.Case
	Took string
}

func (c *Console) trends(v *visit) error {
	t, cases, err := c.View.Trends(v.query("from"), v.query("to"))
	if err != nil {
		return err
	}
	zone := c.View.Improvements.Zone
	own := trendsPage{Trends: t, Figures: t.Real, OfDrills: v.query("drills") != "", Picked: figureAt{v.query("by"), v.query("key")}}
	own.First, own.Last = t.From.In(zone).Format(time.DateOnly), t.To.In(zone).AddDate(0, 0, -1).Format(time.DateOnly)
	period := url.Values{"from": {own.First}, "to": {own.Last}}
	own.Export = "/trends.csv?" + period.Encode()
	if own.OfDrills {
		own.Figures = t.Drills
		own.Other = "/trends?" + period.Encode()
	} else {
		period.Set("drills", "1")
		own.Other = "/trends?" + period.Encode()
	}
	own.Chart = drawMonths(v.words, own.Figures.Months)
	own.Spans = spanLines(v.words, own.Figures.Spans)
	if own.Cases = picked(v.words, own.Figures, own.Picked, cases); len(own.Cases) == 0 {
		own.Picked = figureAt{}
	}
	return c.show(v, "trends", v.words.T("trends.title"), false, own)
}

// To leads to the list of the incidents of a figure.
func (p trendsPage) To(by, key string) string {
	q := url.Values{"from": {p.First}, "to": {p.Last}, "by": {by}, "key": {key}}
	if p.OfDrills {
		q.Set("drills", "1")
	}
	return "/trends?" + q.Encode() + "#picked"
}

// picked lists the incidents of one figure.
func picked(words *locale.Printer, f trend.Figures, at figureAt, cases []trend.Case) (list []caseLine) {
	of := map[string][]trend.Count{"level": f.Levels, "cause": f.Causes, "root": f.Roots, "false-alarm": {f.FalseAlarms}, "missed": {f.Missing}, "debriefed": {f.Debriefed}}
	find := func(id, took string) {
		if i := slices.IndexFunc(cases, func(c trend.Case) bool { return c.ID == id }); i >= 0 {
			list = append(list, caseLine{cases[i], took})
		}
	}
	for _, n := range of[at.By] {
		if n.Key == at.Key {
			for _, id := range n.Incidents {
				find(id, "")
			}
		}
	}
	for _, m := range f.Months {
		if at.By == "month" && m.Month == at.Key {
			for _, id := range m.Incidents {
				find(id, "")
			}
		}
	}
	for _, s := range f.Spans {
		if at.By == "span" && s.Name == at.Key {
			for _, t := range s.Incidents {
				find(t.Incident, words.Span(t.Took))
			}
		}
	}
	return list
}

func spanLines(words *locale.Printer, spans []trend.Span) (list []spanLine) {
	longest := time.Duration(1)
	for _, s := range spans {
		if s.Max != nil {
			longest = max(longest, *s.Max)
		}
	}
	say := func(d *time.Duration) string {
		if d == nil {
			return ""
		}
		return words.Span(*d)
	}
	for _, s := range spans {
		list = append(list, spanLine{s.Name, s.N, say(s.Median), say(s.P25), say(s.P75), say(s.Max), drawSpread(s, longest)})
	}
	return list
}

// trendsCSV exports the incidents that trends are worked out from, times in seconds.
func (c *Console) trendsCSV(v *visit) error {
	_, cases, err := c.View.Trends(v.query("from"), v.query("to"))
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="trends.csv"`)
	out := csv.NewWriter(v.w)
	head := []string{"incident", "title", "drill", "false_alarm", "level", "opened_at", "cause", "root_causes", "times_from"}
	for _, name := range trend.Spans {
		head = append(head, strings.ReplaceAll(name, "-", "_")+"_seconds")
	}
	_ = out.Write(append(head, "limits_met", "limits_missed"))
	for _, one := range cases {
		row := []string{one.ID, cell(one.Title), strconv.FormatBool(one.Drill), strconv.FormatBool(one.FalseAlarm), itoa(int(one.Level)), instant(one.Opened), cell(one.Cause), strings.Join(one.Roots, " "), timesFrom(one)}
		for _, name := range trend.Spans {
			text := ""
			if took, known := one.Took[name]; known {
				text = strconv.FormatFloat(took.Seconds(), 'f', 3, 64)
			}
			row = append(row, text)
		}
		_ = out.Write(append(row, itoa(one.Met), itoa(one.Missed)))
	}
	out.Flush()
	return out.Error()
}

// timesFrom says where the times of a case come from.
func timesFrom(c trend.Case) string {
	if c.Debriefed {
		return "debrief"
	}
	return "record"
}

func itoa(n int) string { return strconv.Itoa(n) }

// monthLegend lists the series of the chart of months from the bottom of the stack up.
var monthLegend = []series{
	{"level-1", "trends.level-1"}, {"level-2", "trends.level-2"}, {"level-3", "trends.level-3"}, {"triage", "trends.triage"}, {"false", "trends.false-alarm"},
}

func monthCounts(m trend.Month) [5]int {
	return [5]int{m.Levels[1], m.Levels[2], m.Levels[3], m.Levels[0], m.FalseAlarms}
}

// drawMonths draws incidents by month and level, and the same as a table.
func drawMonths(words *locale.Printer, months []trend.Month) chart {
	d := chart{Points: len(months), Legend: monthLegend}
	for _, size := range sizes {
		size.drawMonths(words, months)
		d.Drawings = append(d.Drawings, size)
	}
	for _, m := range slices.Backward(months) {
		row := tableRow{At: m.Month}
		for _, n := range monthCounts(m) {
			row.Cells = append(row.Cells, words.Int(int64(n)))
		}
		d.Table = append(d.Table, row)
	}
	return d
}

func (d *drawing) drawMonths(words *locale.Printer, months []trend.Month) {
	right, bottom := d.Width-4, d.Height-below
	wide, high := float64(right-chartLeft), float64(bottom-chartTop)
	top := 2
	for _, m := range months {
		sum := 0
		for _, n := range monthCounts(m) {
			sum += n
		}
		top = max(top, (sum+1)/2*2) // even, so that the middle line is a whole number
	}
	for i := range 3 {
		y := bottom - int(float64(i)/2*high)
		d.Grid = append(d.Grid, gridLine{chartLeft, right, y, y + 4, words.Int(int64(top * i / 2))})
	}
	var paths [5]strings.Builder
	width := wide / float64(max(1, len(months)))
	every := max(1, (len(months)*monthWidth+int(wide)-1)/int(wide))
	for i, m := range months {
		x, y := round(chartLeft+float64(i)*width+width*.15), float64(bottom)
		for s, n := range monthCounts(m) {
			if n > 0 {
				tall, w := float64(n)/float64(top)*high, round(width*.7)
				y -= tall
				fmt.Fprintf(&paths[s], "M%g %gh%gv%gh%gz", x, round(y), w, round(tall), -w)
			}
		}
		if (len(months)-1-i)%every == 0 {
			d.Hours = append(d.Hours, label{min(round(chartLeft+float64(i)*width+width*.5-24), float64(d.Width-52)), float64(bottom) + 16, m.Month})
		}
	}
	for s := range paths {
		if path := paths[s].String(); path != "" {
			d.Bars = append(d.Bars, bars{monthLegend[s].Series, path})
		}
	}
}

// monthWidth is the room for a month's name.
const monthWidth = 56

// spreadBox is the spread of a time: a line to the longest, a box over the middle
// half, a bar at the median, along one scale for all of them.
type spreadBox struct {
	Known                 bool
	Max, P25, Box, Median float64
	// Whole says that there are quartiles, Middle that there is a median.
	Whole, Middle bool
}

// spreadWidth is the width of the drawing in units of its view box.
const spreadWidth = 200

// drawSpread draws along a scale of the square root, on which minutes are seen beside
// hours.
func drawSpread(s trend.Span, longest time.Duration) (b spreadBox) {
	at := func(d *time.Duration) float64 {
		if d == nil {
			return 0
		}
		return round(spreadWidth * math.Sqrt(float64(*d)/float64(longest)))
	}
	b.Known, b.Whole, b.Middle = s.Max != nil, s.P25 != nil, s.Median != nil
	b.Max, b.P25, b.Median = at(s.Max), at(s.P25), at(s.Median)
	b.Box = round(max(1, cmp.Or(at(s.P75), b.P25)-b.P25))
	return b
}
