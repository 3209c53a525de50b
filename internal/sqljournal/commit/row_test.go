package commit

import (
	"testing"
	"time"

	"holdfast"
)

func TestComplete(t *testing.T) {
	hash := make([]byte, len(holdfast.Hash{}))
	hash[0] = 7
	known := Actors{}
	for range 2 { // decoded, then known
		var f holdfast.Fact
		if err := known.Complete(&f, []byte(`{"kind":"account","id":"lin"}`), 1_000_001, hash, hash); err != nil {
			t.Fatal(err)
		}
		if f.Actor.ID != "lin" || f.Hash[0] != 7 || f.BodyHash[0] != 7 || !f.Time.Equal(time.UnixMicro(1_000_001)) {
			t.Errorf("%+v", f)
		}
	}
	for _, err := range []error{
		known.Complete(&holdfast.Fact{}, []byte("lin"), 0, hash, hash),
		known.Complete(&holdfast.Fact{}, []byte("{}"), 0, hash[1:], hash),
		known.Complete(&holdfast.Fact{}, []byte("{}"), 0, hash, nil),
	} {
		if holdfast.CodeOf(err) != holdfast.Damaged {
			t.Errorf("a damaged row: error %v", err)
		}
	}
}
