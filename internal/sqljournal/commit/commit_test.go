package commit

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"holdfast"
)

type call struct {
	Call
	n int
}

func wantCode(t *testing.T, err error, code holdfast.Code) {
	t.Helper()
	if got := holdfast.CodeOf(err); got != code {
		t.Fatalf("the error has code %q, not %q: %v", got, code, err)
	}
}

// TestCallLeavesBeforeAndAfterItBegan shows that a caller who leaves in time has
// done nothing, and one who leaves later is in doubt.
func TestCallLeavesBeforeAndAfterItBegan(t *testing.T) {
	for _, begin := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			queue := make(chan *call, 1)
			ctx, cancel := context.WithCancel(t.Context())
			answer := make(chan error, 1)
			go func() { answer <- Submit(ctx, queue, &call{}, nil, nil) }()
			c := <-queue
			if begin && !c.Begin() {
				t.Fatal("a call that waits could not be begun")
			}
			synctest.Wait()
			cancel()
			if err := <-answer; begin {
				wantCode(t, err, holdfast.Doubtful)
				c.Answer(nil)
			} else {
				wantCode(t, err, holdfast.Unavailable)
				if c.Begin() {
					t.Error("a call that was given up was begun")
				}
			}
		})
	}
}

func TestSubmitAllKeepsOrderAndAnswersWithTheFirstError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := make(chan *call)
		list := []*call{{n: 0}, {n: 1}, {n: 2}}
		first := errors.New("the first")
		go func() {
			for i := range list {
				c := <-queue
				if c.n != i || !c.Begin() {
					t.Errorf("call %d came at %d", c.n, i)
				}
				c.Answer([]error{nil, first, errors.New("the second")}[i])
			}
		}()
		if err := SubmitAll(t.Context(), queue, list, nil, nil); err != first {
			t.Errorf("error %v", err)
		}
	})
}

func TestStoppedWriterAnswersNobody(t *testing.T) {
	closing, stopped := make(chan struct{}), make(chan struct{})
	queue := make(chan *call, 1)
	close(stopped)
	wantCode(t, Submit(t.Context(), queue, &call{}, closing, stopped), holdfast.Unavailable)
	close(closing)
	if err := Submit(t.Context(), queue, &call{}, closing, stopped); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v", err)
	}
}

func TestCollectIsBounded(t *testing.T) {
	queue := make(chan *call, 10)
	sized := func(n int) *call { return &call{Call: Call{Size: n}} }
	for range 9 {
		queue <- sized(10)
	}
	if n := len(Collect(queue, sized(10), 3, 1000)); n != 3 {
		t.Errorf("%d calls, not 3", n)
	}
	if n := len(Collect(queue, sized(10), 100, 35)); n != 4 {
		t.Errorf("%d calls, not the 4 that pass 35 bytes", n)
	}
	if n := len(Collect(queue, sized(10), 100, 1000)); n != 5 {
		t.Errorf("%d calls, not the 5 that are left", n)
	}
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closing := make(chan struct{})
		p := NewProgress(holdfast.Head{Position: 5}, 50, closing)
		woken := make(chan error, 1)
		wait := func(after holdfast.Position) { go func() { woken <- p.Wait(t.Context(), after) }() }
		wait(5)
		synctest.Wait()
		p.Publish(holdfast.Head{Position: 4}, 49) // late news of another connection
		p.Publish(holdfast.Head{Position: 5}, 51) // a barrier
		synctest.Wait()
		if len(woken) != 0 || p.Head().Position != 5 || p.Beat() != 51 {
			t.Fatalf("head %v, beat %d, %d woken", p.Head(), p.Beat(), len(woken))
		}
		p.Publish(holdfast.Head{Position: 6}, 52)
		if err := <-woken; err != nil {
			t.Fatal(err)
		}
		gone := holdfast.Errorf(holdfast.Damaged, "two histories")
		wait(6)
		synctest.Wait()
		p.Fail(gone)
		if err := <-woken; err != error(gone) {
			t.Fatalf("error %v", err)
		}
		if err := p.Wait(t.Context(), 5); err != nil {
			t.Fatalf("what exists is there: %v", err)
		}
		close(closing)
		wantCode(t, p.Wait(t.Context(), 6), holdfast.Unavailable)
	})
}
