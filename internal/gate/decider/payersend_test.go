package decider_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/gate/decider"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

var sentAt = time.Date(1999, 12, 31, 2, 0, 0, 0, time.UTC)

// Changes, one after the other, add up to what a whole snapshot would say.
func TestChangesAddUp(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		path := filepath.Join(t.TempDir(), "payers")
		p := decider.NewPayersFile(path, key, time.Now, nil)
		want := map[string]standin.Payer{}
		at := sentAt
		if _, err := p.Replace(strings.NewReader(fmt.Sprintf("{\"at\":%q}\n", at.Format(time.RFC3339Nano))), at); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			since := at
			at = at.Add(time.Duration(1 + random.Int64N(1e9)))
			body := fmt.Sprintf("{\"since\":%q,\"at\":%q}\n", since.Format(time.RFC3339Nano), at.Format(time.RFC3339Nano))
			for range random.IntN(8) {
				who, class := fmt.Sprint("p", random.IntN(6)), fmt.Sprint("c", random.IntN(3))
				if random.IntN(3) == 0 {
					body += fmt.Sprintf("{\"payer\":%q,\"gone\":true}\n", who)
					delete(want, who)
					continue
				}
				blocked := random.IntN(2) == 0
				body += fmt.Sprintf("{\"payer\":%q,\"class\":%q,\"blocked\":%v}\n", who, class, blocked)
				want[who] = standin.Payer{Class: class, Blocked: blocked}
			}
			known, err := p.Change(strings.NewReader(body), at)
			if err != nil || !known.At.Equal(at) || known.Payers != len(want) {
				t.Fatalf("seed %d: %+v, %v; want %d payers", seed, known, err, len(want))
			}
		}
		again := decider.NewPayersFile(path, key, time.Now, nil)
		for n := range 6 {
			who := fmt.Sprint("p", n)
			line, there := want[who]
			if there {
				line.At = at
			}
			for _, from := range []*decider.PayersFile{p, again} {
				got := from.Find(standin.Blind(key, payment.Sensitive(who)))
				if !got.At.Equal(line.At) || got.Class != line.Class || got.Blocked != line.Blocked {
					t.Errorf("seed %d: of %s %+v is known, want %+v", seed, who, got, line)
				}
			}
		}
	}
}

// A file that was put there meanwhile is not written over by changes of another.
func TestChangesOfAnotherFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "payers")
	p := decider.NewPayersFile(path, key, time.Now, nil)
	if _, err := p.Replace(strings.NewReader(snapshot), sentAt); err != nil {
		t.Fatal(err)
	}
	changes := `{"since":"1999-12-31T02:00:00Z","at":"1999-12-31T02:00:10Z"}` + "\n"
	for _, other := range []string{strings.Replace(snapshot, "T02", "T03", 1), snapshot + "damaged"} {
		put(t, path, other)
		if _, err := p.Change(strings.NewReader(changes), sentAt); holdfast.CodeOf(err) != holdfast.Conflict {
			t.Errorf("changes were taken: %v", err)
		}
		if content, err := os.ReadFile(path); err != nil || string(content) != other {
			t.Errorf("the file is now %q, %v", content, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Change(strings.NewReader(changes), sentAt); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("changes were taken: %v", err)
	}
	if _, err := p.Replace(strings.NewReader(snapshot), sentAt); err != nil {
		t.Error(err)
	}
	if _, err := p.Change(strings.NewReader(changes), sentAt); err != nil {
		t.Error(err)
	}
}

// One sender at a time; what a killed process left is swept away once it is old.
func TestOneSender(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "payers")
	p := decider.NewPayersFile(path, key, time.Now, nil)
	left := filepath.Join(dir, ".payers.1.sent")
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Add(2 * time.Hour)
	_, err := p.Replace(readFunc(func([]byte) (int, error) {
		_, err := p.Replace(strings.NewReader(snapshot), now)
		return 0, err
	}), now)
	if holdfast.CodeOf(err) != holdfast.TooMany {
		t.Errorf("two at once: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
	if _, err := p.Replace(strings.NewReader(snapshot), now); err != nil {
		t.Error(err)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }

// Whatever is sent, it is taken whole or not at all, and a restart finds the same.
func FuzzPayersSent(f *testing.F) {
	f.Add([]byte(snapshot), []byte(`{"since":"1999-12-31T02:00:00Z","at":"1999-12-31T02:00:10Z"}`+"\n"+`{"payer":"anna","gone":true}`))
	f.Add([]byte(`{"at":"1999-12-31T02:00:00Z"}`), []byte(`{"since":"1999-12-31T02:00:00Z","at":"1999-12-31T02:00:10Z"}`+"\r\n"+`{"payer":"a","seen":1}`))
	f.Fuzz(func(t *testing.T, whole, changes []byte) {
		path := filepath.Join(t.TempDir(), "payers")
		p := decider.NewPayersFile(path, key, time.Now, nil)
		for _, step := range []func() (decider.PayersKnown, error){
			func() (decider.PayersKnown, error) { return p.Replace(strings.NewReader(string(whole)), sentAt) },
			func() (decider.PayersKnown, error) { return p.Change(strings.NewReader(string(changes)), sentAt) },
		} {
			before := p.Known()
			answer, err := step()
			after := p.Known()
			if err != nil && after != before || err == nil && after != answer {
				t.Fatalf("%v: %+v was answered, %+v was known, %+v is", err, answer, before, after)
			}
			if again := decider.NewPayersFile(path, key, time.Now, nil).Known(); !after.At.IsZero() && again != after {
				t.Fatalf("after a restart %+v, before it %+v", again, after)
			}
		}
	})
}
