package standin_test

import (
	"math/rand/v2"
	"time"

	"holdfast/internal/standin"
)

// primary does what it is sent, and tells less of it than it does. It knows an
// identity again for as long as its retention says.
type primary struct {
	rand    *rand.Rand
	effects map[string]int
	at      map[string]time.Time
	refused map[string]bool
	late    []late
	// retention is how long an identity is known again.
	retention time.Duration
	healthy   bool
}

// late is an answer on its way. What was in flight before stand-in opened is
// excluded in every shard.
type late struct {
	identity string
	done     bool
	excluded bool
	shard    int // the next that is to hear of it
}

// send sends it an instruction. What it does, and what its sender hears of that,
// are two things.
func (p *primary) send(identity string, now time.Time) standin.Result {
	if p.healthy || p.rand.IntN(10) > 1 {
		if p.refused[identity] {
			return standin.Refuses
		}
		if at, known := p.at[identity]; !known || now.Sub(at) > p.retention {
			if !known && !p.healthy && p.rand.IntN(30) == 0 {
				p.refused[identity] = true
				return standin.Refuses
			}
			p.effects[identity]++
		}
		p.at[identity] = now
		if p.healthy || p.rand.IntN(3) > 0 {
			return standin.Did
		}
		if p.rand.IntN(2) == 0 {
			p.late = append(p.late, late{identity: identity, done: true})
		}
	}
	return standin.NoAnswer
}

// ask answers an inquiry, or not.
func (p *primary) ask(identity string) standin.Result {
	switch {
	case !p.healthy && p.rand.IntN(3) == 0:
		return standin.NoAnswer
	case p.effects[identity] > 0:
		return standin.Did
	case p.refused[identity]:
		return standin.Refuses
	}
	return standin.DoesNotKnow
}
