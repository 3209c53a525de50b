package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/client"
	"holdfast/internal/view"
)

// Two control nodes share one PostgreSQL database, which the demo's journal was
// copied to. The same alert reaches both at once, people are told by both, each
// node is killed in turn: there is one incident each time, and every notice is
// sent once.
func TestTwoControlNodes(t *testing.T) {
	t.Parallel()
	database := startDatabase(t)
	s := &system{dir: t.TempDir()}
	s.world = &world{t: t, ready: furnish(t, s.dir)}
	if out, complaint, code := run(t, "journal", "copy", "--from", s.path("control"), "--to", database.Source()); code != 0 {
		t.Fatalf("journal copy ends with %d: %s%s", code, out, complaint)
	}
	told := newReceiver(t)
	secret := s.path("secret")
	if err := os.WriteFile(secret, []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), 0o600); err != nil {
		t.Fatal(err)
	}
	var nodes []*twin
	for n := range 2 {
		at := freeAddress(t)
		name := fmt.Sprint("node-", n+1)
		p := s.newProcess(name, "console and API at", "serve", "--data", s.path(name), "--journal-database", database.Source(),
			"--listen-console", at, "--notices-webhook-secret", "file:"+secret)
		p.start()
		nodes = append(nodes, &twin{p, "http://" + at, s.apiAt(t, "http://"+at)})
	}
	people := told.people("superior", "technology-head", "operations-head", "risk-head")
	if err := nodes[0].api.Do(t.Context(), http.MethodPost, "/people", map[string]string{"text": people}, nil); err != nil {
		t.Fatal(err)
	}
	one, two := nodes[0], nodes[1]
	s.respond(told, one, two, s.alarm(nodes))
	one.kill()
	s.respond(told, two, two, "")
	one.start()
	two.kill()
	s.respond(told, one, one, "")
	two.start()
	s.respond(told, two, one, "")

	for id, n := range told.counts() {
		if n != 1 {
			t.Errorf("notice %s was sent %d times", id, n)
		}
	}
	if got, want := len(told.counts()), 4*4; got != want {
		t.Errorf("%d notices were sent, not %d", got, want)
	}
	sameJournal(t, nodes)
	for _, n := range nodes {
		n.stop()
	}
	if out, complaint, code := run(t, "archive", "verify", "--data", database.Source()); code != 0 {
		t.Errorf("archive verify ends with %d: %s%s", code, out, complaint)
	}
}

// twin is one of the control nodes.
type twin struct {
	*process
	url string
	api *client.Client
}

func (s *system) apiAt(t *testing.T, base string) *client.Client {
	t.Helper()
	c, err := client.New(base, s.ready.Token, holdfast.En)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// alarm has the same alert reach both nodes at once, and returns the one incident
// that it opens.
func (s *system) alarm(nodes []*twin) string {
	s.t.Helper()
	monitor := monitorToken(s.t, s.dir)
	var wg sync.WaitGroup
	for _, n := range nodes {
		wg.Go(func() {
			if err := deliver(s.t.Context(), n.url, monitor); err != nil {
				s.t.Error(err)
			}
		})
	}
	wg.Wait()
	var id string
	s.await(nodes[1], "an incident is open", func() bool {
		page, err := client.Get[view.Page[view.Incident]](s.t.Context(), nodes[1].api, "/incidents?open=true")
		if err != nil {
			s.t.Fatal(err)
		}
		for _, in := range page.Items {
			id = in.ID
		}
		if len(page.Items) > 1 {
			s.t.Fatalf("one alert opened %d incidents", len(page.Items))
		}
		return id != ""
	})
	return id
}

// respond opens an incident at one node, unless it is open, confirms it at another
// and waits until everybody was told. The nodes may be the same.
func (s *system) respond(told *receiver, at, then *twin, id string) {
	s.t.Helper()
	ctx := s.t.Context()
	before := len(told.counts())
	if id == "" {
		opened, err := client.Post[client.Created](ctx, at.api, "/incidents", map[string]any{"title": "payments fail"})
		if err != nil {
			s.t.Fatal(err)
		}
		id = opened.ID
	}
	s.await(then, "the other node knows", func() bool {
		_, err := client.Get[view.Incident](ctx, then.api, "/incidents/"+id)
		return err == nil
	})
	if err := then.api.Do(ctx, http.MethodPost, "/incidents/"+id+"/confirm", map[string]any{"level": 1}, nil); err != nil {
		s.t.Fatal(err)
	}
	patient, cancel := limited(s.t, ctx)
	defer cancel()
	select {
	case <-told.until(before + 4):
	case <-patient.Done():
		s.t.Fatalf("only %d people were told", len(told.counts())-before)
	}
	s.await(then, "the notices are recorded as delivered", func() bool { return delivered(s.t, then.api, id) == 4 })
}

// await waits for something to come true, looking whenever a node has folded a
// fact.
func (s *system) await(n *twin, what string, ok func() bool) {
	s.t.Helper()
	s.ready.API = n.url
	s.until(what, ok)
}

func deliver(ctx context.Context, url, monitor string) error {
	sender, err := client.New(url, monitor, holdfast.En)
	if err != nil {
		return err
	}
	return sender.Do(ctx, http.MethodPost, "/intake/alertmanager", map[string]any{
		"version": "4", "status": "firing", "receiver": "holdfast",
		"alerts": []any{map[string]any{
			"status": "firing", "labels": map[string]string{"alertname": "PaymentsFail", "severity": "critical"},
			"annotations": map[string]string{"summary": "all payments fail"}, "startsAt": time.Now().UTC().Truncate(time.Hour), "fingerprint": "f00d",
		}},
	}, nil)
}

func delivered(t *testing.T, api *client.Client, incident string) (n int) {
	t.Helper()
	in, err := client.Get[view.Incident](t.Context(), api, "/incidents/"+incident)
	if err != nil {
		t.Fatal(err)
	}
	for _, stage := range in.Stages {
		for _, task := range stage.Tasks {
			if task.Notice == nil {
				continue
			}
			for _, p := range task.Notice.People {
				for _, notice := range p.Notices {
					if notice.State == "delivered" {
						n++
					}
				}
			}
		}
	}
	return n
}

// sameJournal reads the last facts at each node.
func sameJournal(t *testing.T, nodes []*twin) {
	t.Helper()
	read := func(n *twin) map[holdfast.Position]holdfast.Hash {
		hashes := map[holdfast.Position]holdfast.Hash{}
		for after := 0; ; {
			page, err := client.Get[view.Page[holdfast.Fact]](t.Context(), n.api, fmt.Sprintf("/journal?limit=500&after=%d", after))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range page.Items {
				hashes[f.Position] = f.Hash
			}
			if after = page.Next; after == 0 {
				return hashes
			}
		}
	}
	one, two := read(nodes[0]), read(nodes[1])
	for p, h := range one {
		if two[p] != h {
			t.Errorf("the nodes disagree on position %d", p)
		}
	}
}

// receiver is where everybody's notices go. It counts them by their id.
type receiver struct {
	url string

	mu    sync.Mutex
	sent  map[string]int
	waits map[int]chan struct{}
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{sent: map[string]int{}, waits: map[int]chan struct{}{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent[q.Header.Get("webhook-id")]++
	if wait := r.waits[len(r.sent)]; wait != nil {
		close(wait)
		delete(r.waits, len(r.sent))
	}
	w.WriteHeader(http.StatusNoContent)
}

// until is closed once so many different notices were received.
func (r *receiver) until(n int) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := make(chan struct{})
	if len(r.sent) >= n {
		close(wait)
	} else {
		r.waits[n] = wait
	}
	return wait
}

func (r *receiver) counts() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := map[string]int{}
	for id, n := range r.sent {
		counts[id] = n
	}
	return counts
}

// people is a roster with one person for each role, who is told here only.
func (r *receiver) people(roles ...string) string {
	text := "format: holdfast-people/1\npeople:\n"
	for i, id := range []string{"chen.zong", "zhao.jishu", "lin.zhihui", "sun.fengkong"} {
		text += fmt.Sprintf("  - id: %s\n    name: %s\n    roles: [%s]\n    contacts: [{channel: webhook, address: %q}]\n", id, id, roles[i], r.url+"/"+id)
	}
	return text
}
