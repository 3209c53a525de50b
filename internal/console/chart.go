package console

import (
	"math"
	"strconv"
	"time"

	"holdfast/internal/locale"
	"holdfast/internal/view"
)

// chart is payments per second by outcome, as stacked bars with the directives
// marked on it, measured in the units of its view box, and the same as a table.
type chart struct {
	Width, Height int
	Points        int
	Grid          []gridLine
	Gaps, Bars    []box
	Marks         []mark
	Hours         []label
	Legend        []series
	Table         []tableRow
}

type (
	gridLine struct {
		X1, X2, Y, TextY int
		Label            string
	}
	box struct {
		Series     string
		X, Y, W, H float64
	}
	mark struct {
		X, TextX, Bottom float64
		Label            string
	}
	label struct {
		X, Y  float64
		Label string
	}
	series struct{ Series, Name string }

	tableRow struct {
		At    string
		Cells []string
	}
)

const (
	chartWidth, chartHeight            = 720, 220
	chartLeft, chartTop, chartBottom   = 44, 18, 196
	chartRight                         = chartWidth - 4
	plotWidth, plotHeight              = chartRight - chartLeft, chartBottom - chartTop
	markWidth, timeLabels, tableLength = 34, 5, 20
)

// legend lists the series from the bottom of the stack up.
var legend = []series{
	{"done", "outcome.done"}, {"notdone", "outcome.not-done"}, {"unknown", "outcome.unknown"}, {"declined", "verdict.decline"},
}

func counts(p view.Point) [4]int64 { return [4]int64{p.Done, p.NotDone, p.Unknown, p.Declined} }

func drawChart(words *locale.Printer, zone *time.Location, c view.Chart) chart {
	d := chart{Width: chartWidth, Height: chartHeight, Points: len(c.Points), Legend: legend}
	if len(c.Points) == 0 {
		return d
	}
	step := float64(c.StepSeconds)
	top := niceTop(c.Points, step)
	for i := range 3 {
		share := float64(i) / 2
		y := chartBottom - int(share*plotHeight)
		d.Grid = append(d.Grid, gridLine{chartLeft, chartRight, y, y + 4, words.Decimal(top * share)})
	}
	width := float64(plotWidth) / float64(len(c.Points))
	for i, p := range c.Points {
		x := round(chartLeft + float64(i)*width)
		if p.Gap {
			d.Gaps = append(d.Gaps, box{X: x, Y: chartTop, W: round(width), H: plotHeight})
			continue
		}
		y := float64(chartBottom)
		for s, n := range counts(p) {
			if n == 0 {
				continue
			}
			h := float64(n) / step / top * plotHeight
			y -= h
			d.Bars = append(d.Bars, box{legend[s].Series, x, round(y), round(max(width-.5, .5)), round(h)})
		}
	}
	d.place(words, zone, c)
	d.tabulate(words, zone, c)
	return d
}

// place puts the marks and the times below the bars.
func (d *chart) place(words *locale.Printer, zone *time.Location, c view.Chart) {
	span := float64(len(c.Points)) * float64(c.StepSeconds)
	for _, m := range c.Marks {
		at := m.At.Sub(c.From).Seconds() / span
		if at < 0 || at > 1 {
			continue
		}
		x := round(chartLeft + at*plotWidth)
		text := m.Directive
		if m.Lifted {
			text += " ✓"
		}
		d.Marks = append(d.Marks, mark{X: x, TextX: min(x+3, chartRight-markWidth), Bottom: chartBottom, Label: text})
	}
	for i := range timeLabels {
		share := float64(i) / timeLabels
		at := c.From.Add(time.Duration(share * span * float64(time.Second)))
		d.Hours = append(d.Hours, label{round(chartLeft + share*plotWidth), chartBottom + 16, at.In(zone).Format("15:04:05")})
	}
}

// tabulate sums the points into about twenty rows, newest first.
func (d *chart) tabulate(words *locale.Printer, zone *time.Location, c view.Chart) {
	per := (len(c.Points) + tableLength - 1) / tableLength
	for end := len(c.Points); end > 0; end -= per {
		begin := max(0, end-per)
		var sum [4]int64
		gaps := 0
		for _, p := range c.Points[begin:end] {
			if p.Gap {
				gaps++
			}
			for i, n := range counts(p) {
				sum[i] += n
			}
		}
		at := c.From.Add(time.Duration(int64(begin)*c.StepSeconds) * time.Second)
		row := tableRow{At: at.In(zone).Format("15:04:05")}
		seconds := float64(end-begin-gaps) * float64(c.StepSeconds)
		for _, n := range sum {
			cell := "–"
			if seconds > 0 {
				cell = words.Decimal(float64(n) / seconds)
			}
			row.Cells = append(row.Cells, cell)
		}
		d.Table = append(d.Table, row)
	}
}

// niceTop is the upper end of the scale: 1, 2 or 5 times a power of ten, per
// second.
func niceTop(points []view.Point, step float64) float64 {
	most := 0.0
	for _, p := range points {
		sum := int64(0)
		for _, n := range counts(p) {
			sum += n
		}
		most = max(most, float64(sum)/step)
	}
	if most <= 1 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(most)))
	for _, f := range []float64{1, 2, 5, 10} {
		if most <= f*power {
			return f * power
		}
	}
	return 10 * power
}

// round keeps one decimal: the page stays small.
func round(f float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', 1, 64), 64)
	return r
}
