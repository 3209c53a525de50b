package fence

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/standin/advice"
)

// wall is the clock of a gate, ahead of the others or behind.
type wall struct{ off time.Duration }

func (w wall) Now() time.Time { return time.Now().Add(w.off) }

// begin starts a fence, and returns what ends it.
func begin(t *testing.T, source advice.Source, gate string, keep, off time.Duration) (*Fence, func()) {
	t.Helper()
	f, err := New(t.Context(), Options{Source: source, Gate: gate, Keep: keep, Clock: wall{off}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := f.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	end := sync.OnceFunc(func() { cancel(); run.Wait() })
	t.Cleanup(end)
	return f, end
}

// claimed claims an identity, and fails the test if that cannot be.
func claimed(t *testing.T, f *Fence, identity string, by Primary) Claim {
	t.Helper()
	c, err := f.Claim(t.Context(), identity, by)
	if err != nil {
		t.Fatalf("%s for the %v primary: %v", identity, by, err)
	}
	return c
}

func TestTheFirstClaimHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("fence-1", Shards)
		east, endEast := begin(t, source, "east", time.Hour, 0)
		west, _ := begin(t, source, "west", time.Hour, 0)
		if c := claimed(t, east, "T-1", First); c != (Claim{Owner: First, Fresh: true}) {
			t.Errorf("%+v", c)
		}
		if c := claimed(t, west, "T-1", Second); c.Owner != First || c.Fresh {
			t.Errorf("at another gate, for the other primary: %+v", c)
		}
		if c := claimed(t, west, "T-1", First); c.Owner != First || c.Fresh {
			t.Errorf("at another gate, for the same primary: %+v", c)
		}
		if c := claimed(t, east, "T-1", Second); c.Owner != First || c.Fresh {
			t.Errorf("for the other primary: %+v", c)
		}
		time.Sleep(10 * time.Minute)
		if c := claimed(t, east, "T-1", First); c.Owner != First || c.Fresh || c.Age < 10*time.Minute || c.Age > 12*time.Minute {
			t.Errorf("ten minutes later: %+v", c)
		}
		if c, there, err := west.Owner(t.Context(), "T-1"); err != nil || !there || c.Owner != First {
			t.Errorf("%+v, %v, %v", c, there, err)
		}
		if _, there, err := west.Owner(t.Context(), "T-2"); err != nil || there {
			t.Errorf("nobody has claimed it: %v, %v", there, err)
		}
		endEast()
		if _, err := east.opt.Source.Info(t.Context()); err != nil {
			t.Error(err)
		}
		east, _ = begin(t, source, "east", time.Hour, 0)
		if c := claimed(t, east, "T-1", Second); c.Owner != First {
			t.Errorf("after a restart: %+v", c)
		}
		if east.Since() != west.Since() || east.ID() != "fence-1" {
			t.Errorf("%v, %v", east.Since(), west.Since())
		}
	})
}

func TestBothInOnePack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, end := begin(t, advice.NewMemory("f", Shards), "east", time.Hour, 0)
		end() // what follows waits until it runs again
		var all sync.WaitGroup
		claims := make([]Claim, 20)
		for i := range claims {
			all.Go(func() { claims[i] = claimed(t, f, fmt.Sprint("T-", i/2), First+Primary(i%2)) })
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		go f.Run(ctx)
		all.Wait()
		cancel()
		for i := 0; i < len(claims); i += 2 {
			if a, b := claims[i], claims[i+1]; a.Owner != b.Owner || a.Fresh == b.Fresh {
				t.Errorf("%+v and %+v", a, b)
			}
		}
	})
}

func TestDoubtAndRefusal(t *testing.T) {
	for _, written := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			source := advice.NewMemory("f", Shards)
			f, _ := begin(t, source, "east", time.Hour, 0)
			claimed(t, f, "T-0", First)
			source.Doubt(written)
			if c := claimed(t, f, "T-1", First); c != (Claim{Owner: First, Fresh: true}) {
				t.Errorf("in doubt, written %v: %+v", written, c)
			}
			source.Refuse(holdfast.Errorf(holdfast.Unavailable, "the disk is full"))
			if c, err := f.Claim(t.Context(), "T-2", First); holdfast.CodeOf(err) != holdfast.Unavailable {
				t.Errorf("%+v, %v", c, err)
			}
			if c := claimed(t, f, "T-2", Second); c.Owner != Second || !c.Fresh {
				t.Errorf("what was refused is nobody's: %+v", c)
			}
		})
	}
}

func TestNobodyWaitsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, end := begin(t, advice.NewMemory("f", Shards), "east", time.Hour, 0)
		end()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := f.Claim(ctx, "T-1", First); holdfast.CodeOf(err) != holdfast.Doubtful {
			t.Error(err)
		}
	})
}

func TestInvalidClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := begin(t, advice.NewMemory("f", Shards), "east", time.Hour, 0)
		for _, identity := range []string{"", string(make([]byte, 161))} {
			if _, err := f.Claim(t.Context(), identity, First); holdfast.CodeOf(err) != holdfast.Invalid {
				t.Error(err)
			}
		}
		if _, err := f.Claim(t.Context(), "T-1", 3); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Error(err)
		}
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"short": {Source: advice.NewMemory("f", Shards), Gate: "east", Keep: time.Minute, Clock: wall{}},
		"small": {Source: advice.NewMemory("f", 16), Gate: "east", Keep: time.Hour, Clock: wall{}},
	} {
		if _, err := New(t.Context(), o); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Gates that keep claims for different times would empty each other's slots.
func TestAllKeepAlike(t *testing.T) {
	t.Parallel()
	source := advice.NewMemory("f", Shards)
	o := Options{Source: source, Gate: "east", Keep: 2 * time.Hour, Clock: wall{}}
	if _, err := New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	o.Gate, o.Keep = "west", 3*time.Hour
	if _, err := New(t.Context(), o); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Error(err)
	}
}

// A claim is kept for as long as was said, and the source stays what it is however long the
// fence works.
func TestKeptAndDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("f", Shards)
		east, _ := begin(t, source, "east", 15*time.Hour, 0)
		west, _ := begin(t, source, "west", 15*time.Hour, 0)
		packs := func() (n int) {
			for shard := range Shards {
				for after := uint64(0); ; {
					list, err := source.Read(t.Context(), shard, after, 1000)
					if holdfast.CodeOf(err) == holdfast.NotFound {
						after++
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					if n += len(list); len(list) == 0 {
						break
					}
					after += uint64(len(list))
				}
			}
			return n
		}
		made := map[string]time.Time{}
		var early int
		for i := range 600 {
			id := fmt.Sprint("T-", i)
			claimed(t, [...]*Fence{east, west}[i%2], id, First+Primary(i/2%2))
			made[id] = time.Now()
			time.Sleep(10 * time.Minute)
			if i == 299 {
				early = packs()
			}
		}
		for i := range 600 {
			id := fmt.Sprint("T-", i)
			c, there, err := east.Owner(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			age := time.Since(made[id])
			switch {
			case there && (c.Age < age || c.Age > age+15*time.Hour/buckets):
				t.Errorf("%s is %v old, and said to be %v", id, age, c.Age)
			case !there && age < 15*time.Hour:
				t.Errorf("%s is gone after %v", id, age)
			case there && age > 15*time.Hour*(slots-1)/buckets:
				t.Errorf("%s is there after %v", id, age)
			}
		}
		if late := packs(); late > early+10 || early < 50 {
			t.Errorf("%d packs, and later %d", early, late)
		}
	})
}

// Random histories of gates that share a fence: clocks apart, appends in doubt or refused, processes
// that end at any moment and come back. Whatever is said of an identity, by whomever, is the same
// as long as it is kept.
func TestHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { history(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

func history(t *testing.T, r *rand.Rand) {
	const keep = 3 * time.Hour
	source := advice.NewMemory("f", Shards)
	type gate struct {
		f   *Fence
		end func()
	}
	gates := make([]gate, 3)
	start := func(i int) {
		gates[i].f, gates[i].end = begin(t, source, fmt.Sprint("gate-", i), keep, time.Duration(i)*time.Minute)
	}
	for i := range gates {
		start(i)
	}
	type first struct {
		owner Primary
		at    time.Time
	}
	var mu sync.Mutex
	known, refused, others := map[string]first{}, 0, 0
	say := func(identity string, c Claim, by Primary) {
		mu.Lock()
		defer mu.Unlock()
		k, there := known[identity]
		switch {
		case !there || time.Since(k.at) > keep:
			known[identity] = first{c.Owner, time.Now().Add(-c.Age)}
		case k.owner != c.Owner:
			t.Errorf("%s was the %v primary's and %v later it is the %v's", identity, k.owner, time.Since(k.at), c.Owner)
		}
		if c.Owner != by {
			others++
		}
	}
	for range 60 {
		switch r.IntN(6) {
		case 0:
			source.Doubt(r.IntN(2) == 0)
		case 1:
			source.Refuse(holdfast.Errorf(holdfast.Unavailable, "cut off"))
		case 2:
			i := r.IntN(len(gates))
			gates[i].end()
			start(i)
		case 3:
			time.Sleep(time.Duration(r.Int64N(int64(30 * time.Minute))))
		}
		var all sync.WaitGroup
		for range 1 + r.IntN(20) {
			g, id, by := gates[r.IntN(len(gates))].f, fmt.Sprint("T-", r.IntN(40)), First+Primary(r.IntN(2))
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+len(id))*5*time.Millisecond)
				defer cancel()
				c, err := g.Claim(ctx, id, by)
				if err == nil {
					say(id, c, by)
					return
				}
				mu.Lock()
				refused++
				mu.Unlock()
			})
		}
		if r.IntN(4) == 0 { // while they are under way
			i := r.IntN(len(gates))
			gates[i].end()
			all.Wait()
			start(i)
		}
		all.Wait()
	}
	if len(known) < 20 || refused == 0 || others == 0 {
		t.Errorf("the history shows little: %d identities, %d refused, %d of the other primary", len(known), refused, others)
	}
}
