package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/client"
	"holdfast/internal/roster"
)

// mailSink is a mail server that takes what it is sent or, while it hangs, reads a
// mail and never answers.
type mailSink struct {
	address string
	mu      sync.Mutex
	taken   map[string]int // by Message-ID
	hung    map[string]bool
	release chan struct{} // closed when it hangs no more; nil if it does not
	begun   chan struct{} // gets a signal as a mail begins to hang
}

func openMailSink(t *testing.T, hangs bool) *mailSink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailSink{address: l.Addr().String(), taken: map[string]int{}, hung: map[string]bool{}, begun: make(chan struct{}, 1)}
	if hangs {
		m.release = make(chan struct{})
	}
	server := smtp.NewServer(m)
	server.Domain, server.EnableSMTPUTF8, server.ErrorLog = "test", true, log.New(io.Discard, "", 0)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		m.recover()
		server.Close()
		<-ended
	})
	return m
}

// NewSession implements smtp.Backend.
func (m *mailSink) NewSession(*smtp.Conn) (smtp.Session, error) { return &mailSession{m}, nil }

type mailSession struct{ *mailSink }

func (s *mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s *mailSession) Reset()                               {}
func (s *mailSession) Logout() error                        { return nil }

func (s *mailSession) Data(r io.Reader) error {
	mail, err := netmail.ReadMessage(r)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, mail.Body); err != nil {
		return err
	}
	id, _, _ := strings.Cut(strings.Trim(mail.Header.Get("Message-Id"), "<>"), "@")
	s.mu.Lock()
	release := s.release
	if release == nil {
		s.taken[id]++
	} else {
		s.hung[id] = true
	}
	s.mu.Unlock()
	if release == nil {
		return nil
	}
	select {
	case s.begun <- struct{}{}:
	default:
	}
	<-release
	return errors.New("nobody waits for this answer")
}

// recover lets the server answer again.
func (m *mailSink) recover() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.release != nil {
		close(m.release)
		m.release = nil
	}
}

// openPaging starts a control node alone that pages through these channels.
func openPaging(t *testing.T, settings ...string) *system {
	t.Helper()
	s := newSystem(t)
	at := freeAddress(t)
	s.ready.API = "http://" + at
	s.control = s.newProcess("control", "gates connect to", append([]string{
		"serve", "--data", s.path("control"), "--listen-console", at, "--listen-fleet", freeAddress(t)}, settings...)...)
	s.control.start()
	s.serves = s.control.serves
	return s
}

func mailSettings(address string) []string {
	host, port, _ := net.SplitHostPort(address)
	return []string{"--notices-smtp-host", host, "--notices-smtp-port", port, "--notices-smtp-starttls=false", "--notices-smtp-from", "duty@example.org"}
}

// page confirms an incident at level 1.
func (s *system) page() (incident string) {
	s.t.Helper()
	ctx, cancel := limited(s.t, context.Background())
	defer cancel()
	made, err := client.Post[client.Created](ctx, s.api(), "/incidents", api.Suspect{Title: "payments fail"})
	if err == nil {
		err = s.api().Do(ctx, http.MethodPost, "/incidents/"+made.ID+"/confirm", api.Confirm{Level: holdfast.Level1}, nil)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return made.ID
}

// asked is a notice as the journal has it, and the kinds of what became of it.
type asked struct {
	Incident, Task, Person, Channel string
	Urgent                          bool
	Again                           int
	facts                           []string
}

// notices reads from the journal what was asked for and what became of it.
func (s *system) notices() map[string]*asked {
	s.t.Helper()
	s.readJournal()
	all := map[string]*asked{}
	for _, f := range s.facts {
		switch noun, id := f.Subject.Split(); {
		case noun != "notice":
		case f.Kind == "notice.asked":
			n := &asked{}
			if err := json.Unmarshal(f.Body, n); err != nil {
				s.t.Fatal(err)
			}
			all[id] = n
		default:
			all[id].facts = append(all[id].facts, strings.TrimPrefix(f.Kind, "notice."))
		}
	}
	return all
}

// awaitNotices waits until something of the notices is so.
func (s *system) awaitNotices(what string, ok func(map[string]*asked) bool) map[string]*asked {
	s.t.Helper()
	ctx, cancel := limited(s.t, context.Background())
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		all := s.notices()
		if ok(all) {
			return all
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			for id, n := range all {
				s.t.Logf("%s to %s by %s (%s): %v", id, n.Person, n.Channel, n.Task, n.facts)
			}
			s.t.Fatalf("it never came to pass that %s", what)
		}
	}
}

func (n *asked) ended(kind string) bool { return len(n.facts) > 0 && n.facts[len(n.facts)-1] == kind }

// The control node is killed as kill -9 does while the mail server hangs in the
// middle of the urgent notice's mails. Started again, it sends to everybody: nobody is
// forgotten, and who gets a mail a second time gets the same one.
func TestPageOutlivesAKill(t *testing.T) {
	t.Parallel()
	sink := openMailSink(t, true)
	s := openPaging(t, mailSettings(sink.address)...)
	s.page()
	<-sink.begun
	before := s.awaitNotices("several mails were being sent", func(all map[string]*asked) bool {
		sending := 0
		for _, n := range all {
			if n.ended("sending") {
				sending++
			}
		}
		return sending > 1
	})
	s.control.kill()
	sink.recover()
	s.control.start()
	after := s.awaitNotices("everybody was told", func(all map[string]*asked) bool {
		for id, n := range before {
			if n.Channel == string(roster.SMTP) && !all[id].ended("delivered") {
				return false
			}
		}
		return true
	})
	sink.mu.Lock()
	defer sink.mu.Unlock()
	again := 0
	for id, n := range before {
		if n.Channel != string(roster.SMTP) {
			continue
		}
		facts := strings.Join(after[id].facts, " ")
		if sink.taken[id] != 1 {
			t.Errorf("%s got the mail %d times", n.Person, sink.taken[id])
		}
		if sink.hung[id] {
			again++
			// It is said that nobody knows whether the first one arrived.
			if !strings.HasPrefix(facts, "sending doubtful sending") {
				t.Errorf("what was being sent to %s: %s", n.Person, facts)
			}
		}
	}
	if again == 0 || len(before) < 4 {
		t.Errorf("of %d notices %d were in the middle of being sent", len(before), again)
	}
	s.control.stop()
}

// All channels but one are down: the mail server is not there, the gateway for short
// messages answers with errors. Everybody is reached by the one that is left, and what
// failed says why.
func TestOneChannelLeft(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	got := map[string]int{}
	hooks := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got[strings.TrimPrefix(r.URL.Path, "/")]++
	}))
	t.Cleanup(hooks.Close)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the provider is under maintenance", http.StatusServiceUnavailable)
	}))
	t.Cleanup(gateway.Close)
	secret := t.TempDir() + "/webhook"
	if err := os.WriteFile(secret, []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjU\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openPaging(t, append(mailSettings(freeAddress(t)), "--notices-webhook-secret", "file:"+secret,
		"--notices-sms-provider", "http", "--notices-sms-http-url", gateway.URL, "--notices-sms-http-body", `{"to":"{to}","text":"{text}"}`)...)
	var list []roster.Person
	people := map[string]bool{}
	for i, role := range []string{"superior", "superior", "technology-head", "operations-head", "risk-head"} {
		id := fmt.Sprintf("p%d", i)
		people[id] = true
		list = append(list, roster.Person{ID: id, Name: id, Lang: holdfast.En, Roles: []string{role}, Contacts: []roster.Contact{
			{Channel: roster.SMTP, Address: id + "@example.com"}, {Channel: roster.SMS, Address: fmt.Sprintf("+8869120000%02d", i)},
			{Channel: roster.Webhook, Address: hooks.URL + "/" + id},
		}})
	}
	if err := s.api().Do(t.Context(), http.MethodPost, "/people", api.RosterText{Text: string(roster.EncodePeople(list))}, nil); err != nil {
		t.Fatal(err)
	}
	incident := s.page()
	all := s.awaitNotices("everybody was reached by the channel that is left, and the others have failed", func(all map[string]*asked) bool {
		reached, failed := 0, 0
		for _, n := range all {
			switch {
			case !people[n.Person] || n.Incident != incident || n.Again > 0:
			case n.Channel == string(roster.Webhook) && n.ended("delivered"):
				reached++
			case len(n.facts) > 1:
				failed++
			}
		}
		return reached == len(people) && failed == 2*len(people)
	})
	for id, n := range all {
		if people[n.Person] && n.Channel != string(roster.Webhook) {
			for _, fact := range n.facts {
				if fact == "delivered" || fact == "gave-up" {
					t.Errorf("%s to %s by %s: %v", id, n.Person, n.Channel, n.facts)
				}
			}
		}
	}
	mu.Lock()
	for id := range people {
		if got[id] == 0 {
			t.Errorf("%s was never reached", id)
		}
	}
	mu.Unlock()
	s.control.stop()
}
