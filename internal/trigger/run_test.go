package trigger

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/improvement"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// A trigger that cannot be opened is not tried at every fact of a storm, and is opened
// soon after it can be.
func TestWhatCannotBeOpenedWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, stop := empty()
		w.write(t, journal.NewDraft(holdfast.NewSubject("improvement", "i1"), 0, "improvement.recorded", improvement.Form{
			Incident: "2026-1", Text: "name a second bank", Role: "officer", Due: "2026-12-31", Chapter: "risks", Revise: true,
		}))
		var log bytes.Buffer
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx, slog.New(slog.NewTextHandler(&log, nil))) }()
		for n := range 100 {
			w.write(t, journal.NewDraft(holdfast.NewSubject("other", holdfast.NewID()), 0, "other.kind", n))
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		if n := strings.Count(log.String(), "\n"); n == 0 || n > 4 {
			t.Errorf("in ten seconds it was tried %d times", n)
		}
		w.publish(t, small(t), plan.Approved{})
		time.Sleep(retryAfter)
		synctest.Wait()
		w.Desk.State.View(func() {
			if im, _ := w.Nouns.Improvements.Improvement("i1"); im.Trigger == "" {
				t.Errorf("it was not opened:\n%s", log.String())
			}
		})
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
