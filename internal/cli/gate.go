package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/app"
	"holdfast/internal/fleet"
	"holdfast/internal/gate"
	"holdfast/internal/gate/local"
	"holdfast/internal/posture"
	"holdfast/internal/view"
)

func (s *shell) gate() *cobra.Command {
	return group("gate", "The point every payment passes: run one, act on it here, or look at all",
		s.gateRun(), s.gateStatus(), s.gateStop(), s.gateLift(), s.gateAccept(), s.gatePayers(),
		s.gateList(), s.gateShow(), s.gateRetire(), s.gateCertificate(),
	)
}

var gateHead = []any{"GATE", "STATE", "POSTURE", "IN FLIGHT", "UNRESOLVED", "LOCAL STOPS", "SEEN", "ALARM"}

func gateRow(p *page, g view.Gate) {
	at := fmt.Sprint(g.Posture.Position)
	if g.Behind {
		at += ", behind"
	}
	inFlight := fmt.Sprint(g.InFlight)
	if g.State == "silent" {
		inFlight = "not known"
	}
	p.row(g.Name, g.State, at, inFlight, g.Unresolved, len(g.Local), g.Seen, g.Alarm)
}

func (s *shell) gateList() *cobra.Command {
	return s.api("GET /gates", "list", "List the gates a control node knows", func(c *call) error {
		return show(c, nil, func(p *page, v []view.Gate) {
			p.row(gateHead...)
			for _, g := range v {
				gateRow(p, g)
			}
		})
	})
}

func (s *shell) gateShow() *cobra.Command {
	return s.api("GET /gates/{name}", "show GATE", "Show one gate as the control node knows it", func(c *call) error {
		return show(c, nil, func(p *page, g view.Gate) {
			p.row(gateHead...)
			gateRow(p, g)
			p.line("run %s since %s, version %s%s", g.Boot, clock(g.Since), g.Version, unless(g.Others == 0, fmt.Sprintf("; %d earlier runs were not seen to end", g.Others)))
			if len(g.PrimaryDown) > 0 {
				p.line("addresses of the primary that give no answers: %s", strings.Join(g.PrimaryDown, ", "))
			}
			if len(g.SecondDown) > 0 {
				p.line("addresses of the second primary that give no answers: %s", strings.Join(g.SecondDown, ", "))
			}
			if g.Fence != "" {
				p.line("fence %s, since %s", g.Fence, clock(g.FenceSince))
			}
			for _, d := range g.Local {
				p.line("local stop %s, scope %s", d.ID, d.Scope)
			}
			section(p, "Routes", g.Routes, []any{"ROUTE", "KIND", "MODE"}, func(p *page, r routeView) { p.row(r.Name, r.Kind, r.Mode) })
		})
	})
}

func (s *shell) gateRetire() *cobra.Command {
	return s.because("POST /gates/{name}/retire", "retire GATE", "Say that a gate is gone for good: no stop waits for it any more", "gate %s is retired")
}

// at makes a command that acts on the gate whose directory --data names.
func (s *shell) at(use, short string, args cobra.PositionalArgs, do func(*cobra.Command, *local.Client, []string) error) *cobra.Command {
	var data string
	cmd := &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		return do(cmd, local.NewClient(local.SocketIn(data)), args)
	}}
	cmd.Flags().StringVar(&data, "data", "holdfast-gate", "the gate's directory")
	return cmd
}

// printed writes a local command's answer.
func printed[T any](s *shell, v T, people func(*page, T)) error {
	answer, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return present(s, answer, people)
}

// printJSON writes a value of this machine with --json.
func (s *shell) printJSON(v any) error {
	answer, err := json.Marshal(v)
	if err == nil {
		s.print(answer)
	}
	return err
}

func (s *shell) gateStatus() *cobra.Command {
	return s.at("status", "Ask the gate of this machine about itself; no control node needed", cobra.NoArgs, func(cmd *cobra.Command, c *local.Client, _ []string) error {
		status, err := c.Status(cmd.Context())
		if err != nil {
			return err
		}
		return printed(s, status, writeGateStatus)
	})
}

func writeGateStatus(p *page, g gate.Status) {
	p.row("gate", g.Gate)
	p.row("run", g.Boot)
	p.row("posture", g.Posture)
	if g.Closed {
		p.row("CLOSED", "there is no posture that can be enforced: payments are declined")
	}
	lease := "none"
	if g.LeaseLeft > 0 {
		lease = g.LeaseLeft.Round(time.Millisecond).String()
	}
	p.row("lease left", lease)
	p.row("in flight", g.InFlight)
	p.row("unresolved", g.Unresolved)
	if g.Alarm != "" {
		p.row("ALARM", g.Alarm)
	}
	row := func(p *page, d posture.Directive) { p.row(d.ID, d.Kind, d.Scope) }
	section(p, "Local stops", g.Local, []any{"STOP", "KIND", "SCOPE"}, row)
	section(p, "Directives in force", g.Directives, []any{"DIRECTIVE", "KIND", "SCOPE"}, row)
}

// stoppedHere is the answer to a local stop.
type stoppedHere struct {
	ID              string               `json:"id"`
	Acknowledgement gate.Acknowledgement `json:"acknowledgement"`
}

func (s *shell) gateStop() *cobra.Command {
	var scope string
	var drain time.Duration
	cmd := s.at("stop", "Stop payments at the gate of this machine at once; lifted only here", cobra.NoArgs, func(cmd *cobra.Command, c *local.Client, _ []string) error {
		id, ack, err := c.Stop(cmd.Context(), scope, drain)
		if id == "" {
			return err
		}
		printErr := printed(s, stoppedHere{id, ack}, func(p *page, v stoppedHere) {
			p.line("%s: scope %s is stopped at this gate; %d payments were in flight", v.ID, scope, len(v.Acknowledgement.InFlight))
			p.line("lift it with: holdfast gate lift %s --data %s", v.ID, cmd.Flags().Lookup("data").Value)
		})
		if err != nil {
			return err
		}
		return printErr
	})
	cmd.Flags().StringVar(&scope, "scope", "", `"all", or an expression over payment fields`)
	cmd.Flags().DurationVar(&drain, "drain", 0, "how long payments in flight may take to answer (default: the gate's, 30s)")
	return required(cmd, "scope")
}

func (s *shell) gateLift() *cobra.Command {
	var all bool
	cmd := s.at("lift [STOP]", "Lift a local stop of this machine's gate, or --all", cobra.MaximumNArgs(1), func(cmd *cobra.Command, c *local.Client, args []string) error {
		id := ""
		if len(args) > 0 {
			id = args[0]
		}
		if all == (id != "") {
			return holdfast.Errorf(holdfast.Invalid, "name the local stop to lift, or give --all; holdfast gate status lists them")
		}
		if err := c.Lift(cmd.Context(), id); err != nil {
			return err
		}
		s.say("lifted")
		return nil
	})
	cmd.Flags().BoolVar(&all, "all", false, "lift every local stop")
	return cmd
}

func (s *shell) gateAccept() *cobra.Command {
	return s.at("accept", "Make the gate follow another history of the control plane, after a restore", cobra.NoArgs, func(cmd *cobra.Command, c *local.Client, _ []string) error {
		if err := c.Accept(cmd.Context()); err != nil {
			return err
		}
		s.say("the gate follows what the control plane has now")
		return nil
	})
}

func (s *shell) gateCertificate() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "certificate GATE", Short: "Issue the certificate with which a gate joins, from the control node's own authority", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			authority, err := fleet.OpenAuthority(filepath.Join(data, app.FleetDir), s.Now())
			if err != nil {
				return err
			}
			var files certificate
			if files.Certificate, files.Key, files.Authority, err = authority.Gate(args[0], s.Now()); err != nil {
				return err
			}
			return printed(s, files, func(p *page, f certificate) {
				p.line("Copy these to the gate's machine, and start it there with")
				p.line("  holdfast gate run --name %s --control-certificate %s --control-key %s --control-authority %s …", args[0], f.Certificate, f.Key, f.Authority)
			})
		},
	}
	cmd.Flags().StringVar(&data, "data", "holdfast-data", "the control node's directory")
	return cmd
}

type certificate struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	Authority   string `json:"authority"`
}
