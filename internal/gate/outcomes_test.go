package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/payment"
)

func attempt(identity string, second int) payment.Record {
	return payment.Record{Identity: identity, Route: "pay", Kind: "payment", Amount: 5, Currency: "CNY", Posture: 10, At: wall.Add(time.Duration(second) * time.Second)}
}

func openAccount(t testing.TB, path string) *outcomes {
	t.Helper()
	o, err := openOutcomes(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.close() })
	return o
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func settle(t testing.TB, o *outcomes, r payment.Record, out payment.Outcome, want bool) {
	t.Helper()
	if got, err := o.settle(r, out, "said so", wall); err != nil || got != want {
		t.Errorf("settle %s as %s: %v, %v; want %v", r.Identity, out, got, err, want)
	}
}

func pendingOf(o *outcomes) string {
	_, entries := o.unreported(1000)
	var list []string
	for _, e := range entries {
		list = append(list, fmt.Sprint(e.Seq, e.Record.Identity, "=", e.Outcome))
	}
	return strings.Join(list, " ")
}

func TestTheAccountOutlastsItsProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes")
	o := openAccount(t, path)
	account := o.id()
	for i, name := range []string{"a", "b", "c"} {
		must(t, o.unknown(attempt(name, i), "no answer", wall))
	}
	must(t, o.unknown(attempt("a", 0), "said again", wall))
	settle(t, o, attempt("b", 1), payment.NotDone, true)
	settle(t, o, attempt("b", 1), payment.Done, false)
	settle(t, o, attempt("never open", 1), payment.Done, false)
	const want = "1a=unknown 2b=unknown 3c=unknown 4b=not-done"
	for _, when := range []string{"at once", "after a kill", "after another"} {
		if got := pendingOf(o); got != want || identities(o.unresolved()) != "a c" || o.id() != account {
			t.Errorf("%s: %q, open %q", when, got, identities(o.unresolved()))
		}
		o = openAccount(t, path) // the former one was not closed
	}
	must(t, o.confirm(3))
	must(t, o.confirm(2)) // a late answer
	if got := pendingOf(o); got != "4b=not-done" {
		t.Errorf("reported up to 3: %q wait", got)
	}
	if got := pendingOf(openAccount(t, path)); got != "4b=not-done" {
		t.Errorf("after a restart %q wait", got)
	}
}

// What is settled and reported leaves the file, and numbers go on all the same:
// an entry with a number that was used would never be recorded.
func TestNumbersGoOnAfterAllWasReported(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes")
	o := openAccount(t, path)
	account := o.id()
	must(t, o.unknown(attempt("a", 0), "", wall))
	settle(t, o, attempt("a", 0), payment.Done, true)
	must(t, o.confirm(2))
	must(t, o.close())
	o = openAccount(t, path)
	if content, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(content)) != `{"reported":2,"account":"`+account+`"}` {
		t.Errorf("kept %s, %v", content, err)
	}
	must(t, o.unknown(attempt("b", 0), "", wall))
	if got := pendingOf(o); got != "3b=unknown" {
		t.Errorf("%q", got)
	}
	o = openAccount(t, path)
	if got := pendingOf(o); got != "3b=unknown" {
		t.Errorf("after a restart: %q", got)
	}
}

// "Not done" is about one attempt; "done" settles the payment.
func TestAttemptsAreToldApart(t *testing.T) {
	t.Parallel()
	first, second := attempt("k", 1), attempt("k", 2)
	for name, test := range map[string]struct {
		unknown []payment.Record
		settle  payment.Record
		out     payment.Outcome
		settled bool
		asked   payment.Record // what an inquiry goes by, if it is open still
	}{
		"the only attempt":            {[]payment.Record{first}, first, payment.NotDone, true, first},
		"a repeat that was refused":   {[]payment.Record{first}, second, payment.NotDone, false, first},
		"a repeat that was done":      {[]payment.Record{first}, second, payment.Done, true, first},
		"the last of two":             {[]payment.Record{first, second}, second, payment.NotDone, true, second},
		"the first of two":            {[]payment.Record{first, second}, first, payment.NotDone, false, second},
		"the first of two, done":      {[]payment.Record{first, second}, first, payment.Done, true, second},
		"told in the other order":     {[]payment.Record{second, first}, second, payment.NotDone, true, second},
		"in the other order, first":   {[]payment.Record{second, first}, first, payment.NotDone, false, second},
		"an attempt told of two ways": {[]payment.Record{first, first}, first, payment.NotDone, true, first},
	} {
		path := filepath.Join(t.TempDir(), "outcomes")
		o := openAccount(t, path)
		for _, r := range test.unknown {
			must(t, o.unknown(r, "", wall))
		}
		if got := o.unresolved(); len(got) != 1 || got[0] != test.asked {
			t.Errorf("%s: open as %+v", name, got)
		}
		o = openAccount(t, path)
		settle(t, o, test.settle, test.out, test.settled)
		if o.isOpen("k") == test.settled || openAccount(t, path).isOpen("k") == test.settled {
			t.Errorf("%s: open %v", name, o.isOpen("k"))
		}
	}
}

func TestATornTail(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes")
	o := openAccount(t, path)
	must(t, o.unknown(attempt("a", 0), "", wall))
	must(t, o.unknown(attempt("b", 0), "", wall))
	whole, err := os.ReadFile(path)
	must(t, err)
	lastLine := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := lastLine; cut < len(whole); cut++ {
		torn := filepath.Join(t.TempDir(), "outcomes")
		write(t, torn, whole[:cut])
		o := openAccount(t, torn)
		if got := identities(o.unresolved()); got != "a" {
			t.Fatalf("cut at %d: %q", cut, got)
		}
		must(t, o.unknown(attempt("c", 1), "", wall))
		if got := identities(openAccount(t, torn).unresolved()); got != "a c" {
			t.Fatalf("cut at %d, one written, read again: %q", cut, got)
		}
	}
	for name, harm := range map[string]func([]byte) []byte{
		"a line cut in the middle": func(b []byte) []byte { return append(bytes.Clone(b[:lastLine-9]), b[lastLine:]...) },
		"an outcome that is none":  func(b []byte) []byte { return bytes.Replace(b, []byte(`"unknown"`), []byte(`"perhaps"`), 1) },
		"an empty line":            func(b []byte) []byte { return append(bytes.Clone(b), '\n') },
	} {
		bad := filepath.Join(t.TempDir(), "outcomes")
		write(t, bad, harm(whole))
		_, err := openOutcomes(bad)
		if holdfast.CodeOf(err) != holdfast.Damaged || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %v", name, err)
		}
		if kept, _ := os.ReadFile(bad); !bytes.Equal(kept, harm(whole)) {
			t.Errorf("%s: what is evidence was changed", name)
		}
	}
}

// A write that fails leaves nothing behind, and what waited is written later.
func TestAWriteThatFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes")
	o := openAccount(t, path)
	must(t, o.unknown(attempt("a", 0), "", wall))
	good := o.file
	o.file, _ = os.Open(path) // one that cannot be written
	if err := o.unknown(attempt("b", 0), "", wall); err == nil || o.isOpen("b") || o.seq != 1 {
		t.Errorf("%v, open %v, seq %d", err, o.isOpen("b"), o.seq)
	}
	o.file.Close()
	o.file = good
	// As the kernel leaves it when the disk is full: half a line.
	if _, err := good.WriteString(`{"seq":2,"rec`); err != nil {
		t.Fatal(err)
	}
	if !o.torn {
		t.Error("a write that failed is not known to have left something")
	}
	must(t, o.unknown(attempt("c", 0), "", wall))
	if got := pendingOf(openAccount(t, path)); got != "1a=unknown 2c=unknown" {
		t.Errorf("%q", got)
	}
	must(t, o.close())
	if err := o.unknown(attempt("d", 0), "", wall); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	must(t, o.close())
}

func TestTheFileIsRewrittenWhenItIsLarge(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes")
	o := openAccount(t, path)
	must(t, o.unknown(attempt("stays", 0), strings.Repeat("x", 1000), wall))
	for i := range 50 {
		r := attempt(fmt.Sprint("k", i), i)
		must(t, o.unknown(r, strings.Repeat("x", 1000), wall))
		settle(t, o, r, payment.Done, true)
	}
	must(t, o.confirm(100))
	before := o.size
	must(t, o.sync())
	if o.size != before {
		t.Error("rewritten though it is small")
	}
	o.size, o.dirty = compactAbove+1, true
	must(t, o.sync())
	info, err := os.Stat(path)
	if err != nil || info.Size() != o.size || info.Size() > 4000 {
		t.Errorf("%d bytes, %d counted, %v", info.Size(), o.size, err)
	}
	must(t, o.unknown(attempt("next", 99), "", wall))
	o = openAccount(t, path)
	if got := pendingOf(o); got != "101k49=done 102next=unknown" || identities(o.unresolved()) != "stays next" {
		t.Errorf("%q, open %q", got, identities(o.unresolved()))
	}
}

// An older copy of the file was put back: the control plane has entries that it
// lacks. Under their numbers new entries would be lost, so the account is begun
// anew.
func TestAnAccountThatWasPutBackIsBegunAnew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outcomes")
	o := openAccount(t, path)
	for i, name := range []string{"a", "b", "c"} {
		must(t, o.unknown(attempt(name, i), "", wall))
	}
	settle(t, o, attempt("c", 2), payment.Done, true)
	must(t, o.confirm(2)) // a and b are recorded; c and its end are not
	former := o.id()
	must(t, o.confirm(9))
	if o.id() == former || pendingOf(o) != "5a=unknown 6b=unknown 7c=unknown 8c=done" {
		t.Errorf("%q of account %s", pendingOf(o), o.id())
	}
	o2 := openAccount(t, path)
	if o2.id() != o.id() || pendingOf(o2) != pendingOf(o) || identities(o2.unresolved()) != "a b" {
		t.Errorf("after a restart: %q, open %q", pendingOf(o2), identities(o2.unresolved()))
	}
	settle(t, o, attempt("a", 0), payment.NotDone, true)
	if got := pendingOf(o); !strings.HasSuffix(got, "9a=not-done") {
		t.Errorf("%q", got)
	}
}

// Against a model: a map of what is open, and the entries in order.
func TestTheAccountAgainstAModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		path := filepath.Join(dir, fmt.Sprint(runs))
		o, err := openOutcomes(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { o.close() }()
		open := map[string]payment.Record{}
		var log []string
		reported := 0
		note := func(identity string, out payment.Outcome) {
			log = append(log, fmt.Sprint(len(log)+1, identity, "=", out))
		}
		t.Repeat(map[string]func(*rapid.T){
			"unknown": func(t *rapid.T) {
				r := attempt(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "identity"), rapid.IntRange(0, 5).Draw(t, "at"))
				if err := o.unknown(r, "", wall); err != nil {
					t.Fatal(err)
				}
				if was, ok := open[r.Identity]; !ok || r.At.After(was.At) {
					open[r.Identity] = r
					note(r.Identity, payment.Unknown)
				}
			},
			"settle": func(t *rapid.T) {
				r := attempt(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "identity"), rapid.IntRange(0, 5).Draw(t, "at"))
				out := rapid.SampledFrom([]payment.Outcome{payment.Done, payment.NotDone}).Draw(t, "outcome")
				was, ok := open[r.Identity]
				want := ok && (out == payment.Done || was.At.Equal(r.At))
				if got, err := o.settle(r, out, "", wall); err != nil || got != want {
					t.Fatalf("%v, %v; want %v", got, err, want)
				}
				if want {
					delete(open, r.Identity)
					note(r.Identity, out)
				}
			},
			"confirm": func(t *rapid.T) {
				n := rapid.IntRange(0, len(log)).Draw(t, "up to")
				if err := o.confirm(uint64(n)); err != nil {
					t.Fatal(err)
				}
				reported = max(reported, n)
			},
			"restart": func(t *rapid.T) {
				if rapid.Bool().Draw(t, "in order") {
					if err := o.close(); err != nil {
						t.Fatal(err)
					}
				} else if o.file != nil {
					o.file.Close()
				}
				if o, err = openOutcomes(path); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				if got, want := pendingOf(o), strings.Join(log[reported:], " "); got != want {
					t.Fatalf("waiting %q, want %q", got, want)
				}
				if o.count() != len(open) {
					t.Fatalf("%d open, want %v", o.count(), open)
				}
				for _, r := range o.unresolved() {
					if open[r.Identity] != r {
						t.Fatalf("open as %+v, want %+v", r, open[r.Identity])
					}
				}
			},
		})
	})
}

func FuzzOutcomes(f *testing.F) {
	path := filepath.Join(f.TempDir(), "outcomes")
	o := openAccount(f, path)
	must(f, o.unknown(attempt("a", 0), "", wall))
	settle(f, o, attempt("a", 0), payment.Done, true)
	must(f, o.confirm(1))
	whole, err := os.ReadFile(path)
	must(f, err)
	f.Add(whole)
	f.Add([]byte("{\"reported\":18446744073709551615}\n"))
	f.Add([]byte("{}\n"))
	// Entries that are told of before, after what has not been.
	unknown := `{"record":{"identity":"a"},"outcome":"unknown"}`
	f.Add([]byte(`{"seq":1,` + unknown[1:] + "\n" + unknown + "\n"))
	f.Add([]byte(`{"seq":1,` + unknown[1:] + "\n" + strings.Replace(unknown, "unknown", "done", 1) + "\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "outcomes")
		write(t, path, content)
		o, err := openOutcomes(path)
		if err != nil {
			if holdfast.CodeOf(err) != holdfast.Damaged {
				t.Errorf("%v", err)
			}
			return
		}
		defer o.close()
		again, err := openOutcomes(path)
		if err != nil {
			t.Fatalf("what was read and rewritten cannot be read: %v", err)
		}
		defer again.close()
		a, _ := json.Marshal(o.unresolved())
		b, _ := json.Marshal(again.unresolved())
		if !bytes.Equal(a, b) || pendingOf(o) != pendingOf(again) {
			t.Errorf("%s and %q, then %s and %q", a, pendingOf(o), b, pendingOf(again))
		}
	})
}
