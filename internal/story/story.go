// Package story plays the level-1 outage of the demo from beginning to end, by
// itself and on the real parts: what people do, it does over the API, under the
// two accounts of the demo; what follows by itself, it waits for. It changes the
// simulated payment world only through that world's control API.
//
// The chapters are one list, [chapters]. The story ends well only if the
// independent checker finds no payment lost, doubled, wrong, denied or owed, and every
// payment whose outcome was unknown is listed and resolved.
package story

import (
	"context"
	"fmt"
	"io"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/api"
	"holdfast/internal/client"
	"holdfast/internal/sandbox"
	"holdfast/internal/sandbox/checker"
	"holdfast/internal/view"
)

// Options say where the parts of a demo answer.
type Options struct {
	// URL is the control node, Token one of an account that is duty officer,
	// commander and admin; Second is the account of another commander, Superior that of
	// who signs the debrief with him.
	URL, Token, Second, Superior string
	// Sandbox is the control API of the simulated world.
	Sandbox, SandboxToken string
	// PostOffice is where the notices can be read; "" leaves them out.
	PostOffice string
	// Pace is the pause after each chapter, for people to follow.
	Pace time.Duration
	Out  io.Writer
	Now  func() time.Time
}

// Result is how the story ended.
type Result struct {
	Incident string         `json:"incident"`
	Report   checker.Report `json:"report"`
	// Unknown counts the payments whose outcome was unknown at a gate; each is
	// settled.
	Unknown int `json:"unknown"`
}

// story is one that is being played.
type story struct {
	Options
	Result
	duty, commander, world *client.Client
	begun                  time.Time
	rate                   float64
	in                     view.Incident
	// stopped is the stop's directive, standing that of the stand-in.
	stopped, standing string
}

// chapters are the story, in order.
var chapters = []struct {
	title string
	play  func(*story, context.Context) error
}{
	{"Payments flow", (*story).flow},
	{"The payment system fails", (*story).fail},
	{"The gates' own counts raise an alert by themselves", (*story).detect},
	{"The duty officer confirms level 1", (*story).confirm},
	{"Superiors and heads of department are told", (*story).tell},
	{"Payments are stopped, and the stop is confirmed", (*story).stop},
	{"The gates stand in", (*story).standIn},
	{"The emergency team is convened", (*story).convene},
	{"The fault is handled", (*story).handle},
	{"Functional tests pass", (*story).probe},
	{"Payments come back step by step", (*story).ramp},
	{"The debrief is written and the incident closed", (*story).debrief},
	{"Customers in doubt settle", (*story).settle},
	{"The independent checker's verdict", (*story).verdict},
}

// Play plays the story once. The error says what went otherwise than it must;
// code Conflict if an incident is open already.
func Play(ctx context.Context, o Options) (Result, error) {
	s := &story{Options: o, begun: o.Now()}
	if err := s.connect(); err != nil {
		return s.Result, err
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return s.Result, fmt.Errorf("the second person signs in: %w", err)
	}
	defer leave()
	defer s.resume()
	for i, c := range chapters {
		fmt.Fprintf(o.Out, "\n%d. %s\n", i+1, c.title)
		if err := c.play(s, ctx); err != nil {
			return s.Result, fmt.Errorf("%s: %w", c.title, err)
		}
		if i+1 < len(chapters) && !pause(ctx, o.Pace) {
			return s.Result, ctx.Err()
		}
	}
	return s.Result, nil
}

func (s *story) connect() (err error) {
	if s.duty, err = client.New(s.URL, s.Token, holdfast.En); err != nil {
		return err
	}
	s.world, err = client.NewSandbox(s.Sandbox, s.SandboxToken)
	return err
}

// enter lets the second person act, with a token that counts until the story is
// over.
func (s *story) enter(ctx context.Context) (leave func(), err error) {
	s.commander, leave, err = s.as(ctx, s.Second, access.Grants(access.Commander))
	return leave, err
}

// as lets a person act with a token that counts until he leaves.
func (s *story) as(ctx context.Context, account string, scopes []access.Action) (person *client.Client, leave func(), err error) {
	in := api.NewToken{Account: account, Name: "story", Scopes: scopes, Expires: s.Now().Add(time.Hour).UTC()}
	t, err := client.Post[api.Issued](ctx, s.duty, "/tokens", in)
	if err != nil {
		return nil, nil, err
	}
	leave = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		s.duty.Do(ctx, "POST", "/tokens/"+t.ID+"/revoke", nil, nil) // it expires by itself, too
	}
	person, err = client.New(s.URL, t.Token, holdfast.En)
	return person, leave, err
}

// say prints one line with the time.
func (s *story) say(format string, args ...any) {
	fmt.Fprintf(s.Out, "   %s  %s\n", s.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// patience is how long anything of the story may take to come about: what takes
// seconds takes minutes on a machine that is short of time. look is how often the
// story looks whether it has.
const (
	patience = 4 * time.Minute
	look     = 200 * time.Millisecond
)

// until looks again and again.
func (s *story) until(ctx context.Context, what string, ok func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		done, err := ok(ctx)
		switch {
		case ctx.Err() != nil:
			return holdfast.Errorf(holdfast.Unavailable, "%s did not come about within %v", what, patience).Because(ctx.Err())
		case done || err != nil:
			return err
		}
		pause(ctx, look)
	}
}

// refresh reads the incident as it is now.
func (s *story) refresh(ctx context.Context) (err error) {
	s.in, err = client.Get[view.Incident](ctx, s.duty, s.path(""))
	return err
}

func (s *story) path(rest string) string { return "/incidents/" + s.Incident + rest }

// task finds a task of the incident as last read.
func (s *story) task(id string) view.Task {
	for _, st := range s.in.Stages {
		for _, t := range st.Tasks {
			if t.ID == id {
				return t
			}
		}
	}
	return view.Task{}
}

// ended waits until a task has ended.
func (s *story) ended(ctx context.Context, id string) error {
	return s.until(ctx, "the end of task "+id, func(ctx context.Context) (bool, error) {
		err := s.refresh(ctx)
		return s.task(id).Status == "done", err
	})
}

// stats are the simulated world's counts.
func (s *story) stats(ctx context.Context) (sandbox.Stats, error) {
	return client.Get[sandbox.Stats](ctx, s.world, "/stats?seconds=5")
}

// resume lets customers arrive again as before, however the story ended.
func (s *story) resume() {
	if s.rate == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s.world.Do(ctx, "PUT", "/traffic", map[string]float64{"rate": s.rate}, nil) // where nobody answers, nobody pays
}
