package plan

import (
	"math"
	"strings"

	"holdfast"
)

func (c *checker) temporary() {
	entries(c, "temporary", c.plan.Temporary, func(t Temporary) string { return t.ID }, func(path string, t Temporary) {
		c.text(path+".title", t.Title)
		c.oneOf(path+".kind", t.Kind, StandIn, Queue, Reroute, ByHand)
		c.text(path+".when", t.When)
		c.text(path+".how", t.How)
		c.knownRole(path+".role", t.Role)
		if t.Scope != "" {
			c.expression(path+".scope", compileScope(t.Scope))
		}
		if t.Profile != nil && t.Longest.D() > LongestStandIn {
			c.add(path+".longest", "P015", holdfast.Errorf(holdfast.Invalid, "a stand-in lasts at most %v", LongestStandIn))
		}
		c.profile(path+".profile", t)
		c.some(path+".parameters", t.Parameters, func(path, id string) {
			reference(c, path, "parameter", id, c.plan.Parameters, func(p Parameter) string { return p.ID })
		})
	})
}

// profile checks what a stand-in is carried out by.
func (c *checker) profile(path string, t Temporary) {
	if t.Profile == nil {
		return
	}
	if t.Kind != StandIn {
		c.add(path, "P032", holdfast.Errorf(holdfast.Invalid, "only a stand-in has a profile: write kind: %s, or remove it", StandIn))
		return
	}
	c.optionalText(path+".reason", t.Profile.Reason)
	if _, ok := readZone(t.Profile.Zone); !ok {
		c.add(path+".zone", "P015", holdfast.Errorf(holdfast.Invalid, "%q is no offset to UTC: write it as +08:00", t.Profile.Zone))
	}
	if _, ok := readCutOff(t.Profile.CutOff); !ok {
		c.add(path+".cut_off", "P015", holdfast.Errorf(holdfast.Invalid, "%q is no time of the day: write it as 23:00", t.Profile.CutOff))
	}
	if p := t.Profile.ShadowPercent; !(p >= 0 && p <= 100) {
		c.add(path+".shadow_percent", "P015", holdfast.Errorf(holdfast.Invalid, "a share of payers is above 0 and at most 100 percent, not %v: leave it out to try nothing in shadow", p))
	}
	for i, terms := range [...]*Terms{t.Profile.Planned, t.Profile.Unplanned} {
		if terms != nil && terms.Queue != nil {
			c.knownRole(path+[...]string{".planned", ".unplanned"}[i]+".queue.responsible", terms.Queue.Responsible)
		}
	}
	for _, f := range t.StandIn().Faults() {
		if f.Path == "id" {
			continue // it is the solution's, and checked there
		}
		if strings.HasSuffix(f.Path, ".queue.owner") {
			continue // it is known, or a fault already
		}
		if f.Path != "" {
			f.Path = "." + f.Path
		}
		c.broken(path+f.Path, "P032", f.Err)
	}
}

func (c *checker) parameters() {
	entries(c, "parameters", c.plan.Parameters, func(p Parameter) string { return p.ID }, func(path string, p Parameter) {
		c.text(path+".title", p.Title)
		c.figure(path+".planned", p.Planned)
		c.figure(path+".unplanned", p.Unplanned)
	})
}

func (c *checker) figure(path string, f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) || f < 0 {
		c.add(path, "P015", holdfast.Errorf(holdfast.Invalid, "%v is not a figure that a parameter can have: write a number of 0 or more", f))
	}
}
