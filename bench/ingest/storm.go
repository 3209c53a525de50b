package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/app"
	"holdfast/internal/client"
	"holdfast/internal/view"
)

// node is the node under the storm, as a monitoring system, a program and a person
// reach it.
type node struct {
	api     *client.Client
	base    string
	monitor string // the token of the sender
	sender  *http.Client
	person  *http.Client
	// pages are what the person looks at, in turn.
	pages []page
}

// page is a page of the console and how long each look at it took.
type page struct {
	name  string
	path  func() string
	looks []time.Duration
}

// atOnce is how many deliveries may be under way. One that finds none free waits, and
// its wait counts.
const atOnce = 64

func newNode(r app.Ready, dir string) (*node, error) {
	content, err := os.ReadFile(filepath.Join(dir, "demo.json"))
	if err != nil {
		return nil, err
	}
	var kept struct{ Monitor string }
	if err := json.Unmarshal(content, &kept); err != nil {
		return nil, err
	}
	api, err := client.New(r.API, r.Token, holdfast.En)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	n := &node{
		api: api, base: r.API, monitor: kept.Monitor, person: &http.Client{Jar: jar, Timeout: 30 * time.Second},
		sender: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}},
	}
	resp, err := n.person.PostForm(r.Console+"/sign-in", url.Values{"name": {r.Account}, "password": {r.Password}})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || len(jar.Cookies(resp.Request.URL)) == 0 {
		return nil, fmt.Errorf("sign in: %s", resp.Status)
	}
	at := func(path string) func() string { return func() string { return path } }
	n.pages = []page{
		{name: "page Posture", path: at("/")}, {name: "page Alerts", path: at("/alerts")},
		{name: "  a search there", path: at("/alerts?q=host-77")}, {name: "page of an incident", path: n.latest},
	}
	return n, nil
}

// latest leads to the incident that was opened last, or, before there is one, to all.
func (n *node) latest() string {
	list, err := client.Get[view.Page[view.Incident]](context.Background(), n.api, "/incidents?limit=1")
	if err != nil || len(list.Items) == 0 {
		return "/incidents"
	}
	return "/incidents/" + list.Items[0].ID
}

// weather lets the storm loose on the node, and looks at its pages meanwhile. It
// returns how long each delivery took from its due instant.
func (n *node) weather(ctx context.Context, s storm) (accepted []time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	over := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			p := &n.pages[i%len(n.pages)]
			path := p.path()
			begun := time.Now()
			if err := n.look(ctx, path); err != nil {
				cancel(err)
				return
			}
			p.looks = append(p.looks, time.Since(begun))
			select {
			case <-over:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	accepted, err = s.send(ctx, func(ctx context.Context, i int) error { return n.deliver(ctx, i, s.causes) })
	close(over)
	looking.Wait()
	return accepted, errors.Join(err, context.Cause(ctx))
}

// send delivers the storm's alerts, each at its due instant, and returns how long each
// took from then on. The first error ends it.
func (s storm) send(ctx context.Context, deliver func(ctx context.Context, i int) error) ([]time.Duration, error) {
	total := int(float64(s.perMinute) * s.length.Minutes())
	every := s.length / time.Duration(max(1, total))
	accepted := make([]time.Duration, total)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begun := time.Now()
	jobs := make(chan int)
	var sending sync.WaitGroup
	for range atOnce {
		sending.Go(func() {
			for i := range jobs {
				if err := deliver(ctx, i); err != nil {
					cancel(err)
				}
				accepted[i] = time.Since(begun.Add(time.Duration(i) * every))
			}
		})
	}
	for i := range total {
		time.Sleep(time.Until(begun.Add(time.Duration(i) * every)))
		if ctx.Err() != nil {
			break
		}
		jobs <- i
	}
	close(jobs)
	sending.Wait()
	return accepted, context.Cause(ctx)
}

// deliver delivers alert i.
func (n *node) deliver(ctx context.Context, i, causes int) error {
	a := alertOf(i, causes)
	a["status"] = "firing"
	body, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": fmt.Sprintf(`{}:{channel="c%d"}`, i%causes), "alerts": []any{a},
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.base+"/api/v1/intake/alertmanager", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+n.monitor)
	return expect(n.sender, req, http.StatusNoContent)
}

// alertOf is alert i, as Alertmanager writes it and takes it.
func alertOf(i, causes int) map[string]any {
	cause := fmt.Sprint("c", i%causes)
	return map[string]any{
		"startsAt":    time.Now(),
		"labels":      map[string]string{"alertname": "Storm", "severity": "major", "channel": cause, "instance": fmt.Sprint("host-", i)},
		"annotations": map[string]string{"summary": fmt.Sprintf("Payments by channel %s fail on host %d", cause, i)},
	}
}

func (n *node) look(ctx context.Context, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.base+path, nil)
	if err != nil {
		return err
	}
	return expect(n.person, req, http.StatusOK)
}

func expect(c *http.Client, req *http.Request, status int) error {
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != status {
		return fmt.Errorf("%s %s: %s", req.Method, req.URL.Path, resp.Status)
	}
	return nil
}

// settle waits until no alert of the storm waits, and counts alerts and incidents.
func (n *node) settle(ctx context.Context, f *figures) error {
	for deadline := time.Now().Add(2 * time.Minute); ; {
		waiting, err := client.Get[view.Page[view.Alert]](ctx, n.api, "/alerts?waiting=1&q=storm&limit=1")
		if err != nil {
			return err
		}
		if waiting.Total == 0 {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d alerts still wait", waiting.Total)
		}
		time.Sleep(100 * time.Millisecond)
	}
	incidents, err := client.Get[view.Page[view.Incident]](ctx, n.api, "/incidents?open=1&limit=500")
	if err != nil {
		return err
	}
	kept := 0
	for _, in := range incidents.Items {
		whole, err := client.Get[view.Incident](ctx, n.api, "/incidents/"+in.ID)
		if err != nil {
			return err
		}
		if len(whole.Alerts) > 0 && whole.Alerts[0].Labels["alertname"] == "Storm" {
			f.Incidents++
			kept += whole.AlertsTotal
		}
	}
	f.Lost = f.Sent - kept
	return nil
}
