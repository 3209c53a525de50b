package plan

import (
	"regexp"
	"time"

	"holdfast"
)

// Limits on what an alert rule adds to its condition.
const (
	maxGroupBy  = 8
	maxTold     = 20
	minWatchdog = 10 * time.Second
	maxWatchdog = 24 * time.Hour
)

// labelName is how monitoring systems name labels.
var labelName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,99}$`)

func (c *checker) alertRule(path string, a AlertRule) {
	c.atMost(path+".group_by", len(a.GroupBy), maxGroupBy)
	for i, name := range a.GroupBy {
		if !labelName.MatchString(name) {
			c.add(at(path+".group_by", i), "P015", holdfast.Errorf(holdfast.Invalid, "%q is not the name of a label: letters, digits and _ . -, at most 100", name))
		}
	}
	c.atMost(path+".tell", len(a.Tell), maxTold)
	for i, role := range a.Tell {
		c.knownRole(at(path+".tell", i), role)
	}
	if d := a.Watchdog.D(); d != 0 && (d < minWatchdog || d > maxWatchdog) {
		c.add(path+".watchdog", "P015", holdfast.Errorf(holdfast.Invalid, "a watchdog is missed after 10s to 24h, not %s", d))
	}
}
