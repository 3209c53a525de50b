package console

import (
	"fmt"
	"testing"
	"time"

	"holdfast/internal/view"
)

// Of what was sent to somebody, the last on each channel is read first, and nothing
// is lost or said twice.
func TestNoticesByAge(t *testing.T) {
	t.Parallel()
	notice := func(id, channel string) view.Notice { return view.Notice{ID: id, Channel: channel} }
	got := noticesByAge([]view.Notice{notice("1", "smtp"), notice("2", "sms"), notice("3", "smtp"), notice("4", "webhook"), notice("5", "smtp")})
	if said := fmt.Sprint(ids(got.Earlier), ids(got.Now)); said != "[1 3] [2 4 5]" {
		t.Errorf("earlier and now: %s", said)
	}
	if none := noticesByAge(nil); len(none.Now)+len(none.Earlier) != 0 {
		t.Errorf("of nothing: %v", none)
	}
}

func ids(notices []view.Notice) (out []string) {
	for _, n := range notices {
		out = append(out, n.ID)
	}
	return out
}

func TestRoundsByAge(t *testing.T) {
	t.Parallel()
	for n, earlier := range []int{0, 0, 0, 0, 1, 2} {
		rounds := make([]view.Round, n)
		for i := range rounds {
			rounds[i].At = time.Unix(int64(i), 0)
		}
		got := roundsByAge(rounds)
		if len(got.Earlier) != earlier || len(got.Now) != n-earlier || len(got.Now) > 0 && !got.Now[len(got.Now)-1].At.Equal(rounds[n-1].At) {
			t.Errorf("of %d rounds, %d are earlier and %d are read first", n, len(got.Earlier), len(got.Now))
		}
	}
}
