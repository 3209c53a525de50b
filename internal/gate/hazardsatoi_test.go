package gate_test

import (
	"context"
	"time"

	"holdfast/internal/directive"
	"holdfast/internal/gate"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
)

func hazardA(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Strict, 0)
	g.customers(30 * time.Millisecond)
	w.mute()
	w.byLease(w.stop(n, "all"))
}

func hazardB(w *world) {
	n1, n2 := w.lab(2)
	g := w.ready("east", gate.Strict, 1)
	g.customers(30 * time.Millisecond)
	n2.lag, n2.idle = time.Hour, true
	w.run(200 * time.Millisecond) // its fold is behind from now on
	w.mute()
	w.byLease(w.stop(n1, "all"))
}

func hazardBAnother(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Strict, 0)
	g.customers(30 * time.Millisecond)
	w.mute()
	w.net.stale = 1
	w.byLease(w.stop(n, "all"))
}

func hazardC(w *world) {
	n1, _ := w.lab(2)
	first := w.ready("east", gate.Static, 0)
	first.customers(30 * time.Millisecond)
	w.isolate(first)
	w.ready("east", gate.Static, 1).customers(30 * time.Millisecond)
	w.ready("west", gate.Strict, 1).customers(30 * time.Millisecond)
	k := w.stop(n1, "all")
	w.run(3 * w.lease)
	w.want(!w.confirmed(k), "not confirmed while one process has not answered")
	w.net.cut = nil
	w.until("all have answered", func() bool { return w.confirmed(k) })
	w.run(w.lease)
}

// A lease is given only to a run that is a fact.
func hazardCLease(w *world) {
	n1, _ := w.lab(2)
	w.ready("west", gate.Static, 0)
	g := w.ready("east", gate.Strict, 1)
	g.customers(30 * time.Millisecond)
	w.isolate(g)
	k := w.stop(n1, "all")
	w.until("a confirmation", func() bool { return w.confirmed(k) })
	w.want(w.now() > k.issued+w.lease, "it waits for the lease of the one that is cut off")
	w.run(2 * w.lease)
}

// The enrolment of a run that is dead comes after that of the next one. It must
// not stand in the set for ever.
func hazardCLate(w *world) {
	n, _ := w.lab(1)
	g := w.gate("east", gate.Static, gate.Static)
	w.net.delay = func(kind string) (time.Duration, bool) { return 2 * time.Second, kind == "enrol" }
	w.run(50 * time.Millisecond)
	g.kill()
	w.net.delay = nil
	g.begin()
	w.until("the next run is there", func() bool { return w.admits(g) })
	w.run(3 * time.Second)
	k := w.stop(n, "all")
	w.run(time.Second)
	w.want(w.confirmed(k), "confirmed: the run that is there has acknowledged")
}

// A gate has a posture of a history that was lost, and its number is above that
// of the stop. What it says of it counts for nothing.
func hazardD(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Static, 0)
	g.customers(30 * time.Millisecond)
	w.run(time.Second)
	w.db.early, w.db.standby = true, time.Hour
	w.net.delay = func(kind string) (time.Duration, bool) {
		return 1500 * time.Millisecond, kind == "report" || kind == "posture" && w.db.epoch > 0
	}
	for range 4 {
		n.propose(directive.Proposal{Kind: posture.Limit, Scope: `channel == "web"`, Share: 1})
		w.run(50 * time.Millisecond)
	}
	seen := g.floor
	w.truth.foreign = true
	n.kill(time.Second)
	w.db.failOver(500*time.Millisecond, func(int) int { return 0 })
	w.db.standby = 0
	w.isolateFrom("posture")
	w.truth.forget()
	w.run(1010 * time.Millisecond)
	k := w.stop(n, "all")
	w.want(k.at <= seen, "the stop stands at or below what the gate has seen")
	w.run(4 * time.Second)
	w.want(!w.confirmed(k), "the word of another history does not count")
}

// isolateFrom keeps one kind of message away for good, besides what was set.
func (w *world) isolateFrom(kind string) {
	before := w.net.delay
	w.net.delay = func(k string) (time.Duration, bool) {
		if k == kind {
			return time.Hour, true
		}
		if before != nil {
			return before(k)
		}
		return 0, false
	}
}

// forget drops what a fail-over has undone.
func (t *truth) forget() { t.order, t.byID = nil, map[string]*known{} }

// The confirmer reads the stop before it is durable; it is lost, and comes back
// by the repeated append. Meanwhile another node grants leases from before it.
func hazardE(w *world) {
	n1, n2 := w.lab(2)
	g := w.ready("east", gate.Strict, 1)
	g.customers(30 * time.Millisecond)
	n2.lag, n2.idle = time.Hour, true
	w.isolateFrom("report")
	g.stays = true
	w.run(time.Second)
	w.db.early, w.db.standby = true, time.Hour
	w.isolateFrom("posture")
	k := w.stop(n1, "all")
	held := true
	w.db.hold = func(a journal.Append) bool { return held && a.Facts[0].Kind == directive.KindProposed }
	w.run(20 * time.Millisecond)
	w.db.failOver(300*time.Millisecond, func(int) int { return 0 })
	w.db.standby = 0
	w.after(3500*time.Millisecond, func() { held = false })
	w.byLease(k)
}

// A second stop while the first is waited for: the time that has passed for the
// first is not the second's.
func hazardEOwn(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Strict, 0)
	silent := w.ready("west", gate.Strict, 0)
	g.customers(30 * time.Millisecond)
	w.isolate(silent)
	w.stop(n, `kind == "refund"`)
	w.run(w.lease)
	w.mute()
	w.byLease(w.stop(n, "all"))
}

// Facts that gates have enforced are lost for good, and others are in their
// place. Both histories' restrictions hold.
func hazardF(w *world) {
	n, _ := w.lab(1)
	strict, static := w.ready("strict", gate.Strict, 0), w.ready("static", gate.Static, 0)
	w.run(time.Second)
	w.isolateFrom("report")
	w.db.early, w.db.standby = true, time.Hour
	w.stop(n, "all")
	w.run(200 * time.Millisecond)
	n.kill(time.Second)
	w.db.failOver(500*time.Millisecond, func(int) int { return 0 })
	w.db.standby = 0
	w.truth.forget()
	w.run(1200 * time.Millisecond)
	k := w.stop(n, `channel in ["pos", "web"]`)
	w.want(k.at <= strict.floor, "the new stop stands in the place of the lost one")
	for range 40 {
		w.run(200 * time.Millisecond)
		w.want(!w.admits(strict) && !w.admits(static), "the lost stop holds until a person decides")
	}
	w.want(static.g.Status().Alarm != "", "an alarm is shown")
	w.want(!w.confirmed(k), "nothing is confirmed")
}

// Nothing can be written: no lease is given, and a strict gate stops.
func hazardG(w *world) {
	_, n := w.lab(2)
	g := w.ready("east", gate.Strict, 1)
	held := true
	w.db.stall = func() {
		for held {
			w.sleep(50 * time.Millisecond)
		}
	}
	w.run(4 * w.lease / 3)
	w.want(!w.admits(g), "no lease without a journal that can be written")
	held = false
	k := w.stop(n, "all")
	w.until("the journal is back, and the stop is confirmed", func() bool { return w.confirmed(k) })
}

func hazardH(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Static, 0)
	g.customers(30 * time.Millisecond)
	var answered bool
	var answer error
	w.db.late = 1
	n.act("propose", func(ctx context.Context) error {
		_, answer = n.directives.Propose(ctx, mei, directive.Proposal{Kind: posture.Stop, Scope: "all", Reason: "test"}, true)
		answered = true
		return answer
	})
	w.run(250 * time.Millisecond)
	w.db.late = 0
	w.until("an answer", func() bool { return answered })
	w.run(3 * time.Second)
	w.want(answer == nil, "the doubt was settled")
	w.want(len(w.truth.order) == 1, "there is one directive")
	w.want(w.confirmed(w.truth.order[0]), "it is confirmed")
}

func hazardI(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Strict, 0)
	g.customers(10 * time.Millisecond)
	w.run(100 * time.Millisecond)
	g.suspend(3 * w.lease)
	w.byLease(w.stop(n, "all"))
}

// The machine sleeps while payments stand between being judged and being written.
func hazardIAdmitting(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Strict, 0)
	w.lingers = func() time.Duration { return 100 * time.Millisecond }
	for range 4 {
		g.customers(10 * time.Millisecond)
	}
	w.run(time.Second)
	g.suspend(3 * w.lease)
	w.run(200 * time.Millisecond) // what they wait for is over when it wakes
	w.byLease(w.stop(n, "all"))
}

// The answers to heartbeats take as long as they may.
func hazardIReceived(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Strict, 0)
	g.clock.slew(slowest)
	n.clock.slew(fastest)
	g.customers(30 * time.Millisecond)
	w.net.delay = func(kind string) (time.Duration, bool) {
		return 1700 * time.Millisecond, kind == "beat answer"
	}
	w.run(4 * time.Second)
	k := w.stopBehind(n, g)
	w.byLease(k)
}
