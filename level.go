package holdfast

import "fmt"

// Level is the response level of an incident (requirement R3.1): 1 is gravest.
type Level uint8

const (
	// Unknown means the level has still to be judged. It is never treated as a
	// low level: it asks for triage now.
	Unknown Level = 0
	// Level1: the system has stopped, key data has leaked, or as grave.
	Level1 Level = 1
	// Level2: some functions are restricted, normal running goes on.
	Level2 Level = 2
	// Level3: a function is abnormal, users are not affected.
	Level3 Level = 3
)

// ParseLevel reads "1", "2" or "3".
func ParseLevel(s string) (Level, error) {
	if len(s) == 1 && s[0] >= '1' && s[0] <= '3' {
		return Level(s[0] - '0'), nil
	}
	return Unknown, Errorf(Invalid, "level %q: write 1, 2 or 3", s)
}

func (l Level) String() string {
	if l == Unknown {
		return "unknown"
	}
	return fmt.Sprint(uint8(l))
}
