package console

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/view"
)

func (c *Console) rampTo(v *visit) error {
	step, err := rampStep(v)
	if err != nil {
		return err
	}
	seen, err := strconv.ParseUint(cmp.Or(v.form("posture"), "0"), 10, 64)
	if err != nil {
		return holdfast.Errorf(holdfast.Invalid, "%q is not a position of the posture", v.form("posture")).At("posture")
	}
	return v.act(c.Response.RampTo(v.r.Context(), v.by(), v.path("id"), v.path("task"), step, holdfast.Position(seen)))
}

func (c *Console) rampKeep(v *visit) error {
	step, err := rampStep(v)
	if err != nil {
		return err
	}
	return v.act(c.Response.KeepRamp(v.r.Context(), v.by(), v.path("id"), v.path("task"), step, v.form("reason")))
}

func (c *Console) rampClose(v *visit) error {
	return v.act(c.Response.CloseRamp(v.r.Context(), v.by(), v.path("id"), v.path("task"), v.form("note")))
}

func rampStep(v *visit) (int, error) {
	step, err := strconv.Atoi(v.form("step"))
	if err != nil {
		return 0, holdfast.Errorf(holdfast.Invalid, "%q is not a step of the ramp", v.form("step")).At("step")
	}
	return step, nil
}

// rampUntested reports whether a test of the ramp has not passed as often as it has to.
func rampUntested(r *view.Ramp) bool {
	for _, p := range r.Tests {
		if p.InARow < p.Times {
			return true
		}
	}
	return false
}

// stepAsks says what a step asks for in the place of the ramp's, and besides it.
func stepAsks(p *locale.Printer, s procedure.Step, test func(id string) string) (list []string) {
	for _, share := range []struct {
		key   string
		value float64
	}{{"field.ramp.success", s.Success}, {"field.ramp.unknown", s.Unknown}, {"field.ramp.quick", s.Quick}} {
		if share.value != 0 {
			list = append(list, p.T("ramp.asks", "what", p.T(share.key), "value", p.Decimal(share.value)))
		}
	}
	if s.Within != 0 {
		list = append(list, p.T("ramp.asks", "what", p.T("field.ramp.within"), "value", p.Span(s.Within.D())))
	}
	for _, id := range s.Probes {
		list = append(list, p.T("ramp.asks", "what", p.T("field.step.tests"), "value", test(id)))
	}
	return list
}

func rampFailed(r *view.Ramp) bool { return r.Judged != nil && r.Judged.Verdict.Graver() }

// verdictSigns tell verdicts apart without their colour.
var verdictSigns = map[incident.RampVerdict]struct{ sign, class string }{
	incident.Advance: {"▲", "good"}, incident.Hold: {"●", "calm"}, incident.StepBack: {"▼", "bad"}, incident.StopRamp: {"✕", "bad"}, incident.NoVerdict: {"?", "warn"},
}

func verdictSign(v incident.RampVerdict) string  { return verdictSigns[v].sign }
func verdictClass(v incident.RampVerdict) string { return verdictSigns[v].class }

// whySaid puts a reason of a verdict in words: bad:success is what failed, then which.
func whySaid(p *locale.Printer, r *view.Ramp, why string) string {
	code, what, _ := strings.Cut(why, ":")
	switch code {
	case "bad", "recent", "open":
		what = p.T("ramp.check." + what)
	case "silent":
		if what == "*" {
			return p.T("ramp.why.nogate")
		}
	case "no-stand-in":
		return p.T("ramp.why.nostandin")
	case "probe", "untested":
		what = testName(p, r, what)
	}
	return p.T("ramp.why."+code, "what", what)
}

// testName is the title of a test of a ramp; its id if it does not run now.
func testName(p *locale.Printer, r *view.Ramp, id string) string {
	for _, t := range testsOf(r) {
		if t.ID == id {
			return t.Title.In(p.Lang())
		}
	}
	return id
}

// probeName is the title of a probe of a plan.
func probeName(p *locale.Printer, c *plan.Plan, id string) string {
	if probe, known := c.Probe(id); known {
		return probe.Title.In(p.Lang())
	}
	return id
}

func testsOf(r *view.Ramp) []view.Probe {
	if r == nil {
		return nil
	}
	return r.Tests
}

// checkSaid puts a share in words, with what can be said of it.
func checkSaid(p *locale.Printer, c incident.RampCheck) string {
	share := 0.0
	if c.Of > 0 {
		share = float64(c.Good) / float64(c.Of)
	}
	return p.T("ramp.check-said", "check", p.T("ramp.check."+c.Check), "good", p.Int(c.Good), "of", p.Int(c.Of),
		"share", percentSaid(p, share), "low", percentSaid(p, c.Low), "high", percentSaid(p, c.High), "floor", percentSaid(p, c.Floor), "state", p.T("ramp.state."+c.State))
}

func percentSaid(p *locale.Printer, share float64) string {
	return p.Percent(float64(int(share*1000+0.5)) / 10)
}

// rampDrawing is the ladder over time: the step that payments were on, and the verdicts.
type (
	rampDrawing struct {
		Class         string
		Width, Height int
		Grid          []gridLine
		Path          string
		Signs         []rampSign
		Hours         []label
	}
	rampSign struct {
		X, Y         float64
		Class, Label string
	}
	rampRow struct {
		At, Step, Said string
		Why            []string
		Sample, Window string
	}
	rampFigure struct {
		ID       string
		Drawings []rampDrawing
		Legend   []incident.RampVerdict
		Rows     []rampRow
	}
)

const rungHeight = 26

// rungs are the heights that payments are at: stopped, standing in if they ever were on
// this ramp or may fall there, and the steps.
type rungs struct {
	standsIn bool
	bottom   int
}

func rungsOf(r *view.Ramp, bottom int) rungs {
	stoodIn := func(m view.RampMove) bool { return m.StandIn != "" }
	falls := func(s procedure.Step) bool { return s.Fall == procedure.FallStandIn }
	return rungs{slices.ContainsFunc(r.Moves, stoodIn) || slices.ContainsFunc(r.Steps, falls), bottom}
}

// count is how many there are besides the steps.
func (g rungs) count() int {
	if g.standsIn {
		return 2
	}
	return 1
}

// y is the middle of a step's rung, that of 0 where payments stand.
func (g rungs) y(step int, standsIn bool) int {
	if g.standsIn && (step > 0 || standsIn) {
		step++
	}
	return g.bottom - step*rungHeight - rungHeight/2
}

// drawRamp draws a ramp that has begun.
func drawRamp(p *locale.Printer, zone *time.Location, r *view.Ramp, id string, now time.Time) *rampFigure {
	if len(r.Moves) == 0 {
		return nil
	}
	f := &rampFigure{ID: id, Legend: incident.RampVerdicts}
	from, to := r.Moves[0].At, r.Moves[len(r.Moves)-1].At
	if n := len(r.Verdicts); n > 0 && r.Verdicts[n-1].At.After(to) {
		to = r.Verdicts[n-1].At
	}
	if r.Watched || r.Step < len(r.Steps) {
		to = now
	}
	span := max(to.Sub(from), time.Second)
	for _, size := range sizes {
		d := rampDrawing{Class: size.Class, Width: size.Width, Height: chartTop + (len(r.Steps)+rungsOf(r, 0).count())*rungHeight + below}
		d.draw(p, zone, r, from, span)
		f.Drawings = append(f.Drawings, d)
	}
	for i := len(r.Verdicts) - 1; i >= 0; i-- {
		v := r.Verdicts[i]
		row := rampRow{
			At: v.At.In(zone).Format("15:04:05"), Step: strconv.Itoa(v.Step), Said: verdictSign(v.Verdict) + " " + p.T("ramp.verdict."+string(v.Verdict)),
			Sample: p.Int(v.Done) + " / " + p.Int(v.Sample), Window: v.From.In(zone).Format("15:04:05") + "–" + v.To.In(zone).Format("15:04:05"),
		}
		for _, why := range v.Why {
			row.Why = append(row.Why, whySaid(p, r, why))
		}
		f.Rows = append(f.Rows, row)
	}
	return f
}

func (d *rampDrawing) draw(p *locale.Printer, zone *time.Location, r *view.Ramp, from time.Time, span time.Duration) {
	right, bottom := d.Width-4, d.Height-below
	x := func(t time.Time) float64 {
		return round(chartLeft + max(0, min(1, float64(t.Sub(from))/float64(span)))*float64(right-chartLeft-8))
	}
	at := rungsOf(r, bottom)
	rung := func(step int, standsIn bool, text string) {
		y := at.y(step, standsIn)
		d.Grid = append(d.Grid, gridLine{chartLeft, right, y, y + 4, text})
	}
	if at.standsIn {
		rung(0, true, p.T("ramp.stands-in"))
	}
	for step := range len(r.Steps) + 1 {
		text := p.T("ramp.stopped")
		if step > 0 {
			text = p.Percent(r.Steps[step-1].Percent)
		}
		rung(step, false, text)
	}
	var path strings.Builder
	for i, m := range r.Moves {
		if m.Kept != "" {
			continue
		}
		if i == 0 {
			fmt.Fprintf(&path, "M%g %d", x(m.At), at.y(0, m.StandIn != "" && !m.StandsIn))
		}
		fmt.Fprintf(&path, "H%gV%d", x(m.At), at.y(m.Step, m.StandsIn))
	}
	fmt.Fprintf(&path, "H%d", right-8)
	d.Path = path.String()
	free := map[int]float64{}
	for _, v := range r.Verdicts {
		left := x(v.At)
		if left < free[v.Step] && !v.Verdict.Graver() {
			continue // one sign must not cover the next
		}
		free[v.Step] = left + 14
		d.Signs = append(d.Signs, rampSign{left - 5, float64(at.y(v.Step, false) - 5), verdictClass(v.Verdict), verdictSign(v.Verdict)})
	}
	labels := (right - chartLeft) / timeWidth
	for i := range labels {
		share := float64(i) / float64(labels)
		at := from.Add(time.Duration(share * float64(span)))
		d.Hours = append(d.Hours, label{round(chartLeft + share*float64(right-chartLeft)), float64(bottom + 16), at.In(zone).Format("15:04:05")})
	}
}

// rampTask returns the ramp of a task, nil if it has none.
func rampTask(in view.Incident, id string) *view.Ramp {
	for _, s := range in.Stages {
		for _, t := range s.Tasks {
			if t.ID == id {
				return t.Ramp
			}
		}
	}
	return nil
}
