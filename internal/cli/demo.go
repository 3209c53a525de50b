package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/app"
	"holdfast/internal/client"
	"holdfast/internal/story"
	"holdfast/internal/telemetry"
	"holdfast/internal/view"
)

func (s *shell) demo() *cobra.Command {
	var o app.DemoOptions
	var ready, level string
	var play, oneGate bool
	var pace time.Duration
	cmd := &cobra.Command{
		Use: "demo", Short: "Run Holdfast whole, with a simulated payment system under traffic", Args: cobra.NoArgs,
		Long: `Run Holdfast whole on this machine: a control node with console and API, two
gates, and behind them a simulated payment system under live traffic, until
SIGINT or SIGTERM. Everything is kept in the directory --data; a demo started
again in it goes on where it was.

With --story it plays a level-1 outage by itself, from the alert over stand-in and
the way back to the debrief, and ends with the verdict of an independent checker:
code 0 only if no payment is lost, doubled, wrong or denied, the primary has what
was stood in for, and every unknown one is listed and resolved.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			output, err := openLog(o.Dir)
			if err != nil {
				return err
			}
			defer output.Close()
			if o.Log, err = telemetry.NewLogger(output, level, "text"); err != nil {
				return err
			}
			o.Output, o.Now, o.Program, o.SecondGate = output, s.Now, s.Program, !oneGate
			d, err := app.OpenDemo(cmd.Context(), o)
			if errors.Is(err, syscall.EADDRINUSE) {
				return holdfast.Errorf(holdfast.Unavailable, "an address is taken; is a demo running in %s already?", o.Dir).Because(err)
			}
			if err != nil {
				return err
			}
			return s.runDemo(cmd.Context(), d, func(ctx context.Context) error {
				if err := s.introduce(ctx, d, ready, o); err != nil || !play {
					return err
				}
				return s.play(ctx, d, pace)
			}, play)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Dir, "data", "demo-data", "directory that keeps everything")
	f.StringVar(&o.Console, "listen-console", "", "address of console and API (default: as before, else a free port of 127.0.0.1)")
	f.StringVar(&o.Gate, "listen-gate", "", "address of gate-1")
	f.StringVar(&o.Fleet, "listen-fleet", "", "address gates of other processes connect to")
	f.Float64Var(&o.Rate, "rate", 40, "mean number of payments per second")
	f.BoolVar(&o.Daily, "daily", false, "let the rate follow the hours of a day, with its nights, meal times and pay days")
	f.Uint64Var(&o.Seed, "seed", 1, "decides everything random in the simulated world")
	f.StringVar(&o.Zone, "time-zone", "Asia/Taipei", "the operator's time zone")
	f.StringVar((*string)(&o.Language), "language", string(holdfast.ZhHant), "the operator's language: zh-Hant, zh-Hans, en")
	f.BoolVar(&o.Empty, "empty", false, "start a new demo without plan, people and roles, to begin as on the first day")
	f.BoolVar(&oneGate, "no-second-gate", false, "run one gate only, in this process")
	f.BoolVar(&o.NoMonitor, "no-monitor", false, "leave out the simulated monitoring system: the gates' own counts have to tell")
	f.BoolVar(&play, "story", false, "play a level-1 outage by itself, then end")
	f.DurationVar(&pace, "pace", 3*time.Second, "pause after each chapter of the story")
	f.StringVar(&level, "log-level", "info", "what goes into the log: debug, info, warn or error")
	readyFlag(cmd, &ready)
	return cmd
}

// logFile is the demo's log in its directory: the terminal is for people.
const logFile = "demo.log"

func openLog(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the demo's directory: %w", err)
	}
	return os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
}

// runDemo runs the demo and, beside it, what is done with it. If that fails, or is
// all there was to do, the demo ends.
func (s *shell) runDemo(ctx context.Context, d *app.Demo, do func(context.Context) error, once bool) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	did := make(chan error, 1)
	go func() {
		err := do(ctx)
		if err != nil || once {
			stop()
		}
		did <- err
	}()
	runErr := d.Run(ctx)
	stop()
	err := <-did
	if runErr != nil && errors.Is(err, context.Canceled) {
		err = nil // it could not go on because the demo failed
	}
	if errors.Is(err, context.Canceled) && !once {
		err = nil // a signal came before everything answered
	}
	return errors.Join(runErr, err)
}

// introduce waits until everything answers, then says where.
func (s *shell) introduce(ctx context.Context, d *app.Demo, ready string, o app.DemoOptions) error {
	p, err := s.answers(ctx, d.Ready, o.SecondGate)
	if err != nil {
		return err
	}
	if err := atReady(ready, d.Ready); err != nil {
		return err
	}
	r := d.Ready
	if s.json {
		return s.printJSON(r)
	}
	flow := "payments flow"
	if p.Band.State != "normal" {
		flow = "it goes on where it was: " + bandText(p.Band)
	}
	s.say(`Holdfast is running; %s.

  Console      %s
%s  Password     %s, for all
  Payments     %s
  Post office  %s
  Public page  %s/status/
  Log          %s
  API          export HOLDFAST_URL=%s HOLDFAST_TOKEN=%s
  Simulation   export HOLDFAST_SANDBOX_URL=%s HOLDFAST_SANDBOX_TOKEN=%s

Strike it:     in another terminal, "make build", paste the two lines with export, then
               build/holdfast sandbox fault start outage --for 5m
End it:        Ctrl-C; started again in the same directory, it goes on.`,
		flow, r.Console, accountTable(d.Accounts()), r.Password, r.Gate, r.PostOffice, r.Console, filepath.Join(o.Dir, logFile), r.API, r.Token, r.Sandbox, r.SandboxToken)
	return nil
}

// accountTable lists who can sign in to a demo.
func accountTable(accounts []app.DemoAccount) string {
	var b strings.Builder
	title := "Sign in"
	for _, a := range accounts {
		fmt.Fprintf(&b, "  %-12s %-11s %s\n", title, a.Name, a.May)
		title = ""
	}
	return b.String()
}

// answers waits until the API, the gates and the payments do.
func (s *shell) answers(ctx context.Context, r app.Ready, second bool) (view.Posture, error) {
	node, err := client.New(r.API, r.Token, holdfast.En)
	if err != nil {
		return view.Posture{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	gates := 1
	if second {
		gates = 2
	}
	for {
		p, err := client.Get[view.Posture](ctx, node, "/posture")
		if err == nil && p.Traffic.Known && live(p.Gates) >= gates {
			return p, nil
		}
		if err == nil {
			err = fmt.Errorf("%d of %d gates are live, traffic known: %t", live(p.Gates), gates, p.Traffic.Known)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return p, ctx.Err()
			}
			return p, holdfast.Errorf(holdfast.Unavailable, "the demo did not come up within %v", readyPatience).Because(err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func live(gates []view.Gate) (n int) {
	for _, g := range gates {
		if g.State == "live" {
			n++
		}
	}
	return n
}

// play plays the story on a demo.
func (s *shell) play(ctx context.Context, d *app.Demo, pace time.Duration) error {
	out := s.Stdout
	if s.json {
		out = s.Stderr
	}
	r := d.Ready
	result, err := story.Play(ctx, story.Options{
		URL: r.API, Token: r.Token, Second: r.Second, Superior: "superior", Sandbox: r.Sandbox, SandboxToken: r.SandboxToken, PostOffice: r.PostOffice,
		Pace: pace, Out: out, Now: s.Now,
	})
	if err != nil {
		return &ending{exitUnconfirmed, fmt.Sprintf("the story did not end as it must: %v", err)}
	}
	if s.json {
		return s.printJSON(result)
	}
	s.say("\nThe story is over: lost 0, doubled 0, wrong 0; %d payments were stood in for, and the primary has each; %d were unknown, each is listed and resolved.", result.Report.StoodIn, result.Unknown)
	return nil
}
