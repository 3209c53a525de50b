// Package trial keeps what gates found in shadow mode: how stand-in would have
// decided on payments that the primary answered, and whether it agreed.
//
// The profiles that are tried are those of the plan in force with a share
// (`shadow_percent`); each gate gets them as [standin.Trial] in the answer to its
// report, and tells its figures with the next.
//
// # Figures
//
// A gate counts from the start of its process. [Board] keeps, for each gate, what its
// present process told last and the sum of those before, in documents trial/GATE:
//
//	{"heard":"2026-11-26T02:00:01Z","trials":[{"first":"…","last":"…","now":{"profile":"stand-in",…},"before":[…]}]}
//
// so a start of the gate loses no more than it had found since its last report, and a
// start of a control node nothing. Of a gate the last eight versions of profiles are
// kept, for 90 days after it was heard last. [Sum] adds gates up, [Judge] says what it
// comes to.
//
// # What is compared
//
//	                      the primary did it    the primary declined
//	would have approved   agreed                false approval: money that is not there
//	would have declined   false decline         agreed
//
// A payment of unknown outcome is counted and not compared. docs/formats/stand-in.md
// says what is judged in shadow and what is not.
package trial

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/standin"
)

// Kept is what is known of the trials of one gate.
type Kept struct {
	Heard  time.Time   `json:"heard"`
	Trials []KeptTrial `json:"trials"`
}

// KeptTrial is what one gate found of one version of a profile.
type KeptTrial struct {
	// First is when the first process began with it, Last when it was told of last.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Now are the figures of the present process; Before, and Dropped, the sum of those
	// before it.
	Now     standin.TrialFigures `json:"now"`
	Before  []standin.TrialLine  `json:"before,omitempty"`
	Dropped int64                `json:"dropped,omitempty"`
}

// maxKept is how many versions of profiles are kept of a gate.
const maxKept = 8

// Take adds what a gate tells. Told twice, it changes nothing; so does an earlier process
// that is heard late.
func (k Kept) Take(told []standin.TrialFigures, now time.Time) Kept {
	k.Trials = slices.Clone(k.Trials)
	if now.After(k.Heard) {
		k.Heard = now
	}
	for _, f := range told {
		i := slices.IndexFunc(k.Trials, func(t KeptTrial) bool { return t.Now.Version == f.Version })
		if i < 0 {
			k.Trials = append(k.Trials, KeptTrial{First: f.Since, Last: now, Now: f})
			continue
		}
		t := &k.Trials[i]
		switch {
		case f.Since.Before(t.Now.Since), f.Since.Equal(t.Now.Since) && f.Payments()+f.Dropped < t.Now.Payments()+t.Now.Dropped:
			continue
		case f.Since.After(t.Now.Since):
			t.Before, t.Dropped = add(t.Before, t.Now.Lines), t.Dropped+t.Now.Dropped
		}
		t.Last, t.Now = now, f
	}
	if len(k.Trials) > maxKept {
		slices.SortStableFunc(k.Trials, func(a, b KeptTrial) int { return b.Last.Compare(a.Last) })
		k.Trials = k.Trials[:maxKept]
	}
	return k
}

// check refuses what no board has written.
func (k *Kept) check() error {
	bad := holdfast.Errorf(holdfast.Damaged, "what is kept of a gate's trials cannot be read")
	if k.Heard.IsZero() || len(k.Trials) > maxKept {
		return bad
	}
	for i := range k.Trials {
		t := &k.Trials[i]
		before := standin.TrialFigures{Profile: t.Now.Profile, Version: t.Now.Version, Share: t.Now.Share, Since: t.First, Dropped: t.Dropped, Lines: t.Before}
		if t.Last.IsZero() || !t.Now.Readable() || !before.Readable() {
			return bad
		}
	}
	return nil
}

// decode reads a document.
func decode(body []byte) (k Kept, err error) {
	if err := json.Unmarshal(body, &k); err != nil {
		return k, fmt.Errorf("read what is kept of a gate's trials: %w", err)
	}
	return k, k.check()
}

// add adds lines up.
func add(a, b []standin.TrialLine) []standin.TrialLine {
	type key struct {
		currency, reason string
		band             int
	}
	sums := map[key]standin.TrialLine{}
	for _, l := range slices.Concat(a, b) {
		k := key{l.Currency, l.Reason, l.Band}
		s := sums[k]
		s.Currency, s.Reason, s.Band = l.Currency, l.Reason, l.Band
		s.Done, s.NotDone, s.Unknown = s.Done.Plus(l.Done), s.NotDone.Plus(l.NotDone), s.Unknown.Plus(l.Unknown)
		sums[k] = s
	}
	list := make([]standin.TrialLine, 0, len(sums))
	for _, l := range sums {
		list = append(list, l)
	}
	slices.SortFunc(list, standin.CompareLines)
	return list
}

// Found is what all gates found of one version of a profile.
type Found struct {
	Profile string  `json:"profile"`
	Planned bool    `json:"planned"`
	Version string  `json:"version"`
	Share   float64 `json:"share"`
	// Since is when the first gate began with it, Last when it was told of last.
	Since time.Time `json:"since"`
	Last  time.Time `json:"last"`
	Gates []string  `json:"gates"`
	// Dropped counts payments of the share that were not tried: too many waited.
	Dropped int64               `json:"dropped"`
	Lines   []standin.TrialLine `json:"lines"`
}

// Sum adds up what gates found, by version; what was heard last comes first.
func Sum(gates map[string]Kept) []Found {
	found := map[string]*Found{}
	for gate, kept := range gates {
		for _, t := range kept.Trials {
			f := found[t.Now.Version]
			if f == nil {
				f = &Found{Profile: t.Now.Profile, Planned: t.Now.Planned, Version: t.Now.Version, Share: t.Now.Share, Since: t.First, Last: t.Last}
				found[t.Now.Version] = f
			}
			if t.First.Before(f.Since) {
				f.Since = t.First
			}
			if t.Last.After(f.Last) {
				f.Last = t.Last
			}
			f.Gates = append(f.Gates, gate)
			f.Dropped += t.Dropped + t.Now.Dropped
			f.Lines = add(f.Lines, add(t.Before, t.Now.Lines))
		}
	}
	list := make([]Found, 0, len(found))
	for _, f := range found {
		slices.Sort(f.Gates)
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b Found) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Profile, b.Profile), cmp.Compare(a.Version, b.Version))
	})
	return list
}
