package view

import (
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/detect"
)

// Alert is one signal.
type Alert struct {
	ID          string            `json:"id"`
	Title       string            `json:"title"`
	Source      string            `json:"source"`
	Fingerprint string            `json:"fingerprint"`
	StartsAt    time.Time         `json:"starts_at"`
	Received    time.Time         `json:"received_at"`
	Firing      bool              `json:"firing"`
	Ended       time.Time         `json:"ended_at,omitzero"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Link        string            `json:"link,omitempty"`
	Incident    string            `json:"incident,omitempty"`
	Dismissed   string            `json:"dismissed,omitempty"`
	Waiting     bool              `json:"waiting"`
	By          *Actor            `json:"by"`
	// Evidence is what the alert rests on, if the gates' own counts raised it.
	Evidence *detect.Finding `json:"evidence,omitempty"`
}

func viewAlert(a *alert.Alert) Alert {
	v := Alert{
		ID: a.ID, Title: a.Title(), Source: a.Source, Fingerprint: a.Fingerprint,
		StartsAt: a.StartsAt, Received: a.Received, Firing: a.Firing, Ended: a.Ended,
		Labels: a.Labels, Annotations: a.Annotations, Link: a.Link,
		Incident: a.Incident, Dismissed: a.Dismissed, Waiting: a.Waiting(), By: actor(a.Reporter),
	}
	if f, ok := detect.Read(a.Incoming); ok {
		v.Evidence = &f
	}
	return v
}

// AllAlerts assembles a page of alerts, newest first; waiting leaves only those
// that nobody has dealt with.
func (s *Source) AllAlerts(waiting bool, offset, size int) (p Page[Alert]) {
	s.State.View(func() {
		list := s.Alerts.All()
		if waiting {
			list = s.Alerts.Waiting()
		}
		p = paginate(list, offset, size, viewAlert)
	})
	return p
}

// Alert assembles one alert.
func (s *Source) Alert(id string) (v Alert, err error) {
	s.State.View(func() {
		a := s.Alerts.Alert(id)
		if a == nil {
			err = holdfast.Errorf(holdfast.NotFound, "there is no alert %q", id)
			return
		}
		v = viewAlert(a)
	})
	return v, err
}

// AlertsWaiting counts the alerts that nobody has dealt with.
func (s *Source) AlertsWaiting() (n int) {
	s.State.View(func() { n = len(s.Alerts.Waiting()) })
	return n
}

// MembersCut counts the alerts that senders say they left out.
func (s *Source) MembersCut() (n int) {
	s.State.View(func() { n = s.Alerts.CutMembers() })
	return n
}
