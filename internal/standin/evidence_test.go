package standin_test

import (
	"reflect"
	"testing"
	"time"

	"holdfast/internal/standin"
)

// settle sends what is next, and has all of it come to something with a reply.
func (h *shard) settle(of standin.Result, said standin.Said, status int) {
	h.t.Helper()
	work, park := standin.Next(h.s, h.c.Profile.Forwarding, h.now, 100, anything)
	h.apply(park...)
	for _, w := range work {
		h.apply(w.Attempt)
		h.apply(standin.Settle(h.s, standin.Came{Identity: w.Item.Identity, Of: of, Reply: standin.Reply{Said: said, Status: uint16(status)}}, h.now)...)
	}
}

// What is known of an exception comes to people, whatever made it one, and after a restart
// as well.
func TestWhatIsToldOfAnException(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		happens func(h *shard)
		why     standin.Why
		reply   *standin.Reply
		filed   *standin.Filed
		tries   [2]int // attempts, inquiries
	}{
		"refused": {
			func(h *shard) { h.settle(standin.Refuses, standin.SaidNotDone, 402) },
			standin.PrimaryRefused, &standin.Reply{Said: standin.SaidNotDone, Status: 402}, nil, [2]int{1, 0},
		},
		"no answer at last": {
			func(h *shard) {
				h.settle(standin.NoAnswer, standin.SaidUnclear, 503)
				for range 5 {
					h.now = h.now.Add(2 * time.Minute)
					h.settle(standin.NoAnswer, standin.Silent, 0)
				}
			},
			standin.Exhausted, &standin.Reply{Said: standin.Silent}, nil, [2]int{5, 0},
		},
		"an answer after the last attempt": {
			func(h *shard) {
				h.settle(standin.NoAnswer, standin.Silent, 0)
				h.apply(&standin.Excepted{Identity: "p1", Why: standin.Exhausted, At: standin.At(h.now)})
				h.apply(standin.Settle(h.s, standin.Came{Identity: "p1", Reply: standin.Reply{Said: standin.SaidUnclear, Status: 409}}, h.now)...)
			},
			standin.Exhausted, &standin.Reply{Said: standin.SaidUnclear, Status: 409}, nil, [2]int{1, 0},
		},
		"asked, and not known": {
			func(h *shard) {
				h.settle(standin.NoAnswer, standin.Silent, 0)
				for range 4 {
					h.now = h.now.Add(25 * time.Hour)
					h.settle(standin.NoAnswer, standin.SaidUnclear, 200)
				}
			},
			standin.Unresolved, &standin.Reply{Said: standin.SaidUnclear, Status: 200}, nil, [2]int{1, 3},
		},
		"never sent": {
			func(h *shard) {
				h.apply(standin.Settle(h.s, standin.Came{Identity: "p1", Of: standin.Unsendable}, h.now)...)
			},
			standin.NotSendable, nil, nil, [2]int{},
		},
		"the file says no": {
			func(h *shard) {
				h.settle(standin.Did, standin.SaidDone, 201)
				h.byFile(filePage(false, ""), row("p1", 900, false), standin.FileContradicts, standin.Exceptional)
			},
			standin.FileNotDone, &standin.Reply{Said: standin.SaidDone, Status: 201}, &standin.Filed{File: "s1", Line: 2, Amount: 900, Currency: "CNY"}, [2]int{1, 0},
		},
		"the file names another amount": {
			func(h *shard) {
				h.byFile(filePage(false, ""), row("p1", 901, true), standin.FileDiffers, standin.Exceptional)
			},
			standin.FileAmount, nil, &standin.Filed{File: "s1", Line: 2, Amount: 901, Currency: "CNY", Done: true}, [2]int{},
		},
		"the file lacks it": {
			func(h *shard) {
				h.now = start.Add(time.Hour)
				h.settle(standin.Did, standin.SaidDone, 201)
				_, records := standin.Lacking(h.s, filePage(true, ""), func(string) bool { return false }, h.now)
				h.apply(records...)
			},
			standin.FileAbsent, &standin.Reply{Said: standin.SaidDone, Status: 201}, &standin.Filed{File: "s1"}, [2]int{1, 0},
		},
		"done though reversed, says the primary": {
			func(h *shard) {
				h.apply(standin.Withdraw(h.s, "p1", h.now)...)
				h.apply(standin.Settle(h.s, standin.Came{Identity: "p1", Of: standin.Did, Reply: standin.Reply{Said: standin.SaidDone, Status: 200}}, h.now)...)
			},
			standin.DoneThoughReversed, &standin.Reply{Said: standin.SaidDone, Status: 200}, nil, [2]int{},
		},
		"done though reversed, says the file": {
			func(h *shard) {
				h.apply(standin.Withdraw(h.s, "p1", h.now)...)
				h.byFile(filePage(false, ""), row("p1", 900, true), standin.FileDoneAnyway, standin.TakenBack)
			},
			standin.DoneThoughReversed, nil, &standin.Filed{File: "s1", Line: 2, Amount: 900, Currency: "CNY", Done: true}, [2]int{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newShard(t, aProfile())
			h.want(pay("p1", "ann", 900), standin.Approved, standin.None)
			test.happens(h)
			open := told(t, standin.Summarize(h.s, 0, standin.Room{Open: 10}, h.now)).Of[0].Open
			if len(open) != 1 {
				t.Fatalf("open: %+v", open)
			}
			e := open[0]
			if e.Why != test.why || !reflect.DeepEqual(e.Reply, test.reply) || !reflect.DeepEqual(e.Filed, test.filed) || [2]int{e.Attempts, e.Inquiries} != test.tries {
				t.Errorf("%+v, reply %+v, filed %+v", e, e.Reply, e.Filed)
			}
			if e.Version != h.c.Version.String() || e.Cause != "directed" || e.Reason != "" && test.why != standin.DoneThoughReversed || !e.Pending.Equal(start) || e.Replied.IsZero() != (test.reply == nil) {
				t.Errorf("%+v", e)
			}
			again, err := standin.Restore(h.s.Snapshot())
			if err != nil {
				t.Fatal(err)
			}
			if got := standin.Summarize(again, 0, standin.Room{Open: 10}, h.now).Open; !reflect.DeepEqual(got, standin.Summarize(h.s, 0, standin.Room{Open: 10}, h.now).Open) {
				t.Errorf("after a restart: %+v", got)
			}
		})
	}
}

// What no gate tells is refused.
func TestEvidenceIsBounded(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 900), standin.Approved, standin.None)
	h.settle(standin.Refuses, standin.SaidNotDone, 402)
	for name, spoil := range map[string]func(e *standin.OpenException){
		"nothing said":       func(e *standin.OpenException) { e.Reply = &standin.Reply{Status: 200} },
		"no such status":     func(e *standin.OpenException) { e.Reply.Status = 1000 },
		"another word":       func(e *standin.OpenException) { e.Reply.Said = standin.Unreached + 1 },
		"no file":            func(e *standin.OpenException) { e.Filed = &standin.Filed{} },
		"a line before all":  func(e *standin.OpenException) { e.Filed = &standin.Filed{File: "s1", Line: -1} },
		"a long cause":       func(e *standin.OpenException) { e.Cause = string(make([]byte, 41)) },
		"a long version":     func(e *standin.OpenException) { e.Version = string(make([]byte, 33)) },
		"a long reason":      func(e *standin.OpenException) { e.Reason = string(make([]byte, 41)) },
		"a negative amount":  func(e *standin.OpenException) { e.Filed = &standin.Filed{File: "s1", Amount: -1} },
		"currency of a file": func(e *standin.OpenException) { e.Filed = &standin.Filed{File: "s1", Currency: "CNYX"} },
	} {
		s := told(t, standin.Summarize(h.s, 0, standin.Room{Open: 10}, h.now))
		spoil(&s.Of[0].Open[0])
		if err := s.Check(); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}
