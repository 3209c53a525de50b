package plandoc

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"holdfast/internal/procedure"
)

// A ramp is a line of its steps and a line for each key that is given:
//
//	1% (2 分) ≤ 20/s [最少樣本（筆）：50 · 自動前進：是] → 100%
//	成功率下限（%）：98

var (
	rampKeys = []string{"success", "unknown", "quick", "within", "tests", "every", "decide", "soak", "currency"}
	stepKeys = []string{"amount_per_second", "sample", "auto", "fall", "success", "unknown", "quick", "within", "tests"}
)

func (t tongue) ramp(name names, r *procedure.Ramp) string {
	var steps []string
	for _, s := range r.Steps {
		step := strconv.FormatFloat(s.Percent, 'f', -1, 64) + "%"
		if s.Hold != 0 {
			step += " (" + t.span(s.Hold.D()) + ")"
		}
		if s.RatePerSecond != 0 {
			step += " ≤ " + strconv.FormatFloat(s.RatePerSecond, 'f', -1, 64) + "/s"
		}
		if more := t.keyed(name, "step", stepKeys, reflect.ValueOf(s)); len(more) > 0 {
			step += " [" + strings.Join(more, " · ") + "]"
		}
		steps = append(steps, step)
	}
	lines := []string{strings.Join(steps, " → ")}
	return strings.Join(append(lines, t.keyed(name, "ramp", rampKeys, reflect.ValueOf(*r))...), "\n")
}

// keyed writes the keys that are given, each with its label.
func (t tongue) keyed(name names, owner string, keys []string, of reflect.Value) (parts []string) {
	for _, key := range keys {
		if v := fieldOf(of, key); !v.IsZero() {
			parts = append(parts, t.labelled(t.label(owner, key), t.value(name, owner+"."+key, v)))
		}
	}
	return parts
}

var rampStep = regexp.MustCompile(`^([0-9.]+)\s*%(?:\s*[(（](.+?)[)）])?(?:\s*≤\s*([0-9.]+)/s)?(?:\s*\[(.+)\])?$`)

func (t tongue) readRamp(text string) (*procedure.Ramp, bool) {
	r := &procedure.Ramp{}
	ladder, rest, _ := strings.Cut(text, "\n")
	for _, part := range strings.Split(ladder, "→") {
		s, ok := t.readStep(strings.TrimSpace(part))
		if !ok {
			return nil, false
		}
		r.Steps = append(r.Steps, s)
	}
	for line := range strings.Lines(rest) {
		if line = strings.TrimSpace(line); line != "" && !t.readKeyed("ramp", rampKeys, line, reflect.ValueOf(r).Elem()) {
			return nil, false
		}
	}
	return r, true
}

func (t tongue) readStep(text string) (s procedure.Step, ok bool) {
	m := rampStep.FindStringSubmatch(text)
	if m == nil {
		return s, false
	}
	var err error
	if s.Percent, err = strconv.ParseFloat(m[1], 64); err != nil {
		return s, false
	}
	if m[2] != "" {
		if s.Hold, ok = readSpan(m[2]); !ok {
			return s, false
		}
	}
	if m[3] != "" {
		if s.RatePerSecond, err = strconv.ParseFloat(m[3], 64); err != nil {
			return s, false
		}
	}
	if m[4] != "" {
		for _, part := range strings.Split(m[4], " · ") {
			if !t.readKeyed("step", stepKeys, strings.TrimSpace(part), reflect.ValueOf(&s).Elem()) {
				return s, false
			}
		}
	}
	return s, true
}

// readKeyed reads what keyed wrote of one key.
func (t tongue) readKeyed(owner string, keys []string, part string, into reflect.Value) bool {
	for _, key := range keys {
		before, after, _ := strings.Cut(t.labelled(t.label(owner, key), "\x00"), "\x00")
		if text, found := strings.CutPrefix(part, before); found {
			return t.read(owner+"."+key, strings.TrimSuffix(text, after), fieldOf(into, key))
		}
	}
	return false
}
