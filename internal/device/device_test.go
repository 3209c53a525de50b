package device

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/roster"
)

var (
	now   = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	clock = func() time.Time { return now }
	by    = holdfast.Self("test")
	hosts = []string{"push.example.org", "*.push.example.net"}
)

func browser(endpoint string) Subscription {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	return Subscription{Endpoint: endpoint, P256DH: text(key.PublicKey().Bytes()), Auth: text(make([]byte, authSize))}
}

type world struct {
	*Service
	t     *testing.T
	store *journal.Memory
}

func newWorld(t *testing.T) *world {
	t.Helper()
	store := journal.NewMemory("test")
	store.Now = clock
	book := roster.NewBook()
	state := journal.NewState(store, store.Genesis(), book)
	ctx, cancel := context.WithCancel(context.Background())
	folded := make(chan error, 1)
	go func() { folded <- state.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-folded })
	w := &world{t: t, store: store}
	people := roster.New(&journal.Desk{Journal: store, State: state, Now: clock}, book)
	w.must(people.Record(t.Context(), by, roster.Person{ID: "mei", Name: "梅"}, roster.Person{ID: "lin", Name: "林"}))
	s, err := New(Options{Documents: store, Roster: people, Key: "BKey", Hosts: hosts, Now: clock})
	w.must(err)
	w.Service = s
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// contacts are the addresses of a person.
func (w *world) contacts(person string) string {
	w.t.Helper()
	p, err := w.Roster.Person(person)
	w.must(err)
	var list []string
	for _, c := range p.Contacts {
		list = append(list, string(c.Channel)+" "+c.Address)
	}
	return strings.Join(list, ", ")
}

func TestDevicesAreContacts(t *testing.T) {
	t.Parallel()
	w, ctx, sub := newWorld(t), t.Context(), browser("https://push.example.org/send/s3cretcapability")
	id, err := w.Register(ctx, by, "mei", " duty phone ", sub)
	w.must(err)
	if again, err := w.Register(ctx, by, "mei", "duty phone", sub); err != nil || again != id {
		t.Errorf("registered again as %s, %v", again, err)
	}
	if got := w.contacts("mei"); got != "push "+id {
		t.Errorf("contacts: %s", got)
	}
	if got, err := w.Subscription(ctx, id); err != nil || got != sub {
		t.Errorf("%+v, %v", got, err)
	}
	list, err := w.List(ctx, "")
	w.must(err)
	shown, err := json.Marshal(list)
	w.must(err)
	facts, err := w.store.Read(ctx, 0, 100)
	w.must(err)
	told, err := json.Marshal(facts)
	w.must(err)
	for _, text := range []string{string(shown), string(told)} {
		if strings.Contains(text, "s3cret") || strings.Contains(text, sub.P256DH) || strings.Contains(text, `"auth"`) {
			t.Errorf("the subscription is shown: %s", text)
		}
	}
	if len(list) != 1 || list[0].Label != "duty phone" || list[0].Service != "push.example.org" || !list[0].Registered.Equal(now) {
		t.Errorf("%s", shown)
	}

	// Whoever uses the browser next takes it over.
	_, err = w.Register(ctx, by, "lin", "", sub)
	w.must(err)
	if a, b := w.contacts("mei"), w.contacts("lin"); a != "" || b != "push "+id {
		t.Errorf("taken over: %q, %q", a, b)
	}
	if err := w.Remove(ctx, by, "mei", id); holdfast.CodeOf(err) != holdfast.NotFound {
		t.Errorf("another's device was removed: %v", err)
	}
	w.must(w.Remove(ctx, by, "lin", id))
	if list, err := w.List(ctx, ""); err != nil || len(list) != 0 || w.contacts("lin") != "" {
		t.Errorf("after it was removed: %v, %v, %s", list, err, w.contacts("lin"))
	}
}

func TestGone(t *testing.T) {
	t.Parallel()
	w, ctx, sub := newWorld(t), t.Context(), browser("https://a.push.example.net/1")
	id, err := w.Register(ctx, by, "mei", "", sub)
	w.must(err)
	w.must(w.MarkGone(ctx, id))
	if _, err := w.Subscription(ctx, id); holdfast.CodeOf(err) != holdfast.NotFound || !strings.Contains(err.Error(), "again") {
		t.Errorf("a device that is gone: %v", err)
	}
	if list, err := w.List(ctx, "mei"); err != nil || len(list) != 1 || !list[0].Gone.Equal(now) {
		t.Errorf("%+v, %v", list, err)
	}
	_, err = w.Register(ctx, by, "mei", "", sub)
	w.must(err)
	if _, err := w.Subscription(ctx, id); err != nil {
		t.Errorf("registered again: %v", err)
	}
	w.Hosts = []string{"push.example.org"} // the settings have changed since
	if _, err := w.Subscription(ctx, id); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("a host that is no more allowed: %v", err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	w, ctx, good := newWorld(t), t.Context(), browser("https://push.example.org/1")
	for name, tt := range map[string]struct {
		person, label string
		edit          func(*Subscription)
		code          holdfast.Code
		field         string
	}{
		"nobody's account": {"", "", func(*Subscription) {}, holdfast.Invalid, ""},
		"not in roster":    {"wu", "", func(*Subscription) {}, holdfast.NotFound, ""},
		"label":            {"mei", "a\nb", func(*Subscription) {}, holdfast.Invalid, "label"},
		"http":             {"mei", "", func(s *Subscription) { s.Endpoint = "http://push.example.org/1" }, holdfast.Invalid, "endpoint"},
		"other port":       {"mei", "", func(s *Subscription) { s.Endpoint = "https://push.example.org:8443/1" }, holdfast.Invalid, "endpoint"},
		"user":             {"mei", "", func(s *Subscription) { s.Endpoint = "https://push.example.org@10.0.0.1/1" }, holdfast.Invalid, "endpoint"},
		"inside":           {"mei", "", func(s *Subscription) { s.Endpoint = "https://169.254.169.254/latest" }, holdfast.Invalid, "endpoint"},
		"other host":       {"mei", "", func(s *Subscription) { s.Endpoint = "https://xpush.example.org/1" }, holdfast.Invalid, "endpoint"},
		"bare wildcard":    {"mei", "", func(s *Subscription) { s.Endpoint = "https://push.example.net/1" }, holdfast.Invalid, "endpoint"},
		"long":             {"mei", "", func(s *Subscription) { s.Endpoint += strings.Repeat("a", maxEndpoint) }, holdfast.TooLarge, "endpoint"},
		"not a point":      {"mei", "", func(s *Subscription) { s.P256DH = "BA" + strings.Repeat("A", 85) }, holdfast.Invalid, "p256dh"},
		"short secret":     {"mei", "", func(s *Subscription) { s.Auth = "AAAA" }, holdfast.Invalid, "auth"},
	} {
		s := good
		tt.edit(&s)
		_, err := w.Register(ctx, by, tt.person, tt.label, s)
		if code := holdfast.CodeOf(err); code != tt.code {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var e *holdfast.Error
		if errors.As(err, &e); tt.field != "" && e.Field != tt.field {
			t.Errorf("%s: %+v", name, err)
		}
	}
	for i := range 10 {
		_, err := w.Register(ctx, by, "mei", "", browser(fmt.Sprintf("https://push.example.org/many/%d", i)))
		w.must(err)
	}
	if _, err := w.Register(ctx, by, "mei", "", browser("https://push.example.org/many/11")); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("one too many: %v", err)
	}
	if list, err := w.List(ctx, ""); err != nil || len(list) != 10 {
		t.Errorf("%d devices, %v", len(list), err)
	}
	w.Key = ""
	if _, err := w.Register(ctx, by, "mei", "", good); holdfast.CodeOf(err) != holdfast.Unavailable {
		t.Errorf("without a key: %v", err)
	}
}

// What is taken leads to a push service that is allowed, and nowhere else.
func FuzzCheck(f *testing.F) {
	good := browser("https://push.example.org/1")
	for _, endpoint := range []string{good.Endpoint, "https://a.push.example.net:443/x?y=1", "https://PUSH.example.org/1", "https://push.example.org\\@x/1", "https://[::1]/1", "//push.example.org/1", "https://push.example.org%2f@x/1"} {
		f.Add(endpoint, good.P256DH, good.Auth)
	}
	f.Add(good.Endpoint, good.P256DH+"=", good.Auth+"==")
	f.Fuzz(func(t *testing.T, endpoint, key, auth string) {
		err := Check(Subscription{endpoint, key, auth}, hosts)
		if err != nil {
			if holdfast.CodeOf(err) == holdfast.Internal {
				t.Fatalf("%q: %v", endpoint, err)
			}
			return
		}
		u, err := url.Parse(endpoint)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" && u.Port() != "443" {
			t.Fatalf("%q was taken", endpoint)
		}
		if host := strings.ToLower(u.Hostname()); host != "push.example.org" && !strings.HasSuffix(host, ".push.example.net") {
			t.Fatalf("%q was taken", endpoint)
		}
	})
}
