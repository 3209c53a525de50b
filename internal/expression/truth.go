package expression

// Truth is one of three values: a condition over a payment holds, does not
// hold, or cannot be told because a field could not be read. The zero value is
// Unknown, so what was never judged is never taken for No.
//
// And, Or and Not are Kleene's: a known answer that no value of the unread
// field could change is given, all else is Unknown.
type Truth int8

const (
	No      Truth = -1
	Unknown Truth = 0
	Yes     Truth = 1
)

// And is No if either is No, Yes if both are Yes, else Unknown.
func (t Truth) And(u Truth) Truth { return min(t, u) }

// Or is Yes if either is Yes, No if both are No, else Unknown.
func (t Truth) Or(u Truth) Truth { return max(t, u) }

// Not swaps Yes and No.
func (t Truth) Not() Truth { return -t }

func (t Truth) String() string {
	switch t {
	case No:
		return "no"
	case Yes:
		return "yes"
	}
	return "unknown"
}

func truth(b bool) Truth {
	if b {
		return Yes
	}
	return No
}
