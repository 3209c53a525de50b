package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/client"
	"holdfast/internal/sandbox"
	"holdfast/internal/sandbox/checker"
	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/primary"
)

func (s *shell) sandbox() *cobra.Command {
	var url string
	cmd := group("sandbox", "The simulated payment world: run it, strike it, check it",
		s.sandboxRun(), s.sandboxFault(&url), s.sandboxTraffic(&url), s.sandboxStats(&url), s.sandboxCheck(&url))
	cmd.PersistentFlags().StringVar(&url, "control", "", "address of its control API (or HOLDFAST_SANDBOX_URL); the token is HOLDFAST_SANDBOX_TOKEN")
	return cmd
}

// world calls the control API of the simulated world.
func (s *shell) world(ctx context.Context, base, method, path string, in any) (json.RawMessage, error) {
	if base == "" {
		base = s.env("HOLDFAST_SANDBOX_URL")
	}
	if base == "" {
		return nil, holdfast.Errorf(holdfast.Invalid, "say which simulated world: set HOLDFAST_SANDBOX_URL, or give --control http://host:port")
	}
	c, err := client.NewSandbox(base, s.env("HOLDFAST_SANDBOX_TOKEN"))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return raw(ctx, c, method, path, in)
}

// sandboxReady is the content of its ready file.
type sandboxReady struct {
	Primary      string `json:"primary"`
	Second       string `json:"second,omitempty"`
	Sandbox      string `json:"sandbox"`
	SandboxToken string `json:"sandbox_token"`
	PID          int    `json:"pid"`
}

func (s *shell) sandboxRun() *cobra.Command {
	var o sandbox.Options
	var second primary.Options
	var ready string
	var daily bool
	cmd := &cobra.Command{
		Use: "run", Short: "Run the simulated world alone: a primary, its ledger, customers, faults, a checker", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Token = s.env("HOLDFAST_SANDBOX_TOKEN")
			if daily {
				o.Traffic.Curve = customers.Daily
			}
			if second.Address != "" {
				o.Second = &second
			}
			w, err := sandbox.New(o)
			if err != nil {
				return err
			}
			s.say("primary at %s", w.URL())
			known := sandboxReady{Primary: w.URL(), Sandbox: w.ControlURL(), SandboxToken: w.Token(), PID: os.Getpid()}
			if w.Second != nil {
				known.Second = w.Second.URL()
				s.say("second primary at %s", known.Second)
			}
			s.say("control API at %s, token %s", w.ControlURL(), w.Token())
			if err := atReady(ready, known); err != nil {
				return closing(w, err)
			}
			return w.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Dir, "data", "", "directory of the records (default: they are kept in memory)")
	f.Uint64Var(&o.Seed, "seed", 1, "decides everything random")
	f.StringVar(&o.ControlAddress, "listen-control", "127.0.0.1:0", "where its control API listens")
	o.Primary, o.Traffic = primary.Options{}, customers.Options{}
	f.StringVar(&o.Primary.Address, "listen-primary", "127.0.0.1:0", "where the primary listens")
	f.StringVar(&second.Address, "listen-second", "", "where a second primary listens, to which a gate can reroute payments (default: there is none)")
	f.StringVar(&o.Traffic.Target, "target", "", "base URL customers pay at, normally a gate's (default: the primary)")
	f.Float64Var(&o.Traffic.Rate, "rate", 0, "mean number of payments per second")
	f.BoolVar(&daily, "daily", false, "let the rate follow the hours of a day, with its nights, meal times and pay days")
	readyFlag(cmd, &ready)
	return cmd
}

func (s *shell) sandboxFault(url *string) *cobra.Command {
	var second bool
	// faults is the path of the faults of the primary that was asked for.
	faults := func(rest ...string) string {
		path := "/faults"
		if second {
			path = "/second/faults"
		}
		return strings.Join(append([]string{path}, rest...), "/")
	}
	list := &cobra.Command{Use: "list", Short: "List faults in force and those that have ended", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		answer, err := s.world(cmd.Context(), *url, http.MethodGet, faults(), nil)
		if err != nil {
			return err
		}
		return present(s, answer, func(p *page, v map[string][]fault.Lease) {
			p.row("FAULT", "KIND", "SHARE", "STARTED", "EXPIRES", "ENDED", "HITS", "NOTE")
			for _, l := range append(v["active"], v["ended"]...) {
				p.row(l.ID, l.Kind, l.Share, l.Started, l.Expires, l.Ended, l.Hits, l.Note)
			}
		})
	}}
	end := &cobra.Command{Use: "end [FAULT]", Short: "End a fault, or all of them", Args: cobra.MaximumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		answer, err := s.world(cmd.Context(), *url, http.MethodDelete, faults(args...), nil)
		if err != nil {
			return err
		}
		s.print(answer)
		s.say("ended")
		return nil
	}}
	cmd := group("fault", "Faults of the primary; each ends by itself", s.sandboxStrike(url, faults), list, end)
	cmd.PersistentFlags().BoolVar(&second, "second", false, "of the second primary")
	return cmd
}

func (s *shell) sandboxStrike(url *string, faults func(...string) string) *cobra.Command {
	var f fault.Fault
	var life, delay, jitter, hold time.Duration
	var kinds []string
	for _, k := range fault.Kinds() {
		kinds = append(kinds, string(k))
	}
	cmd := &cobra.Command{Use: "start KIND", Short: "Start a fault: " + strings.Join(kinds, ", "), Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		f.Kind = fault.Kind(args[0])
		f.Seconds = int(life.Seconds())
		f.DelayMS, f.JitterMS, f.HoldMS = int(delay.Milliseconds()), int(jitter.Milliseconds()), int(hold.Milliseconds())
		answer, err := s.world(cmd.Context(), *url, http.MethodPost, faults(), f)
		if err != nil {
			return err
		}
		return present(s, answer, func(p *page, l fault.Lease) { p.line("%s: %s until %s", l.ID, l.Kind, clock(l.Expires)) })
	}}
	flags := cmd.Flags()
	flags.DurationVar(&life, "for", 0, "when it ends by itself, 1s to 4h")
	flags.Float64Var(&f.Share, "share", 0, "part of the payments that is hit, above 0, up to 1 (default 1)")
	flags.StringVar(&f.Scope.Operation, "operation", "", "only these: payment, refund, advice, inquiry, all")
	flags.StringVar(&f.Scope.Channel, "channel", "", "only payments of this channel")
	flags.StringVar(&f.Scope.Bank, "bank", "", "only payers of this bank")
	flags.StringVar(&f.Scope.Method, "method", "", "only payments by this method")
	flags.DurationVar(&delay, "delay", 0, "how late, for latency and late-answer")
	flags.DurationVar(&jitter, "jitter", 0, "up to how much later still")
	flags.DurationVar(&hold, "hold", 0, "how long a silent connection stays open")
	flags.IntVar(&f.Status, "status", 0, "status of an error, 500 to 599")
	flags.StringVar(&f.Field, "field", "", "what wrong-answer changes: amount, currency, payer, payee")
	flags.Int64Var(&f.Delta, "delta", 0, "what is added to the amount, in minor units")
	flags.Uint64Var(&f.Salt, "salt", 0, "changes which payments are hit")
	flags.StringVar(&f.Note, "note", "", "for people")
	return required(cmd, "for")
}

func (s *shell) sandboxTraffic(url *string) *cobra.Command {
	cmd := &cobra.Command{Use: "traffic", Short: "Set how many customers arrive, and where they pay", Args: cobra.NoArgs}
	rate := cmd.Flags().Float64("rate", 0, "mean number of payments per second")
	target := cmd.Flags().String("target", "", "base URL they pay at")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		in := map[string]any{}
		if cmd.Flags().Changed("rate") {
			in["rate"] = *rate
		}
		if cmd.Flags().Changed("target") {
			in["target"] = *target
		}
		answer, err := s.world(cmd.Context(), *url, http.MethodPut, "/traffic", in)
		if err != nil {
			return err
		}
		return present(s, answer, writeTotals)
	}
	return cmd
}

func writeTotals(p *page, t customers.Totals) {
	p.row("rate", fmt.Sprintf("%g/s", t.Rate))
	p.row("sent", t.Sent)
	p.row("told done", t.Done)
	p.row("told declined", t.Declined)
	p.row("came into doubt", t.Doubted)
	p.row("told later", t.Resolved)
	p.row("gave up", t.GaveUp)
	p.row("under way", t.Open)
}

func (s *shell) sandboxStats(url *string) *cobra.Command {
	var seconds int
	cmd := &cobra.Command{Use: "stats", Short: "What customers experience, second by second", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		answer, err := s.world(cmd.Context(), *url, http.MethodGet, fmt.Sprintf("/stats?seconds=%d", seconds), nil)
		if err != nil {
			return err
		}
		return present(s, answer, func(p *page, v sandbox.Stats) {
			writeTotals(p, v.Traffic)
			section(p, "Seconds", v.Seconds, []any{"SECOND", "SENT", "DONE", "DECLINED", "DOUBTED", "P99 MS"}, func(p *page, n customers.Second) {
				p.row(n.Time, n.Sent, n.Done, n.Declined, n.Doubted, fmt.Sprintf("%.1f", n.P99))
			})
		})
	}}
	cmd.Flags().IntVar(&seconds, "seconds", 10, "how many seconds, at most 600")
	return cmd
}

func (s *shell) sandboxCheck(url *string) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "check", Short: "Compare what customers were told with the ledger of truth; code 3 if they disagree", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := s.checked(cmd.Context(), *url, data)
			if err == nil && !report.Clean() {
				err = &ending{exitUnconfirmed, "payments are lost, doubled, wrong or denied"}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "check the records in this directory instead, also of a process that is gone")
	return cmd
}

// checked makes the comparison and prints it.
func (s *shell) checked(ctx context.Context, url, data string) (report checker.Report, err error) {
	if data != "" {
		if report, err = sandbox.CheckDir(data, s.Now()); err != nil {
			return report, err
		}
		if s.json {
			return report, s.printJSON(report)
		}
		return report, report.WriteText(s.Stdout)
	}
	answer, err := s.world(ctx, url, http.MethodGet, "/check", nil)
	if err != nil {
		return report, err
	}
	if err := json.Unmarshal(answer, &report); err != nil {
		return report, fmt.Errorf("the answer cannot be read: %w", err)
	}
	s.print(answer)
	if s.json {
		return report, nil
	}
	return report, report.WriteText(s.Stdout)
}
