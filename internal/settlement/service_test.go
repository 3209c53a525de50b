package settlement

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/standin"
)

var (
	wang = holdfast.Actor{Kind: holdfast.Account, ID: "wang", Name: "Wang"}
	li   = holdfast.Actor{Kind: holdfast.Account, ID: "li", Name: "Li"}
)

// desk is a service over a journal in memory, and gates that know payments.
type desk struct {
	t       *testing.T
	service *Service
	book    *Book
	gates   []*gate
}

// gate is one that knows some payments as open, until a file settles them.
type gate struct {
	name, boot string
	open       map[string]int64
	next       *standin.FileWord
	pages      int
}

// clock is past the day of the files: a bubble begins in the year 2000.
func clock() time.Time { return time.Now().AddDate(27, 0, 0) }

// bench runs f with a desk in a bubble.
func bench(t *testing.T, f func(t *testing.T, d *desk)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := journal.NewMemory("test")
		d := &desk{t: t, book: NewBook()}
		state := journal.NewState(store, holdfast.Head{Journal: "test", Epoch: 1, Hash: journal.Genesis("test")}, d.book)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- state.Run(ctx) }()
		d.service = &Service{
			Desk: &journal.Desk{Journal: store, State: state, Now: clock}, Blobs: store, Log: slog.New(slog.DiscardHandler),
			Nouns: Nouns{Book: d.book, Above: func() int64 { return 1000 }, Gates: func() (names []string) {
				for _, g := range d.gates {
					names = append(names, g.name)
				}
				return names
			}},
		}
		f(t, d)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func (d *desk) gate(name string, open map[string]int64) *gate {
	g := &gate{name: name, boot: name + "-1", open: open}
	d.gates = append(d.gates, g)
	return g
}

// report has a gate report once, and compare the page that it gets.
func (d *desk) report(g *gate) {
	d.t.Helper()
	p, err := d.service.Told(d.t.Context(), g.name, g.boot, g.next)
	if err != nil {
		d.t.Fatal(err)
	}
	g.next = nil
	if p == nil {
		return
	}
	if err := p.Check(); err != nil {
		d.t.Fatal(err)
	}
	g.pages++
	w := &standin.FileWord{File: p.File, Carry: p.Carry, Page: p.Page}
	for _, r := range p.Rows {
		amount, open := g.open[r.Identity]
		if !open || !r.Done {
			continue
		}
		f := standin.Found{N: r.N, Finding: standin.FileSettles, Identity: r.Identity, Amount: amount, Currency: r.Currency, Was: "unknown", Two: amount > p.Above}
		if f.Changed = !p.Carry || !f.Two || p.Second != ""; f.Changed && p.Carry {
			delete(g.open, r.Identity)
		}
		w.Add(f)
	}
	if err := w.Check(); err != nil {
		d.t.Fatal(err)
	}
	g.next = w
}

// work has all gates report for some seconds.
func (d *desk) work() {
	for range 20 {
		for _, g := range d.gates {
			d.report(g)
		}
		time.Sleep(time.Second)
		synctest.Wait()
	}
}

func (d *desk) file(id string) (f File) {
	d.service.Desk.State.View(func() {
		if one, found := d.book.File(id); found {
			f = *one
		}
	})
	return f
}

func (d *desk) offer(content string) (string, error) {
	if err := d.service.SaveMapping(d.t.Context(), wang, mapping()); err != nil {
		d.t.Fatal(err)
	}
	return d.service.Offer(d.t.Context(), wang, "core-bank", "2026-11-26", "day.csv", []byte(content))
}

func lines(rows ...string) string {
	return "order,amount,ccy,status\n" + strings.Join(rows, "\n") + "\n"
}

func code(err error) holdfast.Code { return holdfast.CodeOf(err) }

func TestAFileIsComparedConfirmedAndCarriedOut(t *testing.T) {
	bench(t, func(t *testing.T, d *desk) {
		east, west := d.gate("east", map[string]int64{"k1": 500}), d.gate("west", map[string]int64{"k2": 700, "k9": 100})
		id, err := d.offer(lines("k1,5.00,CNY,OK", "k2,7.00,CNY,OK", "k3,1.00,CNY,OK", "bad"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.offer(lines("k1,5.00,CNY,OK", "k2,7.00,CNY,OK", "k3,1.00,CNY,OK", "bad")); code(err) != holdfast.Conflict {
			t.Errorf("offered twice: %v", err)
		}
		if err := d.service.Confirm(t.Context(), wang, id, "the day"); code(err) != holdfast.Conflict {
			t.Errorf("confirmed before all gates compared it: %v", err)
		}
		d.work()
		f := d.file(id)
		if f.Rows != 3 || f.Refused != 1 || len(f.Compared) != 2 || Changed(f.Compared) != 2 || f.Takes() {
			t.Fatalf("%+v", f)
		}
		if len(east.open) != 1 || len(west.open) != 2 {
			t.Fatal("something was changed before anybody confirmed it")
		}
		if err := d.service.Confirm(t.Context(), wang, id, "the day"); err != nil {
			t.Fatal(err)
		}
		d.work()
		if f = d.file(id); f.State != Done || Changed(f.Carried) != 2 || len(east.open) != 0 || len(west.open) != 1 {
			t.Errorf("%s, changed %d; open %v %v", f.State, Changed(f.Carried), east.open, west.open)
		}
		// The same file again changes nothing.
		again, err := d.offer(lines("k1,5.00,CNY,OK", "k2,7.00,CNY,OK", "k3,1.00,CNY,OK", "bad"))
		if err != nil {
			t.Fatal(err)
		}
		d.work()
		if err := d.service.Confirm(t.Context(), wang, again, "the day"); code(err) != holdfast.Conflict || Changed(d.file(again).Compared) != 0 {
			t.Errorf("%v, %+v", err, d.file(again))
		}
	})
}

func TestAboveTheLimitItTakesTwo(t *testing.T) {
	bench(t, func(t *testing.T, d *desk) {
		east := d.gate("east", map[string]int64{"k1": 5000})
		id, err := d.offer(lines("k1,50.00,CNY,OK"))
		if err != nil {
			t.Fatal(err)
		}
		d.work()
		if err := d.service.Confirm(t.Context(), wang, id, "the day"); err != nil {
			t.Fatal(err)
		}
		d.work()
		if f := d.file(id); f.State != Asked || len(east.open) != 1 {
			t.Fatalf("%s, open %v", f.State, east.open)
		}
		if err := d.service.Answer(t.Context(), wang, id, true, ""); code(err) != holdfast.Forbidden {
			t.Errorf("one person for both: %v", err)
		}
		if err := d.service.Answer(t.Context(), li, id, true, ""); err != nil {
			t.Fatal(err)
		}
		d.work()
		if f := d.file(id); f.State != Done || len(east.open) != 0 || f.Second.ID != "li" {
			t.Errorf("%s, open %v, %v", f.State, east.open, f.Second)
		}
	})
}

func TestWithdrawnAndRefused(t *testing.T) {
	bench(t, func(t *testing.T, d *desk) {
		east := d.gate("east", map[string]int64{"k1": 5000})
		for n, end := range []func(id string) error{
			func(id string) error { return d.service.Withdraw(t.Context(), wang, id, "the wrong day") },
			func(id string) error {
				if err := d.service.Confirm(t.Context(), wang, id, "the day"); err != nil {
					return err
				}
				return d.service.Answer(t.Context(), li, id, false, "not the right file")
			},
		} {
			id, err := d.offer(lines("k1,50.00,CNY,OK", fmt.Sprintf("n%d,1.00,CNY,OK", n)))
			if err != nil {
				t.Fatal(err)
			}
			d.work()
			if err := end(id); err != nil {
				t.Fatal(err)
			}
			d.work()
			if f := d.file(id); f.State != Withdrawn || len(east.open) != 1 {
				t.Errorf("%s, open %v", f.State, east.open)
			}
		}
	})
}

// A gate that was started anew begins at the first page, and an answer that was lost is
// asked for again.
func TestPagesComeAgain(t *testing.T) {
	bench(t, func(t *testing.T, d *desk) {
		var rows []string
		for n := range standin.PageRows + 10 {
			rows = append(rows, fmt.Sprintf("r%d,1.00,CNY,OK", n))
		}
		east := d.gate("east", map[string]int64{"r0": 100, fmt.Sprintf("r%d", standin.PageRows+5): 100})
		id, err := d.offer(lines(rows...))
		if err != nil {
			t.Fatal(err)
		}
		d.report(east) // the file is being read
		synctest.Wait()
		d.report(east)
		east.next, east.boot = nil, "east-2" // it was killed with its answer
		d.report(east)
		if east.pages != 2 || east.next == nil || east.next.Page != 0 {
			t.Fatalf("%d pages, %+v", east.pages, east.next)
		}
		east.next = nil // lost on its way
		d.report(east)
		if east.pages != 2 {
			t.Error("it was sent again at once")
		}
		time.Sleep(againAfter)
		d.work()
		if f := d.file(id); len(f.Compared) != 1 || Changed(f.Compared) != 2 || f.Compared[0].Boot != "east-2" {
			t.Errorf("%+v", f.Compared)
		}
	})
}

// What a file with refused rows lacks says nothing: one of those may be of the payment.
func TestARefusedRowLacksNothing(t *testing.T) {
	t.Parallel()
	whole := Mapping{Complete: true}
	for _, f := range []struct {
		File
		want bool
	}{{File{Mapping: whole}, true}, {File{Mapping: whole, Refused: 1}, false}, {File{}, false}} {
		if p := (&Service{}).page(&f.File, &Read{}, 0, 1, 0); p.Complete != f.want {
			t.Errorf("refused %d of a mapping that is complete: %v; the page says %v", f.Refused, f.Mapping.Complete, p.Complete)
		}
	}
}

func TestUncoveredShards(t *testing.T) {
	t.Parallel()
	got := Uncovered([]Answer{{Gate: "a", Source: "s1", Of: 4, Shards: []int{0, 1}}, {Gate: "b", Source: "s1", Of: 4, Shards: []int{1, 2}}, {Gate: "c"}, {Gate: "d", Source: "s2", Of: 1, Shards: []int{0}}})
	if len(got) != 1 || got["s1"] != 1 {
		t.Errorf("uncovered %v", got)
	}
}

// A file that waits for a gate that is gone for good can be given again: another gate has
// its shards.
func TestGivenAgainForAGateThatIsGone(t *testing.T) {
	bench(t, func(t *testing.T, d *desk) {
		d.gate("east", map[string]int64{"k1": 500})
		west := d.gate("west", map[string]int64{"k2": 700})
		rows := lines("k1,5.00,CNY,OK", "k2,7.00,CNY,OK")
		id, err := d.offer(rows)
		if err != nil {
			t.Fatal(err)
		}
		d.work()
		if err := d.service.Confirm(t.Context(), wang, id, "the day"); err != nil {
			t.Fatal(err)
		}
		d.report(d.gates[0]) // east alone carries it out
		if _, err := d.offer(rows); code(err) != holdfast.Conflict {
			t.Errorf("offered while a gate in service carries it out: %v", err)
		}
		d.gates, d.gates[0].open = d.gates[:1], west.open
		d.work()
		if again, err := d.offer(rows); err != nil {
			t.Error(err)
		} else if d.work(); Changed(d.file(again).Compared) != 1 {
			t.Errorf("%+v", d.file(again).Compared)
		}
	})
}

func TestNothingToCompare(t *testing.T) {
	bench(t, func(t *testing.T, d *desk) {
		d.gate("east", map[string]int64{"k1": 500})
		for content, want := range map[string]string{
			lines("k1,5.001,CNY,OK", "k2,1.00"): `refused: 2, the first in line 2: the amount "5.001" cannot be read`,
			lines("k1,5.00,CNY,VOID"):           "the mapping leaves out every row",
			lines():                             "the file has no row below its first line",
		} {
			if _, err := d.offer(content); code(err) != holdfast.Invalid || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v; want %q", content, err, want)
			}
		}
		if _, err := d.service.Offer(t.Context(), wang, "core-bank", "2027-01-03", "day.csv", []byte(lines("k1,5.00,CNY,OK"))); code(err) != holdfast.Invalid || !strings.Contains(err.Error(), "has not begun") {
			t.Errorf("a file of a day that has not begun: %v", err)
		}
	})
}
