package subscription

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/status"
)

var client = netip.MustParseAddr("192.0.2.7")

// outbox takes mails; answer says how each ends.
type outbox struct {
	mu     sync.Mutex
	mails  []notify.Message
	answer func(notify.Message) notify.Outcome
}

func (o *outbox) Send(_ context.Context, m notify.Message) notify.Outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mails = append(o.mails, m)
	if o.answer != nil {
		return o.answer(m)
	}
	return notify.Outcome{Result: notify.Sent}
}

func (o *outbox) answers(answer func(notify.Message) notify.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = answer
}

// take returns the mails that came since.
func (o *outbox) take() []notify.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	mails := o.mails
	o.mails = nil
	return mails
}

type world struct {
	*Service
	t     *testing.T
	store *journal.Memory
	out   *outbox
	busy  atomic.Bool
	n     int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	store := journal.NewMemory("test")
	store.Now = time.Now
	book := status.NewBook()
	w := &world{t: t, store: store, out: &outbox{}}
	state := journal.NewState(store, store.Genesis(), book)
	w.Service = w.node(state, book)
	ctx, cancel := context.WithCancel(context.Background())
	var loops sync.WaitGroup
	loops.Go(func() { _ = state.Run(ctx) })
	loops.Go(func() { _ = w.Run(ctx) })
	t.Cleanup(func() { cancel(); loops.Wait() })
	synctest.Wait()
	return w
}

func (w *world) node(state *journal.State, book *status.Book) *Service {
	s, err := New(Options{
		State: state, Documents: w.store, Book: book, Sender: w.out, Busy: w.busy.Load, Key: make([]byte, 32), Operator: "Bank",
		Page: "https://status.example.org/", Node: "https://node.example.org/status/", Zone: time.UTC, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	w.must(err)
	return s
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// settle lets so much time pass.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// announce publishes an entry as the journal has it.
func (w *world) announce(text string) {
	w.t.Helper()
	w.n++
	say := holdfast.Text{ZhHant: text, ZhHans: text, En: text}
	subject := holdfast.NewSubject("bulletin", fmt.Sprint(w.n))
	content := status.Content{Stage: status.Investigating, Title: say, Text: say, States: []status.Said{{Component: "app", Name: say, State: status.Limited}}}
	_, err := w.store.Append(context.Background(), journal.Append{ID: holdfast.NewID(), Actor: holdfast.Self("test"), Time: time.Now(), Facts: []journal.Draft{
		journal.NewDraft(subject, 0, "bulletin.drafted", map[string]any{"kind": "interruption", "content": content}),
		journal.NewDraft(subject, 1, "bulletin.published", map[string]any{"draft": 1}),
	}})
	w.must(err)
	settle(2 * time.Second)
}

var keyed = regexp.MustCompile(`\?key=([0-9a-f]{64})`)

func keyOf(t *testing.T, text string) string {
	t.Helper()
	m := keyed.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no link in %q", text)
	}
	return m[1]
}

// subscribe goes the whole way.
func (w *world) subscribe(address string, lang holdfast.Lang) {
	w.t.Helper()
	settle(time.Minute) // the limit for one client
	w.must(w.Ask(w.t.Context(), client, address, lang))
	settle(2 * time.Second)
	mails := w.out.take()
	if len(mails) != 1 || mails[0].Address != address || mails[0].Unsubscribe != "" {
		w.t.Fatalf("to confirm: %+v", mails)
	}
	held, err := w.Confirm(w.t.Context(), keyOf(w.t, mails[0].Body))
	if w.must(err); !held {
		w.t.Fatal("the link in the mail does not hold")
	}
	settle(time.Second)
}

func (w *world) count() Count {
	w.t.Helper()
	n, err := w.Count(w.t.Context())
	w.must(err)
	return n
}

func TestSubscription(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.announce("before")
		w.must(w.Ask(t.Context(), client, "Mei@Example.com", holdfast.ZhHant))
		settle(2 * time.Second)
		w.announce("unconfirmed")
		mails := w.out.take()
		if len(mails) != 1 || !strings.HasPrefix(mails[0].Body, "有人以這個地址訂閱 Bank") {
			t.Fatalf("asked: %+v", mails)
		}
		key := keyOf(t, mails[0].Body)
		for name, bad := range map[string]string{"none": "", "short": "ab", "another": strings.Repeat("0", 64), "changed": key[:63] + "x"} {
			if held, err := w.Confirm(t.Context(), bad); held || err != nil {
				t.Errorf("key %s: %v %v", name, held, err)
			}
		}
		if held, err := w.Known(t.Context(), "confirm", key); !held || err != nil {
			t.Errorf("looked at: %v %v", held, err)
		}
		if held, _ := w.Known(t.Context(), "leave", key); held {
			t.Error("the key to confirm ends a subscription")
		}
		for range 2 { // pressing twice does no harm
			if held, err := w.Confirm(t.Context(), key); !held || err != nil {
				t.Errorf("confirmed: %v %v", held, err)
			}
		}
		if n := w.count(); n != (Count{Confirmed: 1}) {
			t.Errorf("%+v", n)
		}
		w.announce("first")
		w.announce("second")
		mails = w.out.take()
		if len(mails) != 2 || mails[0].Subject != "【調查中】first" || mails[1].Subject != "【調查中】second" || mails[0].ID == mails[1].ID {
			t.Fatalf("entries: %+v", mails)
		}
		if m := mails[0]; !strings.Contains(m.Body, "https://status.example.org/zh-Hant/index.html") || !strings.HasPrefix(m.Unsubscribe, "https://node.example.org/status/leave?key=") || !strings.Contains(m.Body, m.Unsubscribe) {
			t.Errorf("mail %+v", m)
		}
		if held, err := w.Leave(t.Context(), keyOf(t, mails[1].Unsubscribe)); !held || err != nil {
			t.Errorf("left: %v %v", held, err)
		}
		w.announce("after")
		if got := w.out.take(); len(got) > 0 || w.count() != (Count{}) {
			t.Errorf("after leaving: %+v, %+v", got, w.count())
		}
		if held, _ := w.Leave(t.Context(), keyOf(t, mails[1].Unsubscribe)); held {
			t.Error("a link of who has left still holds")
		}
	})
}

// The address is in one document, and nowhere once that is gone.
func TestAddressStandsInOnePlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.subscribe("mei@example.com", holdfast.En)
		w.announce("news")
		facts, err := w.store.Read(t.Context(), 0, 1000)
		w.must(err)
		for _, f := range facts {
			if strings.Contains(string(f.Body)+string(f.Subject), "mei@") {
				t.Errorf("a fact has the address: %s", f.Body)
			}
		}
		docs, err := w.store.ListDocuments(t.Context(), "", "", 1000)
		w.must(err)
		if len(docs) != 1 || strings.Contains(docs[0].Key, "mei") || !strings.Contains(string(docs[0].Body), "mei@example.com") {
			t.Errorf("documents %+v", docs)
		}
		w.must(w.Erase(t.Context(), "MEI@example.com"))
		if docs, _ := w.store.ListDocuments(t.Context(), "", "", 1000); len(docs) != 0 {
			t.Errorf("after the erasure %+v", docs)
		}
		w.must(w.Erase(t.Context(), "nobody@example.com"))
	})
}

func TestUnconfirmedIsErased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.must(w.Ask(t.Context(), client, "mei@example.com", holdfast.En))
		settle(2 * time.Second)
		key := keyOf(t, w.out.take()[0].Body)
		settle(49 * time.Hour)
		if held, _ := w.Confirm(t.Context(), key); held || w.count() != (Count{}) {
			t.Errorf("after two days: %v, %+v", held, w.count())
		}
	})
}

// Asking again voids no link: the mail before is as good as the last, for as long as
// the last one says.
func TestAskingAgainKeepsTheLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var keys []string
		ids := map[string]bool{}
		for _, lang := range []holdfast.Lang{holdfast.En, holdfast.ZhHant, holdfast.En} {
			w.must(w.Ask(t.Context(), client, "mei@example.com", lang))
			settle(2 * time.Second)
			mails := w.out.take()
			if len(mails) != 1 {
				t.Fatalf("asked: %+v", mails)
			}
			keys, ids[mails[0].ID] = append(keys, keyOf(t, mails[0].Body)), true
			settle(40 * time.Hour)
		}
		if len(ids) != 3 {
			t.Error("a mail that was asked for again is taken for a repetition of the one before")
		}
		for i, key := range keys {
			if held, err := w.Confirm(t.Context(), key); !held || err != nil {
				t.Errorf("the link of mail %d: %v %v", i+1, held, err)
			}
		}
		w.must(w.Erase(t.Context(), "mei@example.com"))
		settle(time.Hour)
		w.must(w.Ask(t.Context(), client, "mei@example.com", holdfast.En))
		settle(2 * time.Second)
		if held, _ := w.Confirm(t.Context(), keys[0]); held {
			t.Error("a link from before the erasure holds")
		}
	})
}

func TestAskIsLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		// One address gets one mail within ten minutes, whoever asks for it.
		for n := range 3 {
			w.must(w.Ask(t.Context(), netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), "mei@example.com", holdfast.En))
			settle(time.Second)
		}
		if got := w.out.take(); len(got) != 1 {
			t.Errorf("%d mails to one address", len(got))
		}
		settle(11 * time.Minute)
		w.must(w.Ask(t.Context(), client, "mei@example.com", holdfast.En))
		settle(2 * time.Second)
		if got := w.out.take(); len(got) != 1 {
			t.Errorf("%d mails after eleven minutes", len(got))
		}
		// Who is subscribed gets none, and is told the same.
		w.subscribe("bo@example.com", holdfast.En)
		settle(time.Hour)
		w.must(w.Ask(t.Context(), client, "bo@example.com", holdfast.En))
		settle(2 * time.Second)
		if got := w.out.take(); len(got) != 0 {
			t.Errorf("to a subscriber: %+v", got)
		}
		refused := 0
		for n := range 20 {
			if holdfast.CodeOf(w.Ask(t.Context(), client, fmt.Sprintf("a%d@example.com", n), holdfast.En)) == holdfast.TooMany {
				refused++
			}
		}
		if refused < 14 {
			t.Errorf("of twenty at once by one client %d were refused", refused)
		}
		for _, bad := range []string{"", "mei", "Mei <mei@example.com>", "a@b\r\nBcc: c@d", strings.Repeat("a", 300) + "@example.com"} {
			if err := w.Ask(t.Context(), client, bad, holdfast.En); holdfast.CodeOf(err) != holdfast.Invalid {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
}

// Mails to the public wait while an urgent notice to staff is open.
func TestStaffComeFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.subscribe("mei@example.com", holdfast.En)
		w.busy.Store(true)
		w.announce("news")
		settle(10 * time.Minute)
		if got := w.out.take(); len(got) > 0 {
			t.Errorf("while staff are told: %+v", got)
		}
		if n := w.count(); n.Waiting != 1 {
			t.Errorf("%+v", n)
		}
		w.busy.Store(false)
		settle(2 * time.Second)
		if got := w.out.take(); len(got) != 1 {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	answer := func(r notify.Result) func(notify.Message) notify.Outcome {
		return func(notify.Message) notify.Outcome { return notify.Outcome{Result: r} }
	}
	t.Run("tried again, with the same id", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.subscribe("mei@example.com", holdfast.En)
			tries := 0
			w.out.answers(func(notify.Message) notify.Outcome {
				if tries++; tries < 3 {
					return notify.Outcome{Result: notify.Retry}
				}
				return notify.Outcome{Result: notify.Sent}
			})
			w.announce("news")
			settle(10 * time.Minute)
			got := w.out.take()
			if len(got) != 3 || got[0].ID != got[2].ID || w.count().Waiting != 0 {
				t.Errorf("%d mails, %+v", len(got), w.count())
			}
		})
	})
	t.Run("left out in the end", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.subscribe("mei@example.com", holdfast.En)
			w.out.answers(answer(notify.Unsure))
			w.announce("news")
			settle(5 * time.Hour)
			if got := len(w.out.take()); got != maxTries || w.count() != (Count{Confirmed: 1}) {
				t.Errorf("%d tries, %+v", got, w.count())
			}
			w.out.answers(nil)
			w.announce("more")
			if got := w.out.take(); len(got) != 1 || got[0].Attempt != 1 {
				t.Errorf("the next: %+v", got)
			}
		})
	})
	t.Run("refused for good", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.subscribe("mei@example.com", holdfast.En)
			w.out.answers(answer(notify.Refused))
			w.announce("one")
			w.announce("two")
			if w.count().Confirmed != 1 {
				t.Error("erased after two")
			}
			w.announce("three")
			if w.count() != (Count{}) {
				t.Errorf("after three %+v", w.count())
			}
		})
	})
}

// Several nodes serve the same addresses: each entry goes to each once.
func TestNodesShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		other := w.node(w.State, w.Book)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = other.Run(ctx) }()
		for n := range 5 {
			w.subscribe(fmt.Sprintf("p%d@example.com", n), holdfast.En)
		}
		w.announce("one")
		w.announce("two")
		settle(time.Minute)
		seen := map[string]int{}
		for _, m := range w.out.take() {
			seen[m.ID]++
		}
		if len(seen) != 10 {
			t.Errorf("%d mails of 10", len(seen))
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s went %d times", id, n)
			}
		}
		cancel()
		<-done
	})
}

// What is taken for an address can stand in a header of a mail, and is one address.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"mei@example.com", " mei@example.com ", "Mei <mei@example.com>", "a@b\r\nBcc: c@d", "\"a b\"@example.com", "梅@例子.中国", "a@b,c@d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, err := parse(text)
		if err != nil {
			return
		}
		if strings.ContainsFunc(address, unicode.IsControl) || strings.ContainsAny(address, "<> ") || len(address) > maxAddress || !strings.Contains(address, "@") {
			t.Errorf("%q is taken as %q", text, address)
		}
		if again, err := parse(address); err != nil || again != address {
			t.Errorf("%q is another the second time: %q %v", address, again, err)
		}
	})
}
