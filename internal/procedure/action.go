package procedure

import (
	"fmt"
	"reflect"
	"time"

	"holdfast"
)

// Webhook calls an endpoint of the operator's automation.
type Webhook struct {
	// Endpoint is a name that the configuration knows with address and secret.
	Endpoint string `json:"endpoint" yaml:"endpoint"`
	// Automatic calls as soon as the task opens; otherwise a person does.
	Automatic bool `json:"automatic,omitempty" yaml:"automatic,omitempty"`
	// Repeatable says that the endpoint takes a call with a key that it has seen for a
	// repetition. Only then is one whose outcome is not known made again by itself.
	Repeatable bool `json:"repeatable,omitempty" yaml:"repeatable,omitempty"`
	// Timeout bounds one call; 0 means [UsualTimeout].
	Timeout Duration `json:"timeout,omitzero" yaml:"timeout,omitempty"`
}

// Wait ends its task when a condition has held for a while.
type Wait struct {
	// Until is an expression over what branches read.
	Until string `json:"until" yaml:"until"`
	// HoldsFor is how long it must hold without a break; 0 means that once is enough.
	HoldsFor Duration `json:"holds_for,omitzero" yaml:"holds_for,omitempty"`
}

// Limits of actions.
const (
	UsualTimeout = Duration(10 * time.Second)
	MaxTimeout   = Duration(2 * time.Minute)
	MaxItems     = 50
)

// Limit is how long one call may take.
func (w Webhook) Limit() time.Duration {
	if w.Timeout == 0 {
		return UsualTimeout.D()
	}
	return w.Timeout.D()
}

// Actions counts the actions of a task.
func (t Task) Actions() int {
	n := 0
	for _, set := range []bool{t.Notice != nil, t.Directive != nil, t.Probes != nil, t.Ramp != nil, t.Webhook != nil, t.Checklist != nil, t.Wait != nil} {
		if set {
			n++
		}
	}
	return n
}

// SameAction reports whether two tasks do the same, whatever their words say.
func (t Task) SameAction(u Task) bool {
	return reflect.DeepEqual(t.Notice, u.Notice) && reflect.DeepEqual(t.Directive, u.Directive) && reflect.DeepEqual(t.Ramp, u.Ramp) &&
		(len(t.Probes) == 0 && len(u.Probes) == 0 || reflect.DeepEqual(t.Probes, u.Probes)) &&
		reflect.DeepEqual(t.Webhook, u.Webhook) && reflect.DeepEqual(t.Wait, u.Wait) && t.sameItems(u)
}

func (t Task) sameItems(u Task) bool {
	return len(t.Checklist) == 0 && len(u.Checklist) == 0 || reflect.DeepEqual(t.Checklist, u.Checklist)
}

// actions checks the actions that call, ask or wait.
func (c *checker) actions(path string, t Task) {
	if n := t.Actions(); n > 1 {
		c.add(path, "P025",
			holdfast.Errorf(holdfast.Invalid, "task %q has %d actions: a task has at most one of notice, directive, probes, ramp, webhook, checklist and wait; make a task of each", t.ID, n))
	}
	if w := t.Webhook; w != nil && (w.Timeout < 0 || w.Timeout > MaxTimeout || w.Timeout > 0 && w.Timeout < Duration(time.Second)) {
		c.add(path+".webhook.timeout", "P015", holdfast.Errorf(holdfast.Invalid, "a call takes from 1s to %s, not %s", MaxTimeout, w.Timeout))
	}
	if w := t.Wait; w != nil && w.HoldsFor > MaxWait {
		c.add(path+".wait.holds_for", "P015", holdfast.Errorf(holdfast.Invalid, "a condition is watched for at most %s, not %s", MaxWait, w.HoldsFor))
	}
	if n := len(t.Checklist); n > MaxItems {
		c.add(path+".checklist", "P018", holdfast.Errorf(holdfast.TooLarge, "%s holds %d entries; %d is the limit", "checklist", n, MaxItems))
		return
	}
	seen := map[holdfast.Text]int{}
	for i, item := range t.Checklist {
		if first, twice := seen[item]; twice {
			c.add(fmt.Sprintf("%s.checklist[%d]", path, i), "P014", holdfast.Errorf(holdfast.Invalid, "item %d says the same as item %d: ticked twice it proves nothing more; remove one", i+1, first+1))
		} else {
			seen[item] = i
		}
	}
}
