package fault

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
)

func pay(n int) Operation {
	return Operation{Kind: Payment, Identity: fmt.Sprintf("c1-%d", n), Channel: "app", Bank: "bank_01", Method: "card"}
}

func start(t *testing.T, i *Injector, f Fault) Lease {
	t.Helper()
	l, err := i.Start(f)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTheSamePaymentsAreHitOnEveryRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hit := func(seed uint64, f Fault) (list []int) {
			i := NewInjector(seed)
			start(t, i, f)
			for n := range 2000 {
				if len(i.Decide(pay(n))) > 0 {
					list = append(list, n)
				}
			}
			_, rest := i.EndAll()
			if len(rest) > 0 {
				t.Errorf("still holding: %v", rest)
			}
			return list
		}
		tenth := Fault{Kind: Error, Seconds: 60, Share: 0.1}
		first := hit(1, tenth)
		if again := hit(1, tenth); fmt.Sprint(first) != fmt.Sprint(again) {
			t.Error("two runs with one seed hit different payments")
		}
		if len(first) < 150 || len(first) > 250 {
			t.Errorf("a share of 0.1 hits %d of 2000", len(first))
		}
		if fmt.Sprint(hit(2, tenth)) == fmt.Sprint(first) {
			t.Error("the seed changes nothing")
		}
		salted := tenth
		salted.Salt = 9
		if fmt.Sprint(hit(1, salted)) == fmt.Sprint(first) {
			t.Error("the salt changes nothing")
		}
		fifth := tenth
		fifth.Share = 0.2
		larger := map[int]bool{}
		for _, n := range hit(1, fifth) {
			larger[n] = true
		}
		for _, n := range first {
			if !larger[n] {
				t.Errorf("payment %d is hit at 0.1 and not at 0.2", n)
			}
		}
	})
}

func TestALeaseEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := NewInjector(1)
		start(t, i, Fault{Kind: Error, Seconds: 10})
		pass(10*time.Second - time.Nanosecond)
		if len(i.Decide(pay(1))) != 1 {
			t.Error("not hit at the last moment")
		}
		pass(time.Nanosecond)
		synctest.Wait()
		if len(i.Decide(pay(1))) != 0 {
			t.Error("hit after the end")
		}
		if l := i.Leases()[0]; l.EndedBy != "expiry" || !l.Ended.Equal(l.Expires) || l.Hits != 1 {
			t.Errorf("%+v", l)
		}
	})
}

// Even with a timer that never fires the clock ends the lease.
func TestTheClockEndsALeaseWithoutItsTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := NewInjector(1)
		for _, k := range []Kind{Error, Refusal, Outage} {
			start(t, i, Fault{Kind: k, Seconds: 10})
		}
		hit := i.Decide(pay(1))[0]
		for _, l := range i.leases {
			l.by.Stop()
		}
		pass(10 * time.Second)
		outages, _ := i.Outages()
		if len(i.Decide(pay(1))) != 0 || i.Refuses(1) || len(outages) != 0 || hit.Hold() {
			t.Error("a fault outlives its lease")
		}
	})
}

func TestEndingReleasesWhatIsHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := NewInjector(1)
		lease := start(t, i, Fault{Kind: Latency, Seconds: 600, DelayMS: 300_000})
		var released []time.Duration
		began := time.Now()
		var wait sync.WaitGroup
		wait.Go(func() {
			hit := i.Decide(pay(1))[0]
			hit.Wait(hit.Delay(), nil)
			released = append(released, time.Since(began))
		})
		pass(time.Second)
		if l := i.Leases()[0]; l.Holding != 1 {
			t.Errorf("holding %d", l.Holding)
		}
		l, err := i.End(lease.ID)
		if err != nil || l.EndedBy != "hand" || l.Holding != 0 {
			t.Errorf("%+v, %v", l, err)
		}
		wait.Wait()
		if len(released) != 1 || released[0] != time.Second {
			t.Errorf("released after %v", released)
		}
		if _, err := i.End("fault_99"); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("ending what is not there: %v", err)
		}
	})
}

func TestEndAllNamesWhatDidNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := NewInjector(1)
		start(t, i, Fault{Kind: Error, Seconds: 600})
		start(t, i, Fault{Kind: Outage, Seconds: 600})
		outages, _ := i.Outages()
		if !outages[0].Hold() {
			t.Fatal("the outage is not in force")
		}
		began := time.Now()
		ended, notEnded := i.EndAll()
		if took := time.Since(began); took != settle {
			t.Errorf("waited %v", took)
		}
		if len(ended) != 2 || len(notEnded) != 1 || notEnded[0].Kind != Outage {
			t.Errorf("ended %v, not ended %v", ended, notEnded)
		}
		outages[0].Release()
		if ended, notEnded = i.EndAll(); len(ended)+len(notEnded) != 0 {
			t.Errorf("afterwards: ended %v, not ended %v", ended, notEnded)
		}
	})
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := NewInjector(1)
		start(t, i, Fault{Kind: Latency, Seconds: 600, DelayMS: 2000, JitterMS: 1000})
		hits := i.Decide(pay(1))
		if d := hits[0].Delay(); d < 2*time.Second || d > 3*time.Second || d != i.Decide(pay(1))[0].Delay() {
			t.Errorf("delay %v", d)
		}
		began := time.Now()
		hits[0].Wait(time.Minute, nil)
		if time.Since(began) != time.Minute {
			t.Errorf("waited %v", time.Since(began))
		}
		stop := make(chan struct{})
		close(stop)
		hits[0].Wait(time.Minute, stop)
		once := Once(Fault{Kind: LateAnswer, DelayMS: 1000})
		once.Wait(once.Delay(), nil)
		if time.Since(began) != time.Minute+time.Second {
			t.Errorf("waited %v in all", time.Since(began))
		}
		i.EndAll()
		hits[0].Wait(time.Minute, nil) // a hit decided before the end
		if time.Since(began) != time.Minute+time.Second {
			t.Error("held up by a lease that has ended")
		}
	})
}

func TestRefusalIsOfConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := NewInjector(1)
		start(t, i, Fault{Kind: Refusal, Seconds: 60, Share: 0.3})
		n := 0
		for c := range uint64(1000) {
			if i.Refuses(c) {
				n++
			}
		}
		if n < 230 || n > 370 || i.Leases()[0].Hits != int64(n) {
			t.Errorf("%d of 1000 connections refused, %d counted", n, i.Leases()[0].Hits)
		}
		if len(i.Decide(pay(1))) != 0 {
			t.Error("a refusal hit a request that was read")
		}
		i.EndAll()
	})
}

func TestChangesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := NewInjector(1)
		_, changed := i.Outages()
		start(t, i, Fault{Kind: Outage, Seconds: 5})
		<-changed
		hits, changed := i.Outages()
		if len(hits) != 1 {
			t.Fatal("no outage")
		}
		<-changed // by expiry
		if hits, _ = i.Outages(); len(hits) != 0 {
			t.Error("the outage goes on")
		}
	})
}

func TestFirst(t *testing.T) {
	hits := Hits{Once(Fault{Kind: Latency, DelayMS: 1}), Once(Fault{Kind: Error, Status: 500}), Once(Fault{Kind: Error, Status: 501})}
	if h, ok := hits.First(Error); !ok || h.Status != 500 {
		t.Errorf("%+v %t", h, ok)
	}
	if _, ok := hits.First(Outage); ok {
		t.Error("found what is not there")
	}
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := NewInjector(1)
		for range 3 {
			for range maxActive {
				start(t, i, Fault{Kind: Error, Seconds: 60})
			}
			if _, err := i.Start(Fault{Kind: Error, Seconds: 60}); holdfast.CodeOf(err) != holdfast.TooMany {
				t.Errorf("one too many: %v", err)
			}
			i.EndAll()
		}
		l := start(t, i, Fault{Kind: Error, Seconds: 60})
		if n := len(i.Leases()); n != keepEnded+1 || l.ID != "fault_301" {
			t.Errorf("%d leases listed, the newest %s", n, l.ID)
		}
		i.EndAll()
	})
}

// pass lets the bubble's clock run.
func pass(d time.Duration) { <-time.After(d) }
