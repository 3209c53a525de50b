package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/app"
	"holdfast/internal/client"
	"holdfast/internal/roster"
)

// patience is how long anything here may take before it counts as broken.
const patience = 30 * time.Second

// sinks is how many web servers take webhooks: receivers are several hosts.
const sinks = 5

// world is a control node with people to tell, and what takes the messages.
type world struct {
	demo   *app.Demo
	client *client.Client
	people int
	undo   []func() error

	mu      sync.Mutex
	hooks   map[string]time.Time // first arrivals, by path: person
	arrived chan struct{}
}

func open(dir string, people int) (_ *world, err error) {
	w := &world{people: people, hooks: map[string]time.Time{}, arrived: make(chan struct{}, 1)}
	w.demo, err = app.OpenDemo(context.Background(), app.DemoOptions{
		Dir: dir, Seed: 1, NoMonitor: true, Zone: "UTC", Language: holdfast.En, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.demo.Run(ctx) }()
	w.undo = append(w.undo, func() error { stop(); return <-ended })
	if w.client, err = client.New(w.demo.Ready.API, w.demo.Ready.Token, holdfast.En); err != nil {
		return w, err
	}
	return w, w.record()
}

// record puts everybody into one role of those that the first notice of level 1
// tells.
func (w *world) record() error {
	var urls []string
	for range sinks {
		s := httptest.NewServer(http.HandlerFunc(w.hook))
		w.undo = append(w.undo, func() error { s.Close(); return nil })
		urls = append(urls, s.URL)
	}
	var list []roster.Person
	for i := range w.people {
		id := fmt.Sprintf("p%03d", i)
		list = append(list, roster.Person{ID: id, Name: id, Lang: holdfast.En, Roles: []string{"superior"}, Contacts: []roster.Contact{
			{Channel: roster.SMTP, Address: id + "@bench.invalid"}, {Channel: roster.Webhook, Address: urls[i%sinks] + "/" + id},
		}})
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return w.client.Do(ctx, "POST", "/people", api.RosterText{Text: string(roster.EncodePeople(list))}, nil)
}

func (w *world) hook(_ http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	if _, again := w.hooks[r.URL.Path]; !again {
		w.hooks[r.URL.Path] = time.Now()
	}
	w.mu.Unlock()
	select {
	case w.arrived <- struct{}{}:
	default:
	}
}

func (w *world) close() (err error) {
	for i := len(w.undo) - 1; i >= 0; i-- {
		if e := w.undo[i](); err == nil {
			err = e
		}
	}
	return err
}

// page confirms an incident at level 1 and waits until everybody has been told.
func (w *world) page(ctx context.Context) (figures, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	made, err := client.Post[client.Created](ctx, w.client, "/incidents", api.Suspect{Title: "bench"})
	if err != nil {
		return figures{}, err
	}
	w.mu.Lock()
	clear(w.hooks)
	w.mu.Unlock()
	begin := time.Now()
	if err := w.client.Do(ctx, "POST", "/incidents/"+made.ID+"/confirm", api.Confirm{Level: holdfast.Level1}, nil); err != nil {
		return figures{}, err
	}
	var times []time.Time
	for len(times) < 2*w.people {
		if times, err = w.arrivals(ctx, begin); err != nil {
			return figures{}, fmt.Errorf("%d of %d messages have arrived: %w", len(times), 2*w.people, err)
		}
	}
	first, last := times[0], times[0]
	for _, t := range times {
		if t.Before(first) {
			first = t
		}
		if t.After(last) {
			last = t
		}
	}
	ms := func(t time.Time) float64 { return float64(t.Sub(begin).Microseconds()) / 1000 }
	return figures{w.people, ms(first), ms(last), float64(len(times)) / max(last.Sub(first), time.Millisecond).Seconds()}, nil
}

// arrivals waits a moment, and returns when each person's first mail and first
// webhook arrived.
func (w *world) arrivals(ctx context.Context, since time.Time) (times []time.Time, err error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-w.arrived:
	case <-time.After(20 * time.Millisecond): // mail says nothing here
	}
	mails := map[string]time.Time{}
	for _, m := range w.demo.Office.Messages() { // newest first
		for _, to := range m.To {
			if strings.HasSuffix(to, "@bench.invalid") && m.Time.After(since) {
				mails[to] = m.Time
			}
		}
	}
	for _, t := range mails {
		times = append(times, t)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.hooks {
		times = append(times, t)
	}
	return times, nil
}
