package traffic

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/payment"
)

// maxRows is the most rows of a snapshot that a Series takes.
const maxRows = 4096

// Snapshot is what a gate counted in one second.
type Snapshot struct {
	// Boot names the Counter that took it, which lives as long as the gate's
	// process; Sequence counts its snapshots from 1. Both with the gate's name
	// tell snapshots apart.
	Boot     string
	Sequence uint64
	// Second is when it was counted, in seconds since 1970 by the gate's clock.
	Second int64
	// Folded is how many payments stand under Other in the place of a value of
	// their own.
	Folded int64
	// Rows has each key once, the largest counts first.
	Rows []Row
	// Parts has each part once.
	Parts  []PartRow
	Payers Payers
}

// snapshotJSON is a snapshot as it is written.
type snapshotJSON struct {
	Boot     string `json:"boot"`
	Sequence uint64 `json:"sequence"`
	Second   int64  `json:"second"`
	Folded   int64  `json:"folded,omitempty"`
	Rows     []Row  `json:"rows"`
	// Answers are place, Named and Differ of the rows that have them.
	Answers [][3]int64 `json:"answers,omitempty"`
	Parts   []PartRow  `json:"parts,omitempty"`
	Payers  *Payers    `json:"payers,omitempty"`
}

// MarshalJSON writes the snapshot; see the package comment.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	w := snapshotJSON{Boot: s.Boot, Sequence: s.Sequence, Second: s.Second, Folded: s.Folded, Rows: s.Rows, Parts: s.Parts}
	if s.Payers.Counted {
		w.Payers = &s.Payers
	}
	for i := range s.Rows {
		if r := &s.Rows[i]; r.Named != 0 || r.Differ != 0 {
			w.Answers = append(w.Answers, [3]int64{int64(i), r.Named, r.Differ})
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Snapshot) UnmarshalJSON(b []byte) error {
	var r snapshotJSON
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	*s = Snapshot{Boot: r.Boot, Sequence: r.Sequence, Second: r.Second, Folded: r.Folded, Rows: r.Rows, Parts: r.Parts}
	if r.Payers != nil {
		s.Payers = *r.Payers
	}
	for _, a := range r.Answers {
		if a[0] < 0 || a[0] >= int64(len(s.Rows)) {
			return fmt.Errorf("answers of row %d, and there are %d rows", a[0], len(s.Rows))
		}
		s.Rows[a[0]].Named, s.Rows[a[0]].Differ = a[1], a[2]
	}
	return nil
}

// MarshalJSON writes the row as an array; see the package comment.
func (r Row) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{
		r.Route, r.Channel, r.Method, r.Kind.String(), r.Verdict, r.Reason, r.Outcome, r.Currency,
		r.Count, r.Amount, r.Latency.short(),
	})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Row) UnmarshalJSON(b []byte) error {
	var kind string
	var latency []int64
	var read Row
	err := unmarshalRow(b, &read.Route, &read.Channel, &read.Method, &kind, &read.Verdict, &read.Reason, &read.Outcome, &read.Currency,
		&read.Count, &read.Amount, &latency)
	if err != nil {
		return err
	}
	if len(latency) > len(read.Latency) {
		return fmt.Errorf("a row has at most %d latencies, not %d", len(read.Latency), len(latency))
	}
	copy(read.Latency[:], latency)
	read.Kind, err = payment.ParseKind(kind)
	*r = read
	return err
}

// unmarshalRow reads an array of as many values as there are places for them.
func unmarshalRow(b []byte, into ...any) error {
	var values []json.RawMessage
	if err := json.Unmarshal(b, &values); err != nil {
		return err
	}
	if len(values) != len(into) {
		return fmt.Errorf("a row has %d parts, not %d", len(into), len(values))
	}
	for i, value := range values {
		if err := json.Unmarshal(value, into[i]); err != nil {
			return fmt.Errorf("part %d of a row: %w", i+1, err)
		}
	}
	return nil
}

// Check refuses what no Counter can have counted. The error has code Invalid.
func (s Snapshot) Check() error {
	wrong := func(format string, args ...any) error {
		return holdfast.Errorf(holdfast.Invalid, "snapshot: "+format, args...)
	}
	switch {
	case s.Boot == "" || len(s.Boot) > MaxText:
		return wrong("the boot id has %d bytes; it must have 1 to %d", len(s.Boot), MaxText)
	case s.Sequence == 0 || s.Second <= 0 || s.Folded < 0:
		return wrong("sequence %d, second %d and folded %d must be above, above and not below 0", s.Sequence, s.Second, s.Folded)
	case len(s.Rows) > maxRows || len(s.Parts) > maxRows:
		return wrong("%d rows; %d is the limit", max(len(s.Rows), len(s.Parts)), maxRows)
	}
	if what := s.Payers.fault(); what != "" {
		return wrong("%s", what)
	}
	for i := range s.Parts {
		if what := s.Parts[i].fault(); what != "" {
			return wrong("part %d: %s", i+1, what)
		}
	}
	for i := range s.Rows {
		if what := s.Rows[i].fault(); what != "" {
			return wrong("row %d: %s", i+1, what)
		}
	}
	return nil
}

func (r *Row) fault() string {
	if r.Kind > payment.Inquiry || r.Outcome > payment.Unknown {
		return "there is no such kind or outcome"
	}
	for _, s := range []string{r.Route, r.Channel, r.Method, r.Verdict, r.Reason, r.Currency} {
		if len(s) > MaxText || !utf8.ValidString(s) {
			return fmt.Sprintf("a value is over %d bytes or not text", MaxText)
		}
	}
	measured, ok := r.Latency.sum()
	if !ok {
		return "a latency is counted below 0"
	}
	if r.Differ < 0 || r.Named < r.Differ {
		return "more answers differ than name an amount"
	}
	if r.Amount < 0 || r.Count < measured {
		return "its amount is below 0, or its count below the sum of its latencies"
	}
	return ""
}
