package gate

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// victimDir names the directory of the gate that TestVictim opens, in a process
// of its own that the test kills.
const victimDir = "HOLDFAST_TEST_VICTIM"

// TestVictim is not a test of its own: it is the process that
// TestAKilledGateListsWhatItHadInFlight kills.
func TestVictim(t *testing.T) {
	dir := os.Getenv(victimDir)
	if dir == "" {
		return
	}
	g, err := New(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	enforce(t, g, set(10))
	for i := range 7 {
		a := admit(t, g, fmt.Sprint("p", i))
		switch i {
		case 1:
			a.Finish(payment.Done, "")
		case 2:
			a.Finish(payment.Unknown, "no answer in time")
		case 6:
			a.Wait() // for its claim: nothing of it is written
		}
	}
	if _, _, err := g.StopLocally(`channel == "qr"`, time.Hour); err != nil {
		t.Fatal(err)
	}
	// One that was judged and not written: nothing of it reached the primary.
	g.ring.register(pay("judged only"), 1, 10, wall)
	fmt.Println("in flight")
	select {} // until it is killed
}

func TestAKilledGateListsWhatItHadInFlight(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	victim := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestVictim$")
	victim.Env = append(os.Environ(), victimDir+"="+dir)
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "in flight" {
			break
		}
	}
	if _, err := New(options(dir)); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("two processes on one directory: %v", err)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := victim.Wait(); err == nil {
		t.Fatal("the victim ended by itself")
	}

	g := start(t, options(dir))
	var listed []string
	for _, r := range g.Unresolved() {
		listed = append(listed, r.Identity)
		if r.Route != "pay" || r.Amount != 1299 || r.Posture != 10 || !r.At.Equal(wall) {
			t.Errorf("%+v", r)
		}
		if !g.Pending(r.Identity) {
			t.Errorf("%s is not pending", r.Identity)
		}
	}
	if got := strings.Join(listed, " "); got != "p0 p2 p3 p4 p5" {
		t.Errorf("unresolved: %s", got)
	}
	_, entries := g.outcomes.unreported(100)
	if len(entries) != 5 || entries[0].Why != "no answer in time" || !strings.Contains(entries[1].Why, "killed") {
		t.Errorf("the account says %+v", entries)
	}
	if s := g.Status(); s.Posture.Position != 10 || len(s.Local) != 1 || s.InFlight != 0 {
		t.Errorf("%+v", s)
	}
	if ack := enforce(t, g, set(11, stopOf("d", "all"))); identities(ack.InFlight) != "p0 p3 p4 p5" {
		t.Errorf("the first acknowledgement lists %q", identities(ack.InFlight))
	}
}

// The file can be copied at any moment, with payments in every state, and a gate
// started on the copy.
func TestACopyOfTheRingIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, options(dir))
	enforce(t, g, set(10))
	a, b := admit(t, g, "a"), admit(t, g, "b")
	copied := func() string {
		content, err := os.ReadFile(filepath.Join(dir, "inflight"))
		if err != nil {
			t.Fatal(err)
		}
		left, ok := parseRing(content)
		if !ok {
			t.Fatal("the copy is damaged")
		}
		byTime(left)
		return identities(left)
	}
	if got := copied(); got != "a b" {
		t.Errorf("%q", got)
	}
	a.Finish(payment.Done, "")
	if got := copied(); got != "b" {
		t.Errorf("%q", got)
	}
	other := t.TempDir()
	content, _ := os.ReadFile(filepath.Join(dir, "inflight"))
	write(t, filepath.Join(other, "inflight"), content)
	o := options(other)
	o.InFlight = 2 // fewer slots than the file has
	if got := identities(start(t, o).Unresolved()); got != "b" {
		t.Errorf("a gate on the copy has %q", got)
	}
	b.Finish(payment.NotDone, "")
	if info, err := os.Stat(filepath.Join(other, "inflight")); err != nil || info.Size() != 3*slotSize {
		t.Errorf("%v, %v", info.Size(), err)
	}
}

func TestARingThatIsNone(t *testing.T) {
	t.Parallel()
	good := func() []byte {
		r, _, err := openRing(filepath.Join(t.TempDir(), "inflight"), 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.clear(); err != nil {
			t.Fatal(err)
		}
		slot, _ := r.register(pay("p"), 1, 10, wall)
		r.sent(slot)
		content := bytes.Clone(r.mem)
		r.release(slot)
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
		return content
	}
	slot := func(at int, b byte) func([]byte) []byte {
		return func(c []byte) []byte { c[slotSize+at] = b; return c }
	}
	for name, test := range map[string]struct {
		change func([]byte) []byte
		ok     bool
		left   string
	}{
		"good":                {func(c []byte) []byte { return c }, true, "p"},
		"empty":               {func([]byte) []byte { return nil }, true, ""},
		"never written":       {func(c []byte) []byte { return make([]byte, len(c)) }, true, ""},
		"a part of a slot":    {func(c []byte) []byte { return c[:len(c)-1] }, true, "p"},
		"short":               {func(c []byte) []byte { return c[:100] }, false, ""},
		"another file":        {func(c []byte) []byte { return append([]byte("SQLite format 3\x00"), c...) }, false, ""},
		"another version":     {func(c []byte) []byte { c[len(ringMagic)-1] = '2'; return c }, false, ""},
		"header wiped":        {func(c []byte) []byte { clear(c[:slotSize]); return c }, false, ""},
		"waits for its claim": {slot(0, 3), true, ""},
		"a long route":        {slot(44, 49), false, ""},
		"a long identity":     {slot(46, 161), false, ""},
		"an odd kind":         {slot(43, 9), false, ""},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "inflight"), test.change(good()))
		g, err := New(options(dir))
		if !test.ok {
			if holdfast.CodeOf(err) != holdfast.Damaged || !strings.Contains(err.Error(), dir) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := identities(g.Unresolved()); got != test.left {
			t.Errorf("%s: left %q, want %q", name, got, test.left)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSlotsKeepWhatTheyAreGiven(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := &payment.Payment{
			Route:    rapid.StringN(0, maxRoute, maxRoute).Draw(t, "route"),
			Kind:     payment.Kind(rapid.ByteRange(0, 3).Draw(t, "kind")),
			Identity: rapid.StringN(1, payment.MaxIdentity, payment.MaxIdentity).Draw(t, "identity"),
			Amount:   rapid.Int64Range(0, payment.MaxAmount).Draw(t, "amount"),
			Currency: rapid.SampledFrom([]string{"", "CNY", "TWD"}).Draw(t, "currency"),
		}
		at := wall.Add(time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "at")) * time.Microsecond)
		s := bytes.Repeat([]byte{0xff}, slotSize) // what an earlier payment left there
		encodeSlot(s, p, 7, 12, at)
		got, ok := decodeSlot(s)
		want := payment.Record{Identity: p.Identity, Route: p.Route, Kind: p.Kind.String(), Amount: p.Amount, Currency: p.Currency, Posture: 12, At: at}
		if !ok || got != want || install(s).Load() != 7 {
			t.Fatalf("%+v, want %+v", got, want)
		}
	})
}

// Whatever is taken and given back, those that look find just the payments that
// are in flight, wherever in the ring they are.
func TestWhatIsInFlightIsFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := &ring{n: 130, free: make(chan int32, 130), taken: make([]atomic.Uint64, 3), mem: make([]byte, 131*slotSize)}
		for i := range r.n {
			r.free <- int32(i)
		}
		want := map[int32]bool{}
		for range rapid.IntRange(0, 300).Draw(t, "acts") {
			if len(want) > 0 && rapid.Bool().Draw(t, "finish") {
				slot := rapid.SampledFrom(sorted(want)).Draw(t, "slot")
				r.release(slot)
				delete(want, slot)
			} else if slot, ok := r.register(pay("p"), 1, 10, wall); ok {
				r.sent(slot)
				want[slot] = true
			}
		}
		found := map[int32]bool{}
		for slot := range r.sentBefore(2) {
			found[slot] = true
		}
		if !maps.Equal(found, want) || len(r.sentBefore(1)) != 0 {
			t.Fatalf("found %v, want %v", found, want)
		}
	})
}

func FuzzRing(f *testing.F) {
	r, _, err := openRing(filepath.Join(f.TempDir(), "inflight"), 2)
	if err != nil {
		f.Fatal(err)
	}
	if err := r.clear(); err != nil {
		f.Fatal(err)
	}
	slot, _ := r.register(pay("p"), 1, 10, wall)
	r.sent(slot)
	f.Add(bytes.Clone(r.mem))
	f.Add([]byte(ringMagic))
	f.Add(make([]byte, slotSize))
	f.Fuzz(func(t *testing.T, content []byte) {
		left, ok := parseRing(content)
		if !ok && len(left) > 0 || len(left) > len(content)/slotSize {
			t.Errorf("%v, %d left of %d bytes", ok, len(left), len(content))
		}
		for _, rec := range left {
			if len(rec.Identity) > payment.MaxIdentity || len(rec.Route) > maxRoute {
				t.Errorf("%+v", rec)
			}
		}
	})
}

// A slot that is used again and again never shows one payment's name with
// another's amount, nor a payment that is gone.
func TestListsAreNotTorn(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := int64(1); ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			p := pay(fmt.Sprint("amount-", n))
			p.Amount = n
			a, v := g.Admit(p, Observe)
			if v.Action == posture.Forward {
				a.Finish(payment.Done, "")
			}
		}
	}()
	for p := holdfast.Position(11); p < 60; p++ {
		s := stopOf(fmt.Sprint("d", p), `channel == "none"`)
		for _, r := range enforce(t, g, set(p, s)).InFlight {
			if r.Identity != fmt.Sprint("amount-", r.Amount) || r.Posture >= uint64(p) {
				t.Errorf("listed %+v at %d", r, p)
			}
		}
	}
	close(stop)
	<-done
}
