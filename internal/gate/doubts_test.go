package gate

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/payment"
)

// learning is a stand-in that is told what the primary has done.
type learning struct {
	shards
	mu   sync.Mutex
	told map[string]bool
}

func (l *learning) Learn(identity string, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told[identity] = done
}

func (l *learning) of(identity string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	done, there := l.told[identity]
	if !there {
		return "nothing"
	}
	return fmt.Sprint(done)
}

// doubting runs a gate that stands in; the primary answers inquiries with what outcomes say.
func doubting(t *testing.T, f func(t *testing.T, g *Gate, in *learning, outcomes *sync.Map)) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		in := &learning{told: map[string]bool{}}
		var outcomes sync.Map
		o := options(dir)
		o.Clock, o.StandIn, o.InFlight = bubbleClock{time.Now()}, in, 64
		o.Inquirer = &answers{outcome: func(r payment.Record) (payment.Outcome, error) {
			said, there := outcomes.Load(r.Identity)
			if !there {
				return payment.Unknown, nil
			}
			return said.(payment.Outcome), nil
		}}
		g := start(t, o)
		enforce(t, g, set(10))
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx, nil) }()
		f(t, g, in, &outcomes)
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A payment that was in flight when forwarding stopped, and that the primary then said
// no to, is asked about: its no to this attempt says nothing about one of another gate.
// Its word is taken once those have an outcome.
func TestDeclinedAfterTheCut(t *testing.T) {
	doubting(t, func(t *testing.T, g *Gate, in *learning, outcomes *sync.Map) {
		flying, quiet := admit(t, g, "flying"), admit(t, g, "quiet")
		early := admit(t, g, "early")
		early.Finish(payment.NotDone, "declined") // before the cut
		enforce(t, g, set(11, standIn(false)))
		flying.Finish(payment.NotDone, "declined")
		outcomes.Store("flying", payment.NotDone)
		outcomes.Store("early", payment.NotDone)
		time.Sleep(defaultDrain - time.Second)
		if got := in.of("flying"); got != "nothing" {
			t.Errorf("a no was taken at once: %s", got)
		}
		time.Sleep(defaultDrain + 5*time.Second)
		if got := in.of("flying"); got != "false" {
			t.Errorf("told %s of what was declined", got)
		}
		if got := in.of("early"); got != "nothing" {
			t.Errorf("told %s of what nobody had in flight", got)
		}
		if g.Pending("flying") {
			t.Error("it is still open")
		}
		quiet.Finish(payment.Done, "")
		if got := in.of("quiet"); got != "true" {
			t.Errorf("told %s of what was done", got)
		}
	})
}

// What a customer asks for again, and stand-in holds for in flight, is asked about by
// whichever gate; an attempt of its own that is unknown keeps a no from being taken.
func TestAskedForAgain(t *testing.T) {
	doubting(t, func(t *testing.T, g *Gate, in *learning, outcomes *sync.Map) {
		record := func(identity string) payment.Record {
			return payment.Record{Identity: identity, Route: "pay", At: time.Now()}
		}
		outcomes.Store("done", payment.Done)
		outcomes.Store("again", payment.NotDone)
		for _, identity := range []string{"done", "again", "silent"} {
			g.Doubt(record(identity))
		}
		time.Sleep(3 * time.Second)
		if got := in.of("done"); got != "true" {
			t.Errorf("told %s of what is done", got)
		}
		held := admit(t, g, "again")
		time.Sleep(3 * defaultDrain)
		if got := in.of("again"); got != "nothing" {
			t.Errorf("told %s of what is in flight here", got)
		}
		held.Finish(payment.NotDone, "declined")
		time.Sleep(longestInterval + time.Second)
		if got := in.of("again"); got != "false" {
			t.Errorf("told %s of what is not done", got)
		}
		time.Sleep(doubtFor)
		if got := in.of("silent"); got != "nothing" {
			t.Errorf("told %s of what nobody knows", got)
		}
		if g.doubts.list(time.Now()); len(g.doubts.open) != 0 {
			t.Errorf("%d are asked about for ever", len(g.doubts.open))
		}
		for i := range 2 * maxDoubts {
			g.Doubt(record(fmt.Sprint("flood-", i)))
		}
		if n := len(g.doubts.open); n != maxDoubts {
			t.Errorf("%d are asked about at once", n)
		}
	})
}
