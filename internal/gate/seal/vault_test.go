package seal

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/standin"
)

// shelf keeps ledgers. Once it is told to, it fails, with or without having written.
type shelf struct {
	mu        sync.Mutex
	revisions map[string]uint64
	bodies    map[string][]byte
	fails     []error
	writes    bool
}

func newShelf() *shelf { return &shelf{revisions: map[string]uint64{}, bodies: map[string][]byte{}} }

func (s *shelf) Ledger(_ context.Context, key string) (uint64, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revisions[key], s.bodies[key], nil
}

func (s *shelf) PutLedger(_ context.Context, key string, revision uint64, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if len(s.fails) > 0 {
		err, s.fails = s.fails[0], s.fails[1:]
		if !s.writes {
			return err
		}
	}
	if s.revisions[key] != revision {
		return holdfast.Errorf(holdfast.Conflict, "moved")
	}
	s.revisions[key]++
	s.bodies[key] = body
	return err
}

func opens(t *testing.T, v *Vault, s standin.Sealed, want holdfast.Code) {
	t.Helper()
	got, err := v.Open(context.Background(), "k-1", s)
	if holdfast.CodeOf(err) != want || err == nil && !reflect.DeepEqual(got, request()) {
		t.Errorf("opened as %+v, %v; want the code %q", got, err, want)
	}
}

// S21: what was sealed goes with its data key, once nothing is left of what that sealed: for
// every process, whatever copies there are. What is left keeps its own.
func TestDestroyed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		s := newShelf()
		v := NewVault(keys(t, secret(1)), "east.1", s, time.Now)
		first := v.Seal("k-1", request())
		if same := v.Seal("k-1", request()); same.Key != first.Key {
			t.Error("each request has a data key of its own")
		}
		time.Sleep(11 * time.Second)
		v.Seal("k-1", request()) // asks for the next
		synctest.Wait()
		second := v.Seal("k-1", request())
		if second.Key == first.Key {
			t.Fatal("the data key seals for ever")
		}
		other := NewVault(keys(t, secret(2), secret(1)), "west", s, time.Now)
		for _, sealed := range []standin.Sealed{first, second} {
			opens(t, v, sealed, "")
			opens(t, other, sealed, "")
		}
		opens(t, NewVault(keys(t, secret(2)), "west", s, time.Now), first, holdfast.NotFound)

		used := map[string]bool{second.Key: true}
		if err := v.Destroy(ctx, "east.1", used); err != nil {
			t.Fatal(err)
		}
		opens(t, v, first, "") // it may have sealed what is not decided on yet
		time.Sleep(Settling)
		if err := v.Destroy(ctx, "east.1", used); err != nil {
			t.Fatal(err)
		}
		opens(t, v, first, holdfast.NotFound)
		opens(t, NewVault(keys(t, secret(1)), "west", s, time.Now), first, holdfast.NotFound)
		opens(t, v, second, "")

		for _, want := range []holdfast.Code{"", holdfast.NotFound} { // out of use, then gone
			if err := v.Destroy(ctx, "east.1", nil); err != nil {
				t.Fatal(err)
			}
			opens(t, NewVault(keys(t, secret(1)), "west", s, time.Now), second, want)
			time.Sleep(Settling)
		}
		if third := v.Seal("k-1", request()); third.Key == second.Key || third.Key == "" {
			t.Errorf("sealed with %q after all were destroyed", third.Key)
		}
		// Those of a gate that is lost, by another.
		last := v.Seal("k-1", request())
		if err := other.Destroy(ctx, "east.1", nil); err != nil {
			t.Fatal(err)
		}
		opens(t, NewVault(keys(t, secret(1)), "west", s, time.Now), last, holdfast.NotFound)
	})
}

// A write in doubt is settled by reading; without the source nothing is sealed.
// A process that stood still for so long that others took its gate for lost, and destroyed
// its data keys, seals with none of these. With as many as there may be the last one goes on,
// if it is still there.
func TestSealsAfterAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		v, other := NewVault(keys(t, secret(1)), "east", s, time.Now), NewVault(keys(t, secret(1)), "west", s, time.Now)
		before := v.Seal("k-1", request())
		time.Sleep(10 * time.Minute)
		if err := other.Destroy(t.Context(), "east", nil); err != nil {
			t.Fatal(err)
		}
		after := v.Seal("k-1", request())
		if after.Key == before.Key {
			t.Error("it seals with a data key that was destroyed")
		}
		opens(t, NewVault(keys(t, secret(1)), "west", s, time.Now), after, "")
		for n := 1; n < maxKept; n++ {
			if err := v.next(t.Context(), v.current.Load()); err != nil {
				t.Fatal(err)
			}
		}
		last := v.current.Load()
		time.Sleep(time.Hour)
		if got := v.Seal("k-1", request()); got.Key != last.name {
			t.Errorf("sealed with %q, want the last of so many", got.Key)
		}
		if err := other.Destroy(t.Context(), "east", nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got := v.Seal("k-1", request()); got.Key == last.name || got.Key == "" {
			t.Errorf("sealed with %q after all were destroyed", got.Key)
		}
	})
}

func TestVaultWithoutItsSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		v := NewVault(keys(t, secret(1)), "east", s, time.Now)
		s.fails = []error{holdfast.Errorf(holdfast.Unavailable, "away")}
		if sealed := v.Seal("k-1", request()); sealed.Key != "" || sealed.Data != nil {
			t.Errorf("sealed with %q", sealed.Key)
		}
		for _, writes := range []bool{false, true} {
			v := NewVault(keys(t, secret(1)), "east", s, time.Now)
			s.fails, s.writes = []error{holdfast.Errorf(holdfast.Doubtful, "who knows")}, writes
			opens(t, NewVault(keys(t, secret(1)), "west", s, time.Now), v.Seal("k-1", request()), "")
		}
		if list, err := decodeKept(s.bodies["seal/east"]); err != nil || len(list) != 2 {
			t.Errorf("%d data keys, %v", len(list), err)
		}
	})
}

// In an outage of a day the data keys still fit in one ledger, and none seals for ever.
func TestDataKeysOfADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		v := NewVault(keys(t, secret(1)), "east", s, time.Now)
		names := map[string]bool{}
		for range 24 * 60 * 6 {
			names[v.Seal("k-1", request()).Key] = true
			time.Sleep(10 * time.Second)
			synctest.Wait()
		}
		list, err := decodeKept(s.bodies["seal/east"])
		if err != nil || len(list) < 300 || len(list) > maxKept || len(s.bodies["seal/east"]) > 64<<10 || len(names) != len(list) {
			t.Errorf("%d data keys in %d bytes, %v", len(list), len(s.bodies["seal/east"]), err)
		}
	})
}

func FuzzDecodeKept(f *testing.F) {
	f.Add([]byte(`[{"id":"01","key":"02","sealed":"AQ=="}]`))
	f.Add([]byte(`[{}] 1`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := decodeKept(body)
		if err != nil && holdfast.CodeOf(err) != holdfast.Damaged || len(list) > maxKept {
			t.Errorf("%d, %v", len(list), err)
		}
	})
}
