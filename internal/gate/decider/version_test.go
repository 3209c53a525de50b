package decider_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/gate/decider"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// written appends a pack of records of a version to the only shard of a source.
func written(t *testing.T, source advice.Source, version byte) {
	t.Helper()
	revision, _, err := source.Head(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	body := standin.Encode([]standin.Record{&standin.TakenOver{Gate: "east", Boot: "old", At: standin.At(time.Now())}})
	body[0] = version
	results, err := source.Append(t.Context(), []advice.Pack{{Shard: 0, Expect: revision, ID: fmt.Sprint("by hand ", revision), Body: body}})
	if err != nil || results[0] != nil {
		t.Fatal(results, err)
	}
}

func newEast(t *testing.T, source advice.Source) (*decider.Decider, error) {
	return decider.New(t.Context(), decider.Options{Gate: "east", Boot: "b", Source: source, Key: key, Payers: everybody{}, Clock: clock{time.Now()}})
}

// What another version of Holdfast wrote is refused at the start, with what, where and
// how to go on.
func TestRecordsOfAnotherVersion(t *testing.T) {
	t.Parallel()
	for _, version := range []byte{standin.RecordVersion - 1, standin.RecordVersion + 1} {
		source := advice.NewMemory("s1", 1)
		written(t, source, standin.RecordVersion)
		if _, err := newEast(t, source); err != nil {
			t.Fatalf("of this version: %v", err)
		}
		written(t, source, version)
		_, err := newEast(t, source)
		want := fmt.Sprintf("shard 0 of the advice source in memory holds records of version %d, and this version of Holdfast reads version %d: run the version that wrote them", version, standin.RecordVersion)
		if holdfast.CodeOf(err) != holdfast.Damaged || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// damaged is a source of which no pack is what was written.
type damaged struct{ advice.Source }

func (damaged) Read(_ context.Context, shard int, after uint64, _ int) ([]advice.Pack, error) {
	return nil, advice.IsDamaged("memory", shard, after+1)
}

// A shard that is damaged keeps no gate from starting, which would take the primary away as
// well: it has the alarm.
func TestDamageIsNoVersion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 1)
		written(t, source, standin.RecordVersion)
		east := start(t, "east", damaged{source}, false)
		time.Sleep(5 * time.Second)
		if _, err := east.ask(pay("k1", "anna", 1000), ""); holdfast.CodeOf(err) != holdfast.Damaged {
			t.Errorf("decided: %v", err)
		}
		if sum := east.Summary(time.Now()); len(sum.Alarms) != 1 || sum.Alarms[0].Code != standin.AlarmSource || sum.Alarms[0].Params["cause"] != "damaged" {
			t.Errorf("alarms %+v", sum.Alarms)
		}
		east.end()
	})
}

// A gate of the source that is newer already keeps this one from deciding.
func TestAnotherVersionComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 1)
		east := start(t, "east", source, true)
		east.Install(set(5, directive("d1", source)))
		east.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		written(t, source, standin.RecordVersion+1)
		time.Sleep(5 * time.Second)
		if _, err := east.ask(pay("k2", "anna", 1000), "d1"); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("holds records of version %d", standin.RecordVersion+1)) {
			t.Errorf("decided: %v", err)
		}
		if sum := east.Summary(time.Now()); len(sum.Alarms) != 1 || sum.Alarms[0].Code != standin.AlarmSource || sum.Alarms[0].Params["cause"] != "damaged" {
			t.Errorf("alarms %+v", sum.Alarms)
		}
		east.end()
	})
}

// Snapshots of another version are passed over as long as there are packs; where these were
// cut it is said what is there.
func TestSnapshotsOfAnotherVersion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, cut := range []bool{false, true} {
			source := advice.NewMemory("s1", 1)
			for range 3 {
				written(t, source, standin.RecordVersion)
				revision, chain, err := source.Head(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				if err := source.PutSnapshot(t.Context(), advice.Snapshot{Shard: 0, Revision: revision, Chain: chain, Version: standin.FoldVersion - 1, Body: []byte{standin.FoldVersion - 1}}); err != nil {
					t.Fatal(err)
				}
			}
			if cut {
				if err := source.Cut(t.Context(), 0, 2); err != nil {
					t.Fatal(err)
				}
			}
			east := start(t, "east", source, false)
			_, err := east.ask(pay("k1", "anna", 1000), "")
			want := fmt.Sprintf("shard 0 of the advice source in memory has only snapshots of version %d left of its older packs, and this version of Holdfast reads version %d", standin.FoldVersion-1, standin.FoldVersion)
			if told := err != nil && strings.Contains(err.Error(), want); told != cut {
				t.Errorf("cut %v: %v", cut, err)
			}
			east.end()
		}
	})
}
