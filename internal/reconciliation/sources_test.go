package reconciliation

import (
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/standin"
)

// Two sources may each have an exception of one identity: what is decided on one is neither
// ordered of the other, nor keeps it from being decided on.
func TestOneIdentityAtTwoSources(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	tell := func(gate, source string, carried ...standin.Carried) []standin.Order {
		t.Helper()
		s := told(1, []int{0}, exception("k1", 900, standin.PrimaryRefused))
		s.Source, s.Carried = source, carried
		return d.tell(gate, s)
	}
	tell("east", "src1")
	tell("west", "src2")
	form := Form{Identity: "k1", How: standin.Reverse, Note: "refunded at the counter"}
	if _, err := d.service.Resolve(t.Context(), wang, form); code(err) != holdfast.Conflict || !strings.Contains(err.Error(), "src1, src2") {
		t.Errorf("of which source: %v", err)
	}
	var ids []string
	for _, source := range []string{"src2", "src1"} {
		form.Source = source
		id, err := d.service.Resolve(t.Context(), wang, form)
		if err != nil {
			t.Fatal(err)
		}
		if ids = append(ids, id); d.decision(id).Source != source {
			t.Errorf("%s: %+v", source, d.decision(id))
		}
		if _, err := d.service.Resolve(t.Context(), wang, form); code(err) != holdfast.Conflict {
			t.Errorf("%s, decided twice: %v", source, err)
		}
	}
	if east, west := tell("east", "src1"), tell("west", "src2"); len(east) != 1 || east[0].ID != ids[1] || len(west) != 1 || west[0].ID != ids[0] {
		t.Errorf("east is to do %+v, west %+v", east, west)
	}
	tell("west", "src2", standin.Carried{ID: ids[0]})
	d.service.Desk.State.View(func() {
		if _, active := d.book.Active("src2", "k1"); active || len(d.book.Before("src2", "k1")) != 1 {
			t.Error("what is carried out at one source is not over")
		}
		if _, active := d.book.Active("src1", "k1"); !active || len(d.book.Before("src1", "k1")) != 0 {
			t.Error("what is carried out at one source is over at the other")
		}
	})
}
