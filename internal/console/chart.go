package console

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/locale"
	"holdfast/internal/view"
)

// chart is payments per second by outcome, as stacked bars with the directives
// marked on it: drawn once for a desk and once for a phone or a side column,
// each measured in the units of its own view box, and the same as a table.
type chart struct {
	Points   int
	Drawings []drawing
	Legend   []series
	Table    []tableRow
}

type (
	// drawing is a chart at one size. Class says where it is shown.
	drawing struct {
		Class         string
		Width, Height int
		Grid          []gridLine
		Gaps          []box
		Bars          []bars
		Marks         []mark
		Hours         []label
	}
	gridLine struct {
		X1, X2, Y, TextY int
		Label            string
	}
	box struct{ X, Y, W, H float64 }
	// bars is a series as the path of all its bars.
	bars struct {
		Series string
		Path   string
	}
	mark struct {
		X, TextX, Bottom float64
		// Label is empty where it would cover the one before.
		Label string
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

// The sizes of a chart; what they share is in the constants below.
var sizes = []drawing{
	{Class: "wide", Width: 720, Height: 220},
	{Class: "narrow", Width: 360, Height: 200},
}

const (
	chartLeft, chartTop = 44, 18
	// below is the room for the times, markWidth for a mark's label, and
	// timeWidth for one time and the room to the next.
	below, markWidth, timeWidth = 24, 34, 110
	tableLength                 = 20
	// shortest is how many points stay when an empty beginning is cut off.
	shortest = 24
)

// legend lists the series from the bottom of the stack up.
var legend = [...]series{
	{"done", "outcome.done"}, {"stoodin", "verdict.stood-in"}, {"notdone", "outcome.not-done"}, {"unknown", "outcome.unknown"}, {"declined", "verdict.decline"},
}

// counts has the declines of stand-in with those of the gates.
func counts(p view.Point) [len(legend)]int64 {
	return [len(legend)]int64{p.Done, p.StoodIn, p.NotDone, p.Unknown, p.Declined + p.StandInDeclined}
}

func drawChart(words *locale.Printer, zone *time.Location, c view.Chart) chart {
	c = cutBeginning(c)
	d := chart{Points: len(c.Points), Legend: legend[:]}
	if len(c.Points) == 0 {
		return d
	}
	for _, size := range sizes {
		size.draw(words, zone, c)
		d.Drawings = append(d.Drawings, size)
	}
	d.tabulate(words, zone, c)
	return d
}

// cutBeginning leaves out the time before anything was counted.
func cutBeginning(c view.Chart) view.Chart {
	for len(c.Points) > shortest && c.Points[0].Gap {
		c.Points = c.Points[1:]
		c.From = c.From.Add(time.Duration(c.StepSeconds) * time.Second)
	}
	return c
}

func (d *drawing) draw(words *locale.Printer, zone *time.Location, c view.Chart) {
	right, bottom := d.Width-4, d.Height-below
	plotWidth, plotHeight := float64(right-chartLeft), float64(bottom-chartTop)
	step := float64(c.StepSeconds)
	top := niceTop(c.Points, step)
	for i := range 3 {
		share := float64(i) / 2
		y := bottom - int(share*plotHeight)
		d.Grid = append(d.Grid, gridLine{chartLeft, right, y, y + 4, words.Decimal(top * share)})
	}
	var paths [len(legend)]strings.Builder
	width := plotWidth / float64(len(c.Points))
	for i, p := range c.Points {
		x := round(chartLeft + float64(i)*width)
		if p.Gap {
			d.Gaps = append(d.Gaps, box{X: x, Y: chartTop, W: round(width), H: plotHeight})
			continue
		}
		y := float64(bottom)
		for s, n := range counts(p) {
			if n == 0 {
				continue
			}
			h := float64(n) / step / top * plotHeight
			y -= h
			w := round(max(width-.5, .5))
			fmt.Fprintf(&paths[s], "M%g %gh%gv%gh%gz", x, round(y), w, round(h), -w)
		}
	}
	for s := range paths {
		if path := paths[s].String(); path != "" {
			d.Bars = append(d.Bars, bars{legend[s].Series, path})
		}
	}
	d.place(zone, c, plotWidth)
}

// place puts the marks and the times below the bars.
func (d *drawing) place(zone *time.Location, c view.Chart, plotWidth float64) {
	bottom := float64(d.Height - below)
	span := float64(len(c.Points)) * float64(c.StepSeconds)
	free := 0.0 // where the next label may begin
	for _, m := range slices.SortedFunc(slices.Values(c.Marks), func(a, b view.Mark) int { return a.At.Compare(b.At) }) {
		at := m.At.Sub(c.From).Seconds() / span
		if at < 0 || at > 1 {
			continue
		}
		x := round(chartLeft + at*plotWidth)
		text := m.Directive
		if m.Lifted {
			text += " ✓"
		}
		put := mark{X: x, TextX: min(x+3, float64(d.Width-4-markWidth)), Bottom: bottom, Label: text}
		if put.TextX < free {
			put.Label = ""
		} else {
			free = put.TextX + markWidth
		}
		d.Marks = append(d.Marks, put)
	}
	labels := int(plotWidth) / timeWidth
	for i := range labels {
		share := float64(i) / float64(labels)
		at := c.From.Add(time.Duration(share * span * float64(time.Second)))
		d.Hours = append(d.Hours, label{round(chartLeft + share*plotWidth), bottom + 16, at.In(zone).Format("15:04:05")})
	}
}

// tabulate sums the points into about twenty rows, newest first.
func (d *chart) tabulate(words *locale.Printer, zone *time.Location, c view.Chart) {
	per := (len(c.Points) + tableLength - 1) / tableLength
	for end := len(c.Points); end > 0; end -= per {
		begin := max(0, end-per)
		var sum [len(legend)]int64
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
