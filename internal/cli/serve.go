package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/app"
	"holdfast/internal/config"
	"holdfast/internal/posture"
	"holdfast/internal/telemetry"
)

// atReady writes where a process answers to its ready file, whole or not at all.
func atReady(file string, v any) error {
	if file == "" {
		return nil
	}
	content, err := json.Marshal(v)
	if err == nil {
		err = posture.WriteFile(file, append(content, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the ready file: %w", err)
	}
	return nil
}

func readyFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "ready-file", "", "write where everything answers to this file, as JSON, once it does")
}

// serveReady is the content of serve's ready file.
type serveReady struct {
	Console string `json:"console"`
	API     string `json:"api"`
	Fleet   string `json:"fleet,omitempty"`
	PID     int    `json:"pid"`
}

func (s *shell) serve() *cobra.Command {
	var file, ready, first string
	var secret passwordFlags
	var given func() map[string]string
	cmd := &cobra.Command{
		Use: "serve", Short: "Run a control node: journal, console, API", Args: cobra.NoArgs,
		Long: `Run a control node until SIGINT or SIGTERM.

Settings come from --config FILE, environment variables and flags, each over the
one before; docs/configuration.md explains them. On an empty directory, make the
first account, an admin, with --bootstrap-account NAME.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf, err := config.Load(config.Options{File: file, Env: s.Env, Flags: given()})
			if err != nil {
				return err
			}
			log, err := telemetry.NewLogger(s.Stderr, conf.Log.Level, conf.Log.Format)
			if err != nil {
				return err
			}
			node, err := app.OpenControl(cmd.Context(), app.ControlOptions{Config: conf, Env: s.Env, Log: log, Now: s.Now})
			if err != nil {
				return err
			}
			if err := s.bootstrap(cmd.Context(), node, first, &secret); err != nil {
				return closing(node, err)
			}
			s.say("console and API at %s", node.URL())
			if at := node.FleetURL(); at != "" {
				s.say("gates connect to %s", at)
			}
			if err := atReady(ready, serveReady{node.URL(), node.URL(), node.FleetURL(), os.Getpid()}); err != nil {
				return closing(node, err)
			}
			return node.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "settings file")
	cmd.Flags().StringVar(&first, "bootstrap-account", "", "make this account, an admin, if there is none yet")
	secret.flags(cmd)
	readyFlag(cmd, &ready)
	given = settingFlags(cmd, config.Config{}.Explain())
	return cmd
}

// bootstrap makes the first account where there is none.
func (s *shell) bootstrap(ctx context.Context, node *app.Control, name string, secret *passwordFlags) error {
	switch {
	case !node.NeedsAccount():
		return nil
	case name == "":
		return holdfast.Errorf(holdfast.Invalid, "there is no account yet, so nobody could sign in: give --bootstrap-account NAME once")
	}
	password, err := secret.read(s)
	if err != nil {
		return err
	}
	if err := node.Bootstrap(ctx, name, password); err != nil {
		return fmt.Errorf("make the first account: %w", err)
	}
	s.say("account %s is made", name)
	return nil
}

// closing closes what was opened and will not run.
func closing(c io.Closer, err error) error {
	if closeErr := c.Close(); closeErr != nil {
		return fmt.Errorf("%w; and on closing: %v", err, closeErr)
	}
	return err
}

// gateReady is the content of a gate's ready file.
type gateReady struct {
	Name string `json:"name"`
	Gate string `json:"gate"`
	PID  int    `json:"pid"`
}

func (s *shell) gateRun() *cobra.Command {
	var file, ready string
	var untilStdinEnds, takeOver bool
	var flags func() map[string]string
	cmd := &cobra.Command{
		Use: "run", Short: "Run a gate in front of a payment API", Args: cobra.NoArgs,
		Long: `Run a gate until SIGINT or SIGTERM. SIGHUP loads certificates anew and goes on
with the access log in a new file.

With --take-over it takes the listeners of the gate that uses the same directory,
waits until that one has finished what it has under way, and goes on: a restart
that loses no payment.

Settings come from --config FILE, environment variables and flags, each over the
one before; docs/configuration.md explains them. Without --config the routes are
those of the simulated payment world.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opt := config.Options{File: file, Env: s.Env, Flags: flags()}
			if file == "" {
				opt.File, opt.Content = "gate.yaml (built in)", []byte(config.DefaultGateYAML)
			}
			conf, err := config.LoadGate(opt)
			if err != nil {
				return err
			}
			log, err := telemetry.NewLogger(s.Stderr, conf.Log.Level, conf.Log.Format)
			if err != nil {
				return err
			}
			given, err := app.FromSystemd(s.Env)
			if err != nil {
				return err
			}
			gate, err := app.OpenGate(app.GateOptions{Config: conf, TakeOver: takeOver, Listeners: given, Env: s.Env, Log: log, Now: s.Now})
			if err != nil {
				return err
			}
			ctx, stop := context.WithCancel(cmd.Context())
			defer stop()
			defer reloads(gate, log)()
			if untilStdinEnds {
				go func() {
					// Whoever holds the other end is gone, however it went.
					io.Copy(io.Discard, s.Stdin)
					stop()
				}()
			}
			return s.runGate(ctx, stop, gate, gateReady{conf.Name, gate.URL(), os.Getpid()}, ready)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "settings file")
	cmd.Flags().BoolVar(&untilStdinEnds, "until-stdin-ends", false, "end, too, when standard input does")
	cmd.Flags().BoolVar(&takeOver, "take-over", false, "take over from the gate that uses the directory now, if there is one")
	readyFlag(cmd, &ready)
	flags = settingFlags(cmd, config.Gate{}.Explain())
	return cmd
}

// reloads makes SIGHUP reload a gate, until the function it returns is called.
func reloads(gate *app.Gate, log *slog.Logger) (end func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-signals:
				if err := gate.Reload(); err != nil {
					log.Error("not everything could be reloaded; what was there before stays in use", "error", err)
				}
			case <-ended:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(ended)
	}
}

// runGate runs a gate and says so once it can admit payments.
func (s *shell) runGate(ctx context.Context, stop func(), gate *app.Gate, where gateReady, ready string) error {
	said := make(chan error, 1)
	go func() {
		if gate.Enforcing(ctx) != nil {
			said <- nil // it ended before
			return
		}
		s.say("gate %s takes payments at %s", where.Name, where.Gate)
		err := atReady(ready, where)
		if err != nil {
			stop()
		}
		said <- err
	}()
	err := gate.Run(ctx)
	stop()
	return errors.Join(err, <-said)
}

const readyPatience = 20 * time.Second
