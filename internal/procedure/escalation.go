package procedure

import (
	"cmp"
	"fmt"
	"time"

	"holdfast"
)

// EscalationStep says whom a notice tells next when those told before it have not
// acknowledged in time.
type EscalationStep struct {
	// To lists roles.
	To []string `json:"to" yaml:"to"`
	// Everyone tells all who hold the roles, on duty or not.
	Everyone bool `json:"everyone,omitempty" yaml:"everyone,omitempty"`
	// Acknowledge is how many of those told in this step must acknowledge; 0 means as
	// many as the notice asks for.
	Acknowledge int `json:"acknowledge,omitempty" yaml:"acknowledge,omitempty"`
	// Within is how long they have before the step after it begins. The last step has
	// none after it: when its time is over, people are called by hand.
	Within Duration `json:"within" yaml:"within"`
	// Again is after how long they are told again; 0 means that they are not.
	Again Duration `json:"again,omitzero" yaml:"again,omitempty"`
}

// Limits of an escalation: what is shorter annoys more than it reaches, and what is
// longer is not an escalation.
const (
	MinWait  = Duration(10 * time.Second)
	MaxWait  = Duration(7 * 24 * time.Hour)
	MaxSteps = 20
	// MaxRounds is how often one step tells its people, the first time included.
	MaxRounds = 100
)

// Escalates reports whether something follows when nobody acknowledges.
func (n Notice) Escalates() bool {
	return n.Acknowledge > 0 && (n.Within > 0 || n.Again > 0 || n.Lapse > 0)
}

// Steps returns the escalation as steps: the first is the notice itself, the others
// follow it in order.
func (n Notice) Steps() []EscalationStep {
	steps := []EscalationStep{{To: n.To, Everyone: n.Everyone, Acknowledge: n.Acknowledge, Within: n.Within, Again: n.Again}}
	for _, s := range n.Escalate {
		s.Acknowledge = cmp.Or(s.Acknowledge, n.Acknowledge)
		steps = append(steps, s)
	}
	return steps
}

// escalation checks what follows a notice.
func (c *checker) escalation(path string, n Notice) {
	c.wait(path+".within", n.Within)
	c.wait(path+".again", n.Again)
	c.wait(path+".lapse", n.Lapse)
	follows := n.Within > 0 || n.Again > 0 || n.Lapse > 0 || len(n.Escalate) > 0
	if follows && n.Acknowledge == 0 {
		c.add(path+".acknowledge", "P031", holdfast.Errorf(holdfast.Invalid, "the notice escalates but nobody has to acknowledge it: say how many must"))
	}
	if len(n.Escalate) > MaxSteps {
		c.add(path+".escalate", "P018", holdfast.Errorf(holdfast.TooLarge, "%s holds %d entries; %d is the limit", "escalate", len(n.Escalate), MaxSteps))
		return
	}
	if len(n.Escalate) > 0 && n.Within == 0 {
		c.add(path+".within", "P031", holdfast.Errorf(holdfast.Invalid, "the notice has steps to escalate to, but no time after which the first begins: write within"))
	}
	for i, s := range n.Escalate {
		at := fmt.Sprintf("%s.escalate[%d]", path, i)
		if c.wait(at+".within", s.Within); s.Within == 0 {
			c.add(at+".within", "P031", holdfast.Errorf(holdfast.Invalid, "the step has no time: write within, after which the next step begins or people are called by hand"))
		}
		c.wait(at+".again", s.Again)
	}
}

func (c *checker) wait(path string, d Duration) {
	if d != 0 && (d < MinWait || d > MaxWait) {
		c.add(path, "P015", holdfast.Errorf(holdfast.Invalid, "a wait is %s to %s long, not %s", MinWait, MaxWait, d))
	}
}
