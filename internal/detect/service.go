package detect

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/enrolment"
	"holdfast/internal/journal"
	"holdfast/internal/locale"
	"holdfast/internal/traffic"
)

const (
	// look is how often the loop looks whether a second can be judged.
	look = 250 * time.Millisecond
	// wait is how many seconds after its end a second is judged without the gates
	// that have not sent it.
	wait = 2
	// behind is how many seconds the loop may be late before it leaves some out.
	behind = 60
	// compareEvery and saveEvery are how often alerts are compared with findings
	// though none has changed, and what is usual is saved.
	compareEvery = 5 * time.Second
	saveEvery    = time.Minute
	// usualKey is the document of what is usual.
	usualKey = "detect/usual"
)

// Options make a service.
type Options struct {
	Desk   *journal.Desk
	Alerts *alert.Service
	// Gates says which gates are in service.
	Gates     *enrolment.Book
	Series    *traffic.Series
	Documents journal.Documents
	// Situation reports, under the state's lock, whether no incident is on, and
	// whether a directive holds payments back.
	Situation func() (quiet, held bool)
	// Zone and Language are the operator's.
	Zone     *time.Location
	Language holdfast.Lang
	Log      *slog.Logger
}

// Service judges the gates' counts and keeps the alerts as the findings are.
type Service struct {
	Options
	claim claim
	words *locale.Printer

	detector *Detector // nil on a node that does not judge
	// next is the second to be judged next; since is the first that this node
	// judges, and what counts as the last of a gate not heard yet.
	next, since int64
	first       map[string]int64 // when a gate that was not heard was first known
	changed     bool             // alerts are not as the findings are
	compare     time.Time        // when they are compared next
	save        time.Time
	usual       holdfast.Revision // of the document
}

// NewService makes a service; [Service.Run] starts it.
func NewService(o Options) (*Service, error) {
	if o.Desk == nil || o.Alerts == nil || o.Gates == nil || o.Series == nil || o.Documents == nil || o.Situation == nil || o.Zone == nil || o.Log == nil {
		return nil, errors.New("detect: every option but the language must be given")
	}
	return &Service{Options: o, claim: claim{documents: o.Documents, holder: holdfast.NewID()}, words: locale.For(o.Language), first: map[string]int64{}}, nil
}

// Run judges until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			// What was learned in the last minute may be lost, and a claim expires.
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = s.keep(last)
			_ = s.claim.release(last, s.Desk.Now())
			return nil
		case <-tick.C:
		}
		err := s.step(ctx, s.Desk.Now())
		if err != nil && !failing && ctx.Err() == nil {
			s.Log.Warn("detection cannot go on as it should", "error", err)
		}
		failing = err != nil
	}
}

// step does what is due.
func (s *Service) step(ctx context.Context, now time.Time) error {
	s.farewells()
	mine, err := s.claim.holds(ctx, now)
	if !mine {
		s.detector = nil
		return err
	}
	if s.detector == nil {
		err = errors.Join(err, s.begin(ctx, now))
	}
	s.judge(now)
	if s.changed || !now.Before(s.compare) {
		s.changed, s.compare = true, now.Add(compareEvery)
		if e := s.reconcile(ctx, now); e != nil {
			err = errors.Join(err, e)
		} else {
			s.changed = false
		}
	}
	if !now.Before(s.save) {
		s.save = now.Add(saveEvery)
		err = errors.Join(err, s.keep(ctx))
	}
	return err
}

// farewells tells the series which gates were taken out of service: their silence
// is not missing.
func (s *Service) farewells() {
	for _, g := range s.Series.Gates() {
		if g.Gone {
			continue
		}
		var retired bool
		s.Desk.State.View(func() {
			i := s.Gates.Gate(g.Gate).Present()
			retired = i != nil && i.Gone
		})
		if retired {
			s.Series.Farewell(g.Gate, g.Last)
		}
	}
}

// begin takes up what was usual, and the findings whose alerts fire.
func (s *Service) begin(ctx context.Context, now time.Time) error {
	s.detector = New(s.Zone)
	s.restart(now)
	s.save = now.Add(saveEvery)
	doc, err := s.Documents.Document(ctx, usualKey)
	if s.usual = doc.Revision; err == nil {
		// What cannot be read is learned anew.
		err = s.detector.Restore(doc.Body, now.Unix())
	} else if holdfast.CodeOf(err) == holdfast.NotFound {
		err = nil
	}
	for _, a := range s.firing() {
		if f, ok := Read(a); ok {
			s.detector.Resume(f)
		}
	}
	return err
}

// restart goes on with the present second.
func (s *Service) restart(now time.Time) {
	s.next, s.since = now.Unix(), now.Unix()-1
	clear(s.first)
}

// judge judges the seconds that are due.
func (s *Service) judge(now time.Time) {
	if late := now.Unix() - s.next; late > behind || late < -wait {
		s.restart(now) // the process was held up, or the clock was set
	}
	for ; s.next < now.Unix(); s.next++ {
		second := s.second(s.next)
		if now.Unix()-s.next <= wait && slices.ContainsFunc(second.Gates, func(g Gate) bool { return !g.Heard && s.next-g.Last < silentAfter }) {
			return
		}
		if len(s.detector.Second(second)) > 0 {
			s.changed = true
		}
	}
}

// second gathers what is known of a second.
func (s *Service) second(at int64) Second {
	counted := s.Series.Second(at)
	second := Second{At: at, Rows: counted.Rows, Parts: counted.Parts}
	heard := map[string]int64{}
	for _, g := range s.Series.Gates() {
		heard[g.Gate] = g.Last
	}
	s.Desk.State.View(func() {
		second.Quiet, second.Held = s.Situation()
		for _, g := range s.Gates.Gates() {
			if i := g.Present(); i == nil || i.Gone {
				continue
			}
			if s.first[g.Name] == 0 {
				s.first[g.Name] = max(at-1, s.since)
			}
			second.Gates = append(second.Gates, Gate{g.Name, max(heard[g.Name], s.first[g.Name]), slices.Contains(counted.Heard, g.Name)})
		}
	})
	return second
}

// firing returns the alerts of this source that fire, as they arrived.
func (s *Service) firing() (list []alert.Incoming) {
	s.Desk.State.View(func() {
		for _, a := range s.Alerts.Book.Firing(Source) {
			list = append(list, a.Incoming)
		}
	})
	return list
}

// reconcile makes the alerts as the findings are. It looks at both as they are and
// not at what has changed, so what could not be written is written at the next
// try. A finding whose alert was dismissed by a person is as it should be.
func (s *Service) reconcile(ctx context.Context, now time.Time) error {
	firing := map[string]alert.Incoming{}
	for _, in := range s.firing() {
		firing[in.ID()] = in
	}
	s.accept()
	var members []alert.Incoming
	for _, f := range s.detector.Open() {
		in := f.Alarm(s.words)
		if _, known := firing[in.ID()]; !known {
			members = append(members, in)
		}
		delete(firing, in.ID())
	}
	for _, id := range slices.Sorted(maps.Keys(firing)) {
		in := firing[id]
		in.Resolved, in.EndsAt = true, now
		members = append(members, in)
	}
	if len(members) == 0 {
		return nil
	}
	return s.Alerts.Deliver(ctx, holdfast.Self("detect"), alert.Delivery{Members: members})
}

// accept takes as usual what people dismissed.
func (s *Service) accept() {
	for _, f := range s.detector.Open() {
		id, dismissed := f.Alarm(s.words).ID(), false
		s.Desk.State.View(func() {
			a := s.Alerts.Book.Alert(id)
			dismissed = a != nil && a.Dismissed != ""
		})
		if dismissed {
			s.detector.Accept(f)
		}
	}
}

// keep saves what is usual.
func (s *Service) keep(ctx context.Context) error {
	if s.detector == nil {
		return nil
	}
	revision, err := s.Documents.PutDocument(ctx, journal.Document{Key: usualKey, Revision: s.usual, Body: s.detector.Memory()})
	if holdfast.CodeOf(err) == holdfast.Conflict {
		// Another node judged meanwhile; what this one knows is newer.
		d, e := s.Documents.Document(ctx, usualKey)
		s.usual = d.Revision
		if holdfast.CodeOf(e) == holdfast.NotFound {
			return nil
		}
		return e
	}
	if err == nil {
		s.usual = revision
	}
	return err
}
