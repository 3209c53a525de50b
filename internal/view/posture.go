package view

import (
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/callout"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/response"
	"holdfast/internal/traffic"
)

// Posture answers: are payments flowing, at which level are we, what is in
// force, what is late?
type Posture struct {
	At       time.Time         `json:"at"`
	Position holdfast.Position `json:"position"`
	Operator string            `json:"operator,omitempty"`
	Band     Band              `json:"band"`
	// Directives in force or waiting for approval.
	Directives []Directive `json:"directives"`
	Incidents  []Incident  `json:"incidents"`
	Gates      []Gate      `json:"gates"`
	Traffic    Traffic     `json:"traffic"`
	Unresolved int         `json:"unresolved"`
	// AlertsWaiting counts alerts nobody has dealt with; MembersCut those that
	// senders say they left out.
	AlertsWaiting int    `json:"alerts_waiting"`
	MembersCut    int    `json:"members_cut,omitempty"`
	Late          []Late `json:"late"`
	// AtRisk lists what is in the last fifth of its limit.
	AtRisk []Late `json:"at_risk"`
	// Obligations are reports whose limit is near or has passed.
	Obligations []Obligation `json:"obligations"`
	// Audit says whether what was due to people came to pass.
	Audit *callout.Audited `json:"audit,omitempty"`
	// Journal says what the record survives, whether stops can be confirmed, and what
	// of it needs attention.
	Journal Journal `json:"journal"`
}

// Band is the state in one word, for the top of every page.
type Band struct {
	// State is stopped, stand-in-stopping, stand-in-held, stand-in-open, recovering, limited, level-1, level-2, level-3, suspected
	// or normal: the first of these that applies.
	State string `json:"state"`
	// Percent of payers admitted while recovering or limited.
	Percent float64 `json:"percent,omitempty"`
	// Confirmed says of stopped whether every stop is confirmed.
	Confirmed bool   `json:"confirmed,omitempty"`
	Incident  string `json:"incident,omitempty"`
	Drill     bool   `json:"drill,omitempty"`
	// Glass is who acts beyond his authority now, until when.
	Glass *BandGlass `json:"break_glass,omitempty"`
	// Alarm is true if a gate, the journal or a source that was given up and told of since needs
	// attention.
	Alarm bool `json:"alarm,omitempty"`
}

// BandGlass is somebody who acts beyond his authority.
type BandGlass struct {
	Name  string    `json:"name"`
	Until time.Time `json:"until"`
}

// Traffic is what the gates counted in the last seconds.
type Traffic struct {
	// Known is false if no gate has said anything; the numbers mean nothing then.
	Known bool `json:"known"`
	// Complete is false if some gate is missing from the numbers.
	Complete bool `json:"complete"`
	// Payments and refunds per second, by what became of them.
	Done     float64 `json:"done"`
	NotDone  float64 `json:"not_done"`
	Unknown  float64 `json:"unknown"`
	Declined float64 `json:"declined"`
	// StoodIn are those that gates approved in the primary's place, StandInDeclined those
	// that they did not. They are in none of the figures before.
	StoodIn         float64 `json:"stood_in"`
	StandInDeclined float64 `json:"stand_in_declined"`
}

// Late is a task or a stage past its limit, or in its last fifth.
type Late struct {
	Incident string `json:"incident"`
	// Of is task, stage or post, ID which one. The command is late when it should have
	// been handed over.
	Of string `json:"of"`
	ID string `json:"id"`
	// Task is the id of a task; empty for another thing.
	Task string `json:"task,omitempty"`
	// Title is empty for a post.
	Title holdfast.Text `json:"title,omitzero"`
	Due   time.Time     `json:"due"`
}

// trafficSeconds is how many seconds the present rates are taken over.
const trafficSeconds = 5

// Posture assembles the first screen.
func (s *Source) Posture() (p Posture) {
	backups := s.backups()
	position := s.State.Head().Position // before, so that what is shown is never older than it says
	s.State.View(func() {
		p = Posture{
			At: s.Now().UTC(), Position: position, Operator: s.Operator,
			Band: s.band(), Journal: s.journal(backups), Traffic: s.traffic(),
			Directives: []Directive{}, Incidents: []Incident{}, Late: []Late{}, AtRisk: []Late{},
			Unresolved:    s.Gates.UnresolvedCount(),
			AlertsWaiting: s.Alerts.WaitingCount(), MembersCut: s.Alerts.CutMembers(),
		}
		for _, d := range s.Directives.All() {
			if d.State == directive.InForce || d.State == directive.Proposed {
				p.Directives = append(p.Directives, s.directive(d))
			}
		}
		for _, in := range s.Incidents.Open() {
			p.Incidents = append(p.Incidents, s.summary(in))
			late, atRisk := s.late(in)
			p.Late, p.AtRisk = append(p.Late, late...), append(p.AtRisk, atRisk...)
		}
		p.Gates, p.Obligations = s.gates(), s.pressing()
	})
	p.Band.Alarm = p.Band.Alarm || p.Journal.Alarm
	if s.Auditor != nil {
		report := s.Auditor.Report()
		p.Audit = &report
	}
	return p
}

// Band assembles the band alone.
func (s *Source) Band() (b Band) {
	backups := s.backups()
	s.State.View(func() { b = s.band(); b.Alarm = b.Alarm || s.journal(backups).Alarm })
	return b
}

func (s *Source) band() Band {
	b := Band{State: "normal", Alarm: s.alarm()}
	open := s.Incidents.Open()
	if len(open) > 0 {
		gravest := open[0]
		b.Incident, b.Drill = gravest.ID, gravest.Drill
		b.State = "suspected"
		for _, in := range open {
			if in.State == incident.Active {
				b.State, b.Incident, b.Drill = "level-"+strconv.Itoa(int(in.Level)), in.ID, in.Drill
				break
			}
		}
	}
	for _, g := range s.Authority.Book.Glasses() {
		if g.Holds(s.Now()) {
			b.Glass = &BandGlass{s.personName(g.Person), g.Until}
		}
	}
	share, confirmed, each, rerouted := 1.0, true, false, false
	for _, d := range s.Directives.InForce("") {
		switch d.Kind {
		case posture.Stop:
			b.State = "stopped"
			confirmed = confirmed && d.Confirmation != nil
		case posture.StandIn:
			switch {
			case d.OneByOne():
				each = each || d.Open()
			case b.State != "stopped":
				b.State = standInBand(d)
			}
		case posture.Reroute:
			rerouted = rerouted || d.Open()
		case posture.Limit, posture.Cap:
			share = min(share, d.Share)
			switch {
			case b.State == "stopped" || strings.HasPrefix(b.State, "stand-in-"):
			case d.Incident != "":
				b.State = "recovering"
			case b.State != "recovering":
				b.State = "limited"
			}
		}
	}
	switch { // what a level asks for is more urgent than where payments go
	case each && (b.State == "normal" || b.State == "suspected" || strings.HasPrefix(b.State, "level-")):
		b.State = "stand-in-each"
	case rerouted && (b.State == "normal" || b.State == "suspected"):
		b.State = "rerouted"
	}
	switch b.State {
	case "stopped":
		b.Confirmed = confirmed
	case "recovering", "limited":
		b.Percent = share * 100
	}
	return b
}

// standInBand is the band's state while a stand-in is in force: gates answer, or
// payments are held.
func standInBand(d *directive.Directive) string {
	switch {
	case d.Open():
		return "stand-in-open"
	case d.Confirmation == nil:
		return "stand-in-stopping"
	}
	return "stand-in-held"
}

func (s *Source) durability() journal.Durability {
	if s.Durability == nil {
		return journal.OneMachine("memory")
	}
	return s.Durability()
}

func (s *Source) alarm() bool {
	if !s.durability().MayConfirm || len(s.Reconciliation.Nouns.Book.Contradicted()) > 0 {
		return true
	}
	for _, i := range s.Gates.Live() {
		if l, ok := s.Node.Live(i.Gate); ok && l.Heartbeat.Alarm != "" || s.gateStandIn(i.Gate).Alarm() {
			return true
		}
	}
	return false
}

func (s *Source) traffic() Traffic {
	now := s.Now().Unix()
	rate := func(where func(traffic.Key) bool) (float64, traffic.Rate) {
		r, err := s.Series.Rate(now, trafficSeconds, where)
		if err != nil || r.Seconds == 0 {
			return 0, traffic.Rate{}
		}
		return float64(r.Count) / float64(r.Seconds), r
	}
	var t Traffic
	t.Done, _ = rate(outcomeIs("done"))
	t.NotDone, _ = rate(outcomeIs("not-done"))
	t.Unknown, _ = rate(outcomeIs("unknown"))
	t.StoodIn, _ = rate(stoodIn(true))
	t.StandInDeclined, _ = rate(stoodIn(false))
	declined, r := rate(Declined)
	t.Declined, t.Known, t.Complete = declined, r.Seconds > 0, r.Complete()
	return t
}

// Declined picks the payments and refunds that the gate declined.
func Declined(k traffic.Key) bool {
	return k.Kind.MovesMoney() && k.Verdict == posture.Decline.String()
}

// outcomeIs picks the payments and refunds that went to the primary, by outcome.
func outcomeIs(name string) func(traffic.Key) bool {
	return func(k traffic.Key) bool {
		return k.Kind.MovesMoney() && k.Verdict != posture.Decline.String() && k.Verdict != posture.Substitute.String() && k.Outcome.String() == name
	}
}

// stoodIn picks the payments and refunds that gates answered in the primary's place:
// those approved, or the others.
func stoodIn(approved bool) func(traffic.Key) bool {
	return func(k traffic.Key) bool {
		return k.Kind.MovesMoney() && k.Verdict == posture.Substitute.String() && (k.Outcome == payment.Done) == approved
	}
}

// Preview measures what a directive with this scope would act on now.
func (s *Source) Preview(scope string) (p response.Preview) {
	s.State.View(func() { p = s.preview(s.Response.Preview(scope)) })
	return p
}

// preview adds to what was measured how much waits to be delivered. Call it under the
// state's lock.
func (s *Source) preview(p response.Preview) response.Preview {
	for _, of := range s.Reconciliation.Sources(s.Now()) {
		p.Pending += of.Pending.Count
	}
	return p
}
