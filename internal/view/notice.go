package view

import (
	"time"

	"holdfast/internal/callout"
	"holdfast/internal/incident"
	"holdfast/internal/notify"
	"holdfast/internal/procedure"
)

// Told is a person whom a task tells, and how far that is.
type Told struct {
	Person string `json:"person"`
	Name   string `json:"name"`
	// Account is the one the person signs in with, if the roster names one.
	Account      string           `json:"account,omitempty"`
	Reached      bool             `json:"reached"`
	Acknowledged bool             `json:"acknowledged"`
	Ack          *Acknowledgement `json:"acknowledgement,omitempty"`
	Notices      []Notice         `json:"notices"`
}

// Acknowledgement is a person's word that a task's notices were noted.
type Acknowledgement struct {
	At time.Time `json:"at"`
	By *Actor    `json:"by"`
	// How is console, or phone for one that another person recorded.
	How  string `json:"how"`
	Note string `json:"note,omitempty"`
}

// Notice is one way in which a person is told.
type Notice struct {
	ID       string `json:"id"`
	Channel  string `json:"channel"`
	State    string `json:"state"`
	Attempts int    `json:"attempts"`
	// Detail is what the last attempt ended with.
	Detail string `json:"detail,omitempty"`
	// Waits is when the quiet hours end that the notice waits for, if it does.
	Waits *time.Time `json:"waits,omitempty"`
	// Log has its attempts, oldest first, the newest 20 of them.
	Log []Attempt `json:"log"`
}

// Attempt is one try to deliver a notice, with what the receiver answered.
type Attempt struct {
	Number int       `json:"number"`
	Began  time.Time `json:"began,omitzero"`
	Ended  time.Time `json:"ended,omitzero"`
	State  string    `json:"state"`
	Detail string    `json:"detail,omitempty"`
	// Next is when it is tried again, if it is.
	Next time.Time `json:"next,omitzero"`
}

// Tested is what became of a message that tested a channel.
type Tested struct {
	At      time.Time `json:"at"`
	Channel string    `json:"channel"`
	Address string    `json:"address"`
	// State is that of a notice: delivered, or gave-up; asked if it has to wait,
	// because the same person tests much.
	State string `json:"state"`
	// Detail is what the receiver answered.
	Detail string `json:"detail,omitempty"`
}

// NewTested says what became of a test.
func NewTested(d *notify.Delivery) *Tested {
	if d == nil {
		return nil
	}
	return &Tested{At: d.Asked, Channel: d.Channel, Address: d.Address, State: string(d.State), Detail: d.Detail}
}

func (s *Source) notice(d *notify.Delivery) Notice {
	n := Notice{ID: d.ID, Channel: d.Channel, State: string(d.State), Attempts: d.Attempts, Detail: d.Detail, Log: []Attempt{}}
	if waits := s.Roster.QuietUntil(d.Person, s.Now()); !d.Urgent && !waits.IsZero() && (d.State == notify.Asked || d.State == notify.Failed) {
		n.Waits = &waits
	}
	for _, a := range d.Log {
		n.Log = append(n.Log, Attempt{Number: a.Number, Began: a.Began, Ended: a.Ended, State: string(a.State), Detail: a.Detail, Next: a.Next})
	}
	return n
}

// told assembles the people that a task tells, in the order they were asked for.
func (s *Source) told(in *incident.Incident, task string) []Told {
	list := []Told{}
	for _, p := range s.Notices.ByRound(in.ID, task, in.Round()) {
		v := Told{Person: p.ID, Name: p.Name, Reached: p.Reached(), Acknowledged: p.Acknowledged(), Notices: []Notice{}}
		if person, ok := s.Roster.Person(p.ID); ok {
			v.Account = person.Account
		}
		if a := p.Ack; a != nil {
			v.Ack = &Acknowledgement{At: a.At, By: actor(a.By), How: a.How, Note: a.Note}
		}
		for _, d := range p.Deliveries {
			v.Notices = append(v.Notices, s.notice(d))
		}
		list = append(list, v)
	}
	return list
}

// unreachable lists those whom a task tells and no notice can reach.
func (s *Source) unreachable(in *incident.Incident, stage procedure.StageKind, t procedure.Task) (list []string) {
	told := map[string]bool{}
	for _, p := range s.Notices.ByRound(in.ID, t.ID, in.Round()) {
		told[p.ID] = true
	}
	for _, p := range callout.Recipients(s.Roster, stage, *t.Notice, s.Now()) {
		if !told[p.ID] && !callout.Reachable(p.Person, *t.Notice) {
			list = append(list, p.Name)
		}
	}
	return list
}
