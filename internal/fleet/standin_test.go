package fleet

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/directive"
	"holdfast/internal/gate"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

func standInProfile() standin.Profile {
	return standin.Profile{
		ID: "small", SnapshotAge: time.Hour,
		Unplanned: &standin.Terms{Eligible: "true", Limits: []standin.Limit{
			{Over: standin.EachPayment, Currency: "CNY", Amount: 1}, {Over: standin.Whole, Currency: "CNY", Amount: 1},
		}},
		Forwarding: standin.Forwarding{Timeout: time.Second, Pause: time.Second, LongestPause: time.Second, Attempts: 1, Expiry: time.Hour, Retention: time.Hour},
	}
}

// standIn puts a stand-in of everything in force that lasts an hour.
func (r *rig) standIn() string {
	r.t.Helper()
	id, err := r.directives.Propose(r.t.Context(), officer, directive.Proposal{
		Kind: posture.StandIn, Scope: "all", Reason: "test", StandIn: &directive.StandIn{Temporary: "small", Role: "commander", Profile: standInProfile(), Longest: time.Hour},
	}, true)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// names has a gate's process say which advice source it has.
func (r *rig) names(name, boot, source string) {
	r.t.Helper()
	if _, err := r.node.Beat(r.t.Context(), gate.Heartbeat{Gate: name, Boot: boot, Posture: r.head(), StandIn: gate.AdviceSource{Source: source}}); err != nil {
		r.t.Fatal(err)
	}
}

// told is what the posture says of the one directive.
func (r *rig) told() (d posture.Directive) {
	synctest.Wait()
	r.state.View(func() { d = r.directives.Book.Set().Directives[0] })
	return d
}

// A node opens a stand-in once it is confirmed and all gates have named one source,
// not before, and records that its time is over.
func TestStandInIsOpenedAndEnds(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.enrol("east", "b1", gate.Static)
		r.enrol("west", "b2", gate.Static)
		var unsettled atomic.Bool
		r.node.Unsettled = unsettled.Load
		r.confirming()
		id := r.standIn()
		r.names("east", "b1", "source-1")
		r.names("west", "b2", "")
		r.acknowledge("east", "b1")
		time.Sleep(time.Minute)
		if r.told().Open {
			t.Fatal("open before it is confirmed")
		}
		r.acknowledge("west", "b2")
		r.wantConfirmed(id, true, "both")
		time.Sleep(time.Minute)
		if r.told().Open {
			t.Fatal("open while a gate names no source")
		}
		r.names("west", "b2", "source-2")
		time.Sleep(time.Minute)
		if r.told().Open {
			t.Fatal("open with two sources")
		}
		unsettled.Store(true)
		r.names("west", "b2", "source-1")
		time.Sleep(time.Minute)
		if r.told().Open {
			t.Fatal("open though it is not known which gates there are")
		}
		unsettled.Store(false)
		time.Sleep(2 * time.Second)
		d := r.told()
		if !d.Open || d.Source != "source-1" || !d.Ends.After(time.Now()) {
			t.Fatalf("not open: %+v", d)
		}
		time.Sleep(time.Until(d.Ends) - time.Second)
		if !r.told().Open {
			t.Error("it ended before its time")
		}
		time.Sleep(time.Second)
		if r.told().Open {
			t.Error("it outlives its time")
		}
	})
}

// One by one is opened without any acknowledgement.
func TestOneByOneIsOpenedByTheNode(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.enrol("east", "b1", gate.Static)
		r.confirming()
		p := standInProfile()
		p.OneByOne = true
		_, err := r.directives.Propose(r.t.Context(), officer, directive.Proposal{
			Kind: posture.StandIn, Scope: "all", Reason: "test", StandIn: &directive.StandIn{Temporary: "small", Role: "commander", Profile: p, OneByOne: true, Longest: time.Hour},
		}, true)
		if err != nil {
			t.Fatal(err)
		}
		if d := r.told(); d.Open || d.Kind != posture.OneByOne {
			t.Fatalf("before its source is known: %+v", d)
		}
		r.names("east", "b1", "source-1")
		time.Sleep(2 * time.Second)
		if d := r.told(); !d.Open || d.Source != "source-1" {
			t.Fatalf("not opened: %+v", d)
		}
		time.Sleep(time.Hour)
		if r.told().Open {
			t.Error("its time has no end")
		}
	})
}
