package backup

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
)

func TestDue(t *testing.T) {
	t.Parallel()
	at := func(clock string) time.Time {
		v, err := time.Parse("2006-01-02 15:04:05", "2026-11-24 "+clock)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, test := range []struct {
		last  time.Time
		every time.Duration
		due   time.Time
	}{
		{time.Time{}, time.Hour, time.Time{}},
		{at("01:30:00"), time.Hour, at("02:00:00")},
		{at("02:00:00"), time.Hour, at("03:00:00")},
		{at("01:59:59"), 24 * time.Hour, at("00:00:00").AddDate(0, 0, 1)},
		{at("05:00:01"), 6 * time.Hour, at("06:00:00")},
	} {
		if got := Due(test.last, test.every); !got.Equal(test.due) {
			t.Errorf("after %v every %v: %v, not %v", test.last, test.every, got, test.due)
		}
	}
}

// running runs a keeper in a bubble until the test's story ends.
func running(t *testing.T, k *Keeper, story func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	synctest.Wait()
	story()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func positions(t *testing.T, k *Keeper) (list []holdfast.Position) {
	t.Helper()
	entries, err := k.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Position)
	}
	return list
}

// Scheduled backups come at their due instants; the newest stay, and files of
// others are left alone.
func TestScheduledBackupsAndRetention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := newBook(1)
		k, _ := keeper(t, from, func(o *KeeperOptions) { o.Every = time.Hour })
		foreign := []string{"notes.txt", "holdfast-zzzzzzzz-20200101T000000Z-1.backup.tar", "holdfast-01234567.tar"}
		for _, name := range foreign {
			if err := os.WriteFile(filepath.Join(k.opt.Dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		torn := filepath.Join(k.opt.Dir, prefix+"1"+partial)
		if err := os.WriteFile(torn, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		running(t, k, func() {
			if got := positions(t, k); len(got) != 1 { // the first is due at once
				t.Fatalf("at the start there are %v", got)
			}
			for range 4 {
				from.append(time.Now(), "thing/t", 1)
				after(time.Hour)
			}
			if got := positions(t, k); len(got) != 3 || got[0] != 5 || got[2] != 3 {
				t.Errorf("positions %v are kept", got)
			}
			s := k.Status()
			if s.Alarm() || s.Last == nil || s.LateSeconds != 0 || !s.Due.After(time.Now()) || time.Until(s.Due) > time.Hour || s.Due.Unix()%3600 != 0 {
				t.Errorf("%+v", s)
			}
		})
		for _, name := range foreign {
			if _, err := os.Stat(filepath.Join(k.opt.Dir, name)); err != nil {
				t.Error(err)
			}
		}
		if _, err := os.Stat(torn); err == nil {
			t.Error("what an earlier run left unfinished is still there")
		}
	})
}

// A failure is an alarm until the next success, is tried again, and what comes
// late says so.
func TestAFailedBackupIsAnAlarmAndTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := newBook(1)
		k, log := keeper(t, from, func(o *KeeperOptions) { o.Every = time.Hour })
		running(t, k, func() {
			from.fail(errNoDisk)
			after(time.Hour + time.Minute)
			s := k.Status()
			if !s.Alarm() || !strings.Contains(s.Failed, errNoDisk.Error()) || s.Since.IsZero() || s.Err == nil {
				t.Errorf("%+v", s)
			}
			failing := s.Since
			after(2 * time.Hour)
			if s := k.Status(); !s.Overdue || !s.Since.Equal(failing) || len(positions(t, k)) != 1 {
				t.Errorf("%+v", s)
			}
			from.fail(nil)
			after(retryAfter + time.Second)
			s = k.Status()
			if s.Alarm() || s.LateSeconds < 7200 || len(positions(t, k)) != 2 {
				t.Errorf("%+v", s)
			}
			after(time.Hour)
			if s := k.Status(); s.LateSeconds != 0 {
				t.Errorf("still late: %+v", s)
			}
		})
		for _, want := range []string{"a backup could not be made", "a scheduled backup was made late"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log does not say %q:\n%s", want, log)
			}
		}
	})
}

// The disk is never filled without a word: the last backups stay, and it is said.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	free := int64(1 << 40)
	k, _ := keeper(t, newBook(1), func(o *KeeperOptions) { o.Free = func(string) (int64, error) { return free, nil } })
	if _, err := k.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	free = 2<<20 - 1
	_, err := k.Make(t.Context())
	wantCode(t, err, holdfast.Unavailable)
	if s := k.Status(); !s.Alarm() || s.Last == nil {
		t.Errorf("%+v", s)
	}
	free = 2 << 20
	if _, err := k.Make(t.Context()); err != nil || k.Status().Alarm() {
		t.Errorf("%v, %+v", err, k.Status())
	}
}

func TestUnscheduled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, _ := keeper(t, newBook(1), nil)
		running(t, k, func() {
			after(48 * time.Hour)
			if s := k.Status(); s.Alarm() || s.Scheduled || s.Last != nil {
				t.Errorf("%+v", s)
			}
		})
	})
}

func TestKeeperChecksItsOptions(t *testing.T) {
	t.Parallel()
	if _, err := NewKeeper(KeeperOptions{}); err == nil {
		t.Error("made of nothing")
	}
	if err := CheckPassphrase("short"); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Error(err)
	}
}
