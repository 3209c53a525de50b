package decider

import (
	"context"
	"encoding/json"

	"holdfast"
	"holdfast/internal/standin"
)

// kept is what the source keeps of a directive.
type kept struct {
	Profile standin.Profile `json:"profile"`
	Planned bool            `json:"planned,omitempty"`
	// Head is of the posture that opened it, as the gate had it that kept this.
	Head holdfast.Head `json:"head"`
}

// follows reports whether a gate with the posture now, in which a directive is not, may end
// it. A posture older than the one that opened it does not know that it is in force. Of
// another history it does know: its gate follows that one by a person's decision.
func (k kept) follows(now holdfast.Head) bool {
	switch {
	case now.Journal == "": // accepted, and not had yet
		return false
	case now.Journal != k.Head.Journal:
		return true
	case now.Epoch != k.Head.Epoch:
		return now.Epoch > k.Head.Epoch
	}
	return now.Position >= k.Head.Position
}

func profileKey(directive string) string { return "profile/" + directive }

// keep has the source keep the profile of a directive.
func (d *Decider) keep(ctx context.Context, st *standing) (*standin.Compiled, error) {
	var p standin.Profile
	if err := json.Unmarshal(st.Profile, &p); err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "the stand-in profile of the directive %s cannot be read", st.ID).Because(err)
	}
	c, err := p.Compile(st.Planned)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	head := d.set.Head
	d.mu.Unlock()
	body, err := json.Marshal(kept{p, st.Planned, head})
	if err != nil {
		return nil, err
	}
	err = d.opt.Source.PutLedger(ctx, profileKey(st.ID), 0, body)
	if err != nil && holdfast.CodeOf(err) != holdfast.Conflict { // one that is in doubt is tried again
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.profiles[st.ID] = c
	return c, nil
}

func (d *Decider) keptOf(ctx context.Context, directive string) (k kept, err error) {
	_, body, err := d.opt.Source.Ledger(ctx, profileKey(directive))
	if err != nil {
		return k, err
	}
	if len(body) == 0 || json.Unmarshal(body, &k) != nil {
		return k, holdfast.Errorf(holdfast.Damaged, "the stand-in profile of the directive %s cannot be read", directive)
	}
	return k, nil
}

func (d *Decider) loadProfile(ctx context.Context, directive string) error {
	k, err := d.keptOf(ctx, directive)
	if err != nil {
		return err
	}
	c, err := k.Profile.Compile(k.Planned)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.profiles[directive] = c
	return nil
}

// profile returns the terms of a directive, or nil if they are not known.
func (d *Decider) profile(directive string) *standin.Compiled {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.profiles[directive]
}
