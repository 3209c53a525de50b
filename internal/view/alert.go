package view

import (
	"math"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/detect"
	"holdfast/internal/response"
)

// Alert is one signal.
type Alert struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Titles are the title in each language, if Holdfast itself raised it.
	Titles      holdfast.Text     `json:"titles,omitzero"`
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
	// Ground is why it belongs to its incident, if no person put it there.
	Ground *alert.Ground `json:"ground,omitempty"`
	// Moves are the times it was moved to another incident, oldest first.
	Moves []Move `json:"moves,omitempty"`
	// TakenUp is when its sender first said that somebody has taken it up.
	TakenUp   time.Time `json:"taken_up_at,omitzero"`
	Dismissed string    `json:"dismissed,omitempty"`
	Waiting   bool      `json:"waiting"`
	By        *Actor    `json:"by"`
	// Evidence is what the alert rests on, if the gates' own counts raised it.
	Evidence *detect.Finding `json:"evidence,omitempty"`
}

// AlertsShown is how many alerts of an incident are shown with it.
const AlertsShown = 100

// Move is one time that a person moved an alert.
type Move struct {
	From   string    `json:"from"`
	To     string    `json:"to"`
	Reason string    `json:"reason"`
	By     *Actor    `json:"by"`
	At     time.Time `json:"at"`
}

func viewAlert(a *alert.Alert) Alert {
	v := Alert{
		ID: a.ID, Title: a.Title(), Titles: response.Titles(a.Incoming), Source: a.Source, Fingerprint: a.Fingerprint,
		StartsAt: a.StartsAt, Received: a.Received, Firing: a.Firing, Ended: a.Ended,
		Labels: a.Labels, Annotations: a.Annotations, Link: a.Link,
		Incident: a.Incident, Dismissed: a.Dismissed, Waiting: a.Waiting(), By: actor(a.Reporter),
		Ground: a.Ground, TakenUp: a.TakenUp,
	}
	if f, ok := detect.Read(a.Incoming); ok {
		v.Evidence = &f
	}
	for _, m := range a.Moves {
		v.Moves = append(v.Moves, Move{m.From, m.To, m.Reason, actor(m.By), m.At})
	}
	return v
}

// AlertFilter chooses alerts; the zero value takes all.
type AlertFilter struct {
	// Waiting leaves only those that nobody has dealt with.
	Waiting bool
	// Incident and Source leave only those of one; Query those in whose title or labels
	// every word of it stands, in any case.
	Incident, Source, Query string
}

func (f AlertFilter) takes(a *alert.Alert, words []string) bool {
	if f.Waiting && !a.Waiting() || f.Incident != "" && a.Incident != f.Incident || f.Source != "" && a.Source != f.Source {
		return false
	}
	if len(words) == 0 {
		return true
	}
	var b strings.Builder
	said := response.Titles(a.Incoming)
	b.WriteString(strings.Join([]string{a.Title(), a.ID, said.ZhHant, said.ZhHans, said.En}, " "))
	for k, v := range a.Labels {
		b.WriteString(" " + k + "=" + v)
	}
	text := strings.ToLower(b.String())
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// AllAlerts assembles a page of alerts, newest first; waiting ones, oldest first.
func (s *Source) AllAlerts(f AlertFilter, offset, size int) (p Page[Alert]) {
	words := strings.Fields(strings.ToLower(f.Query))
	if size <= 0 || size > MaxPage {
		size = PageSize
	}
	p.Items = []Alert{}
	take := func(a *alert.Alert) {
		if f.takes(a, words) {
			if p.Total >= offset && len(p.Items) < size {
				p.Items = append(p.Items, viewAlert(a))
			}
			p.Total++
		}
	}
	if f == (AlertFilter{}) {
		s.newestAlerts(&p, offset, size)
	} else {
		s.someAlerts(f.Waiting, take)
	}
	if end := offset + len(p.Items); end < p.Total && len(p.Items) > 0 {
		p.Next = end
	}
	return p
}

// newestAlerts assembles a page of all: the rest need not be looked at to be counted.
func (s *Source) newestAlerts(p *Page[Alert], offset, size int) {
	s.State.View(func() {
		p.Total = s.Alerts.Count()
		s.Alerts.Before(p.Total-min(offset, p.Total), func(a *alert.Alert) bool {
			p.Items = append(p.Items, viewAlert(a))
			return len(p.Items) < size
		})
	})
}

// alertsAtOnce is how many alerts are looked at without letting facts be folded.
const alertsAtOnce = 2000

// someAlerts gives take all alerts, newest first, or those that wait, oldest first. Who
// searches a storm must not hold it up: between so many, the state is let go.
func (s *Source) someAlerts(waiting bool, take func(*alert.Alert)) {
	place, turn := math.MaxInt, uint64(0)
	for looked := alertsAtOnce; looked == alertsAtOnce; {
		looked = 0
		s.State.View(func() {
			if waiting {
				s.Alerts.WaitingAfter(turn, func(a *alert.Alert, at uint64) bool {
					take(a)
					turn, looked = at, looked+1
					return looked < alertsAtOnce
				})
				return
			}
			place = min(place, s.Alerts.Count())
			s.Alerts.Before(place, func(a *alert.Alert) bool {
				take(a)
				place, looked = place-1, looked+1
				return looked < alertsAtOnce
			})
		})
	}
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
	s.State.View(func() { n = s.Alerts.WaitingCount() })
	return n
}

// MembersCut counts the alerts that senders say they left out.
func (s *Source) MembersCut() (n int) {
	s.State.View(func() { n = s.Alerts.CutMembers() })
	return n
}

// Trial assembles the alert that an arrival would become.
func Trial(in alert.Incoming) Alert {
	v := viewAlert(&alert.Alert{ID: in.ID(), Incoming: in.Clean(), Firing: !in.Resolved})
	v.Waiting, v.By = false, nil
	return v
}
