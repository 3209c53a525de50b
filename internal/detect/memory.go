package detect

import (
	"encoding/json"
	"fmt"
	"math"
	"unicode/utf8"

	"holdfast/internal/traffic"
)

// memory is what is usual as a document; docs/formats/detect.md has an example.
// It may be lost: then everything is learned anew.
type memory struct {
	// At is the newest second that was judged.
	At     int64         `json:"at"`
	Scopes []scopeMemory `json:"scopes"`
}

type scopeMemory struct {
	Scope
	*Baseline
}

// Memory returns what is usual, to be restored by [Detector.Restore].
func (d *Detector) Memory() []byte {
	m := memory{At: d.at, Scopes: []scopeMemory{}}
	for _, scope := range d.order {
		m.Scopes = append(m.Scopes, scopeMemory{scope, d.watches[scope].base})
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic("detect: memory: " + err.Error()) // finite numbers and names: cannot fail
	}
	return b
}

// Restore takes what was usual before; at is the present second. Volumes of long
// ago are forgotten. What no detector can have written is refused, and nothing is
// taken of it.
func (d *Detector) Restore(b []byte, at int64) error {
	var m memory
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("what is usual cannot be read: %w", err)
	}
	if len(m.Scopes) > MaxScopes {
		return fmt.Errorf("what is usual has %d scopes; %d is the limit", len(m.Scopes), MaxScopes)
	}
	for i := range m.Scopes {
		if what := m.Scopes[i].fault(); what != "" {
			return fmt.Errorf("what is usual in scope %d: %s", i+1, what)
		}
	}
	for _, s := range m.Scopes {
		if d.watches[s.Scope] != nil {
			continue
		}
		if gone := at - m.At; gone < 0 || gone > pause {
			s.unsteady()
		}
		d.insert(newWatch(s.Scope, s.Baseline))
	}
	return nil
}

func (s *scopeMemory) fault() string {
	for _, name := range s.names() {
		if len(name) > traffic.MaxText || !utf8.ValidString(name) {
			return fmt.Sprintf("a name is over %d bytes or not text", traffic.MaxText)
		}
	}
	b := s.Baseline
	if b == nil || len(b.Currency) > traffic.MaxText || len(b.Shares) > len(kinds) || len(b.Tens) > maxTens {
		return "it has no figures, or too many"
	}
	figures := append([]float64{b.Seconds, b.Steady, b.Course.Today, b.Course.Before}, b.Buckets[:]...)
	for _, m := range []mean{b.Short, b.Long, b.Ten, b.Amount, b.Variance} {
		figures = append(figures, m.Sum, m.Weight)
	}
	for _, r := range b.Tens {
		figures = append(figures, float64(r))
	}
	if b.Shares == nil {
		b.Shares = map[Kind]mean{}
	}
	for _, k := range append([]Kind{Drop}, sharesIn(s.Scope)...) {
		if b.Spreads[k] == nil {
			return "a spread is missing"
		}
		figures = append(figures, b.Spreads[k].Mean.Sum, b.Spreads[k].Mean.Weight)
		if m := b.Shares[k]; m.Sum > m.Weight {
			return "a share is over 1"
		} else if k != Drop {
			figures = append(figures, m.Sum, m.Weight)
		}
	}
	if b.Season != nil {
		if b.Season.Now < 0 || b.Season.Now >= hours || b.Season.First < 0 {
			return "its season has no such hour"
		}
		figures = append(figures, b.Season.Open.Sum, b.Season.Open.Weight)
		for _, r := range b.Season.Rates {
			figures = append(figures, float64(r))
		}
	}
	for _, x := range figures {
		if !(x >= 0 && x <= math.MaxInt64) {
			return "a figure is below 0 or too large"
		}
	}
	if (b.Season != nil) != (s.Method == "" && !s.part()) {
		return "a season stands where none is kept, or is missing"
	}
	return ""
}
