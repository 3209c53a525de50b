package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"holdfast"
	"holdfast/internal/callout"
)

// audit makes the auditor, with the dead-man's switch that the settings name.
func (c *Control) audit(told *callout.Service) (*callout.Auditor, error) {
	conf := c.opt.Config.DeadMan
	a := &callout.Auditor{Callout: told, Journal: c.store, Alerts: c.alerts, Every: conf.Every.D(), Log: c.opt.Log, Now: c.opt.Now}
	place, err := conf.URL.Read(c.opt.Env)
	if err != nil {
		return nil, fmt.Errorf("dead_man.url: %w", err)
	}
	if place == "" {
		return a, nil
	}
	u, err := url.Parse(place)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, holdfast.Errorf(holdfast.Invalid, "what dead_man.url names is no http or https address")
	}
	a.Beat = deadMan(place, conf.Method)
	return a, nil
}

// deadMan calls an outside dead-man's switch. Only 2xx is an answer. Its address is
// a secret: no error names it.
func deadMan(place, method string) func(ctx context.Context) error {
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, method, place, nil)
		if err != nil {
			return fmt.Errorf("the address cannot be called")
		}
		resp, err := client.Do(req)
		if err != nil {
			if e, ok := err.(*url.Error); ok {
				err = e.Err
			}
			return err
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<10))
		if resp.StatusCode/100 != 2 {
			return fmt.Errorf("it answered %s", resp.Status)
		}
		return nil
	}
}
