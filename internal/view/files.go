package view

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/approval"
	"holdfast/internal/attachment"
	"holdfast/internal/draft"
	"holdfast/internal/plan"
)

// Scan is a signed paper beside a decision.
type Scan struct {
	// Decision is the decision's number.
	Decision int             `json:"decision"`
	File     attachment.File `json:"file"`
	By       *Actor          `json:"by"`
	At       time.Time       `json:"at"`
}

func scansOf(d *draft.Draft, decision int) (list []Scan) {
	for _, s := range d.ScansOf(decision) {
		list = append(list, Scan{s.Decision, s.File, actor(s.By), s.At})
	}
	return list
}

// PlanApproval is one decision that a revision was published on.
type PlanApproval struct {
	// Step is its name in the ladder; without one, it is the step's id.
	Step Named     `json:"step"`
	Role *Named    `json:"role,omitempty"`
	By   *Actor    `json:"by"`
	At   time.Time `json:"at"`
	// Scans are the signed papers beside it, the newest first.
	Scans []Scan `json:"scans"`
}

// approvals lists how a revision was agreed to, with the scans that its draft has.
func (s *Source) approvals(r *plan.Revision) (list []PlanApproval) {
	var d *draft.Draft
	if s.Triggers.Drafts != nil {
		d, _ = s.Triggers.Drafts.Draft(r.Draft)
	}
	for _, a := range r.Approvals {
		v := PlanApproval{Step: Named{ID: a.Step}, By: actor(a.By), At: a.At, Scans: []Scan{}}
		if a.Role != "" {
			named := role(r.Plan(), a.Role)
			v.Role = &named
		}
		if d != nil && d.Submitted != nil {
			if i := slices.IndexFunc(d.Submitted.Ladder, func(s approval.Step) bool { return s.ID == a.Step }); i >= 0 {
				v.Step.Name = d.Submitted.Ladder[i].Title
			}
			for _, g := range d.Decisions {
				if g.Step == a.Step && g.Role == a.Role && g.By.SameParty(a.By) && g.At.Equal(a.At) {
					v.Scans = append(v.Scans, scansOf(d, g.Number)...)
				}
			}
		}
		list = append(list, v)
	}
	return list
}

// PlanFile returns how a revision names the file with a hash: as an attachment, or
// as the scan of an approval. Code NotFound if it does not.
func (s *Source) PlanFile(p Plan, h holdfast.Hash) (attachment.File, error) {
	if f, ok := p.Content.Names(h); ok {
		return f, nil
	}
	for _, a := range p.Approvals {
		for _, scan := range a.Scans {
			if scan.File.Hash == h {
				return scan.File, nil
			}
		}
	}
	return attachment.File{}, attachment.None(h)
}

// Lost lists the hashes of a plan's files that are not kept here.
func (s *Source) Lost(p *plan.Plan) []string { return s.lost(p) }

// LostIn is Lost for the text of a draft; see [draft.Draft.Handed].
func (s *Source) LostIn(d *draft.Draft, p *plan.Plan) (hashes []string) {
	hashes = s.lost(p)
	s.State.View(func() {
		for _, a := range p.Attachments {
			if f, ok := a.File(); ok && !d.Handed(s.Plans, f.Hash) && !slices.Contains(hashes, a.Hash) {
				hashes = append(hashes, a.Hash)
			}
		}
	})
	return hashes
}
