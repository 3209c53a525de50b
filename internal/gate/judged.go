package gate

import "holdfast/internal/posture"

// Judged is what the posture said of the payment. On an observing route that may
// be a decline which was not enforced.
func (a *Admission) Judged() posture.Verdict { return a.verdict }
