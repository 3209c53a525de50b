package holdfast

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Position is a fact's place in the journal. The first fact has position 1;
// 0 means "before the first". Positions follow commit order without gaps.
type Position uint64

// Revision counts the facts of one subject. The first has revision 1; 0 means
// the subject has none yet.
type Revision uint64

// Hash is a SHA-256 digest. As text it is 64 lower-case hexadecimal digits.
type Hash [32]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether the hash was never set.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText writes the hash as hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return fmt.Errorf("a hash has %d hexadecimal digits, not %d", 2*len(h), len(text))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// Head names one exact history: which journal, which epoch of it (raised when a
// backup is restored or a standby promoted without proof that nothing was
// lost), how far, and the chain's hash there. Two heads with equal position and
// different hash belong to different histories.
type Head struct {
	Journal  string   `json:"journal"`
	Epoch    uint32   `json:"epoch"`
	Position Position `json:"position"`
	Hash     Hash     `json:"hash"`
}

func (h Head) String() string {
	return fmt.Sprintf("%s/%d/%d/%s", h.Journal, h.Epoch, h.Position, h.Hash.String()[:12])
}

// Subject is the thing a fact is about, as "noun/id": "incident/2026-0001",
// "directive/7", "gate/east-1".
type Subject string

// NewSubject joins a noun and an id.
func NewSubject(noun, id string) Subject { return Subject(noun + "/" + id) }

// Split returns the noun and the id.
func (s Subject) Split() (noun, id string) {
	noun, id, _ = strings.Cut(string(s), "/")
	return noun, id
}

// ID returns the part after the noun.
func (s Subject) ID() string {
	_, id := s.Split()
	return id
}

// Fact is something that happened, as the journal holds it. The envelope (all
// but the body) is chained: BodyHash stands for the body, Hash links this
// envelope to the one before. Facts are never changed or removed.
type Fact struct {
	Position Position `json:"position"`
	// Append identifies the append that wrote this fact. The facts of one append
	// stand at adjoining positions and became true together.
	Append   string   `json:"append"`
	Subject  Subject  `json:"subject"`
	Revision Revision `json:"revision"`
	// Kind says what happened, as "noun.verb-in-the-past": "incident.confirmed".
	Kind  string `json:"kind"`
	Actor Actor  `json:"actor"`
	// Time is when the actor did it by the control node's clock, in UTC, to the
	// microsecond. It orders nothing; Position does.
	Time     time.Time       `json:"time"`
	BodyHash Hash            `json:"body_hash"`
	Hash     Hash            `json:"hash"`
	Body     json.RawMessage `json:"body"`
}

// Decode unmarshals the body into v. An error says which fact cannot be read.
func (f Fact) Decode(v any) error {
	if err := json.Unmarshal(f.Body, v); err != nil {
		return fmt.Errorf("fact %d (%s of %s): body: %w", f.Position, f.Kind, f.Subject, err)
	}
	return nil
}
