package procedure

import (
	"time"

	"holdfast"
)

// Duration is a time span written as "90s", "5m", "1h30m".
type Duration time.Duration

// MaxDuration is the longest span a procedure may ask for: what takes longer is
// not part of an emergency.
const MaxDuration = Duration(366 * 24 * time.Hour)

// D returns the span for use with package time.
func (d Duration) D() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the span as text.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a span from 0 to [MaxDuration].
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 || Duration(v) > MaxDuration {
		return holdfast.Errorf(holdfast.Invalid, "%q is not a time span: write it as 90s, 5m or 1h30m, at most 8784h", text)
	}
	*d = Duration(v)
	return nil
}
