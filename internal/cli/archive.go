package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/config"
	"holdfast/internal/sqljournal/source"
	"holdfast/internal/view"
)

func (s *shell) archive() *cobra.Command {
	return group("archive", "The tamper-evident record", s.archiveVerify(), s.archiveFacts())
}

func (s *shell) archiveVerify() *cobra.Command {
	var data, head string
	cmd := &cobra.Command{
		Use: "verify [PACK]", Short: "Check every fact, from the files of a control node that does not run, or from its database; or an evidence pack", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return s.verifyPack(args[0], head)
			}
			return s.verifyArchive(cmd.Context(), data)
		},
	}
	cmd.Flags().StringVar(&data, "data", "holdfast-data", "the control node's directory, or its database as postgres://host/database; a demo's is DIR/control")
	cmd.Flags().StringVar(&head, "head", "", "a head held elsewhere, as POSITION:HASH: the chain of PACK has to pass through it")
	return cmd
}

func (s *shell) verifyArchive(ctx context.Context, data string) error {
	named, err := source.Named(data)
	if err != nil {
		return err
	}
	in, err := source.Inspect(ctx, named)
	if err != nil {
		return fmt.Errorf("verify the archive in %s: %w", data, err)
	}
	report, err := archive.Verify(ctx, in, in)
	if closeErr := in.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return s.verdict(report, report.Verdict, "the archive in "+data, len(report.Problems)+report.MoreProblems)
}

// verifyPack checks an evidence pack, and needs no control node for it.
func (s *shell) verifyPack(path, head string) error {
	var witness holdfast.Head
	if head != "" {
		position, hash, _ := strings.Cut(head, ":")
		n, err := strconv.ParseUint(position, 10, 63)
		if err != nil || n == 0 || witness.Hash.UnmarshalText([]byte(strings.ToLower(hash))) != nil {
			return holdfast.Errorf(holdfast.Invalid, "a head is POSITION:HASH, the hash as 64 hexadecimal digits")
		}
		witness.Position = holdfast.Position(n)
	}
	f, err := os.Open(path)
	if err != nil {
		return holdfast.Errorf(holdfast.Invalid, "the file cannot be read").Because(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	report, err := archive.VerifyPack(f, info.Size(), witness)
	if err != nil {
		return err
	}
	return s.verdict(report, report.Verdict, path, len(report.Problems))
}

// verdict prints a report, and ends with the exit code of its verdict.
func (s *shell) verdict(report interface{ WriteText(io.Writer) error }, verdict archive.Verdict, of string, problems int) error {
	var err error
	if s.json {
		err = s.printJSON(report)
	} else {
		err = report.WriteText(s.Stdout)
	}
	switch {
	case err != nil:
		return err
	case verdict == archive.Invalid:
		return &ending{exitDamaged, fmt.Sprintf("%s is not as it was written: %d problems", of, problems)}
	case verdict == archive.Incomplete:
		return &ending{exitUnconfirmed, fmt.Sprintf("%s could not be checked whole", of)}
	}
	return nil
}

func (s *shell) archiveFacts() *cobra.Command {
	cmd := s.api("GET /journal", "facts", "List facts after a position, oldest first", func(c *call) error {
		return show(c.pass("after", "limit"), nil, func(p *page, v view.Page[holdfast.Fact]) {
			p.row("POSITION", "TIME", "SUBJECT", "KIND", "BY")
			for _, f := range v.Items {
				p.row(uint64(f.Position), f.Time, string(f.Subject), f.Kind, f.Actor.String())
			}
			if v.Next > 0 {
				p.line("more with --after %d", v.Next)
			}
		})
	})
	cmd.Flags().Int("after", 0, "the position to begin after")
	cmd.Flags().Int("limit", 0, "how many facts to show, at most 500 (default 50)")
	return cmd
}

func (s *shell) checkConfig() *cobra.Command {
	var gate, explain bool
	cmd := &cobra.Command{
		Use: "check-config FILE", Short: "Check a settings file, with the environment over it; every fault at once, with its line", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			settings, err := s.settings(args[0], gate)
			if faults, ok := err.(config.Faults); ok {
				return s.faults(faults)
			}
			if err != nil {
				return err
			}
			if !explain {
				if s.json {
					s.print(json.RawMessage("[]"))
				}
				s.say("%s: no faults", args[0])
				return nil
			}
			list := make([]settingView, len(settings))
			for i, v := range settings {
				list[i] = settingView{v.Path, v.Value, v.Origin.String()}
			}
			return printed(s, list, func(p *page, list []settingView) {
				p.row("SETTING", "FROM", "VALUE")
				for _, v := range list {
					p.row(v.Setting, v.From, v.Value)
				}
			})
		},
	}
	cmd.Flags().BoolVar(&gate, "gate", false, "the settings are a gate's, not a control node's")
	cmd.Flags().BoolVar(&explain, "explain", false, "list every setting with its value and where that came from")
	return cmd
}

type settingView struct {
	Setting string `json:"setting"`
	Value   string `json:"value"`
	From    string `json:"from"`
}

func (s *shell) settings(file string, gate bool) ([]config.Setting, error) {
	opt := config.Options{File: file, Env: s.Env}
	if gate {
		g, err := config.LoadGate(opt)
		if err != nil {
			return nil, err
		}
		return g.Explain(), nil
	}
	c, err := config.Load(opt)
	if err != nil {
		return nil, err
	}
	return c.Explain(), nil
}

// faults ends a command with the faults of a settings file.
func (s *shell) faults(faults config.Faults) error {
	if !s.json {
		return &ending{exitInvalid, faults.Error()}
	}
	type faultView struct {
		From    string `json:"from"`
		Setting string `json:"setting,omitempty"`
		Message string `json:"message"`
	}
	list := make([]faultView, len(faults))
	for i, f := range faults {
		list[i] = faultView{f.Origin.String(), f.Path, f.Message}
	}
	if err := s.printJSON(list); err != nil {
		return err
	}
	return &silent{&ending{exitInvalid, "the settings have faults"}}
}

// settingFlags gives a command a flag for each setting that can be written as
// one text, and returns those that were given.
func settingFlags(cmd *cobra.Command, settings []config.Setting) func() map[string]string {
	flags := map[string]string{}
	for _, setting := range settings {
		name := strings.TrimPrefix(config.Flag(setting.Path), "--")
		flags[name] = setting.Path
		cmd.Flags().String(name, "", "setting "+setting.Path)
	}
	return func() map[string]string {
		given := map[string]string{}
		for name, path := range flags {
			if f := cmd.Flags().Lookup(name); f.Changed {
				given[path] = f.Value.String()
			}
		}
		return given
	}
}
