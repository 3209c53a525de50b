package lint

import (
	"slices"
	"strings"
	"time"
)

// Waiver accepts findings of one rule at one place.
type Waiver struct {
	Rule string `json:"rule"`
	// Path is a finding's path or anchor, or that of a part which holds it; empty
	// means everywhere.
	Path string `json:"path,omitempty"`
	// Owner is the person who answers for it.
	Owner  string `json:"owner"`
	Reason string `json:"reason"`
	// Expires is when it ends; a waiver without an end does not count.
	Expires time.Time `json:"expires"`
}

// Covers reports whether the waiver accepts a finding, whatever the time.
func (w Waiver) Covers(f Finding) bool {
	return w.Rule == f.Rule && (within(f.Path, w.Path) || within(f.Anchor, w.Path))
}

// within reports whether a path or anchor is another one or a part of it.
func within(path, whole string) bool {
	rest, found := strings.CutPrefix(path, whole)
	return found && (whole == "" || rest == "" || strings.ContainsRune(".[/", rune(rest[0])))
}

// The rules that judge waivers; they cannot be waived.
const (
	ruleExpired = "L520"
	ruleIdle    = "L521"
)

// Waivable reports whether there is a rule of that number whose findings may be
// waived.
func Waivable(id string) bool {
	return ruleByID[id] != nil && id != ruleExpired && id != ruleIdle
}

// waive marks what waivers accept and reports waivers that do not count.
func (j *judge) waive() []Finding {
	used := make([]bool, len(j.Waivers))
	for i := range j.found {
		f := &j.found[i]
		f.Anchor = anchor(j.Plan, f.Path)
		for n := range j.Waivers {
			w := &j.Waivers[n]
			if !w.Covers(*f) {
				continue
			}
			used[n] = true
			if w.complete() && j.Now.Before(w.Expires) {
				f.Waived, f.Blocks = w, false
			}
		}
	}
	for n, w := range j.Waivers {
		used[n] = used[n] || slices.ContainsFunc(j.Elsewhere, w.Covers)
		switch {
		case !w.complete() || !j.Now.Before(w.Expires):
			j.rule = ruleByID[ruleExpired]
			j.add(w.Path, "the waiver of %s by %s ended on %s: mend the plan, or have it decided anew", w.Rule, w.Owner, w.Expires.Format(time.DateOnly))
		case !used[n]:
			j.rule = ruleByID[ruleIdle]
			j.add(w.Path, "the waiver of %s by %s accepts nothing any more: take it back", w.Rule, w.Owner)
		}
	}
	return j.found
}

func (w Waiver) complete() bool {
	return strings.TrimSpace(w.Owner) != "" && strings.TrimSpace(w.Reason) != "" && !w.Expires.IsZero()
}
