// Package cli is the command line of Holdfast: it starts the processes of package
// app, and does over the API what people do in the console.
//
// # Where a command acts
//
//	demo, serve, gate run, sandbox run     run a process until SIGINT or SIGTERM
//	gate stop, lift, accept, status        the gate whose directory --data names,
//	                                       over its socket; no control node needed
//	archive verify, backup --data,         files of this machine
//	backup verify, restore,
//	gate certificate, plan lint,
//	plan template, fmt, diff, export,
//	plan import, check-config, version
//	sandbox fault, traffic, stats, check   the simulated payment world
//	everything else                        the control node at HOLDFAST_URL
//
// A token is read from HOLDFAST_TOKEN or from the file that --token-file or
// HOLDFAST_TOKEN_FILE names, never from the command line, which other users of
// the machine can read.
//
// # Output
//
// Results go to standard output: short tables for people, and with --json what
// the other end answered, unchanged; an act that is answered with nothing prints
// nothing then. Errors go to standard error, one line each, and the exit code
// says of which kind they are; see [ExitCodes]. docs/cli.md lists the commands.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/client"
)

// Options are what a command has from its process.
type Options struct {
	Args           []string // without the program's name
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Env            func(string) (string, bool)
	// Program is this program's file, for the demo's second gate.
	Program string
	Now     func() time.Time
}

// Run carries out one command and returns its exit code. Commands that run a
// process end when ctx does, with code 0.
func Run(ctx context.Context, o Options) int {
	s := &shell{Options: o}
	root := s.root()
	s.mark(root)
	root.SetArgs(o.Args)
	root.SetIn(o.Stdin)
	root.SetOut(o.Stdout)
	root.SetErr(o.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if !s.begun { // cobra refused the words or flags before any command began
		err = holdfast.Errorf(holdfast.Invalid, "%s; see holdfast help", strings.Join(strings.Fields(err.Error()), " "))
	}
	s.complain(err)
	return exitCode(err)
}

// shell is what the commands share.
type shell struct {
	Options
	json      bool
	url       string
	tokenFile string
	lang      string
	begun     bool
}

func (s *shell) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "holdfast",
		Short:         "The emergency response of a payment system's operator",
		SilenceErrors: true, SilenceUsage: true,
	}
	f := root.PersistentFlags()
	f.BoolVar(&s.json, "json", false, "print JSON as the other end answers it")
	f.StringVar(&s.url, "url", "", "address of the control node (or HOLDFAST_URL)")
	f.StringVar(&s.tokenFile, "token-file", "", "file that holds the API token (or HOLDFAST_TOKEN_FILE, or the token itself in HOLDFAST_TOKEN)")
	f.StringVar(&s.lang, "lang", "en", "language of texts from the plan and of the node's errors: zh-Hant, zh-Hans, en")
	root.AddGroup(
		&cobra.Group{ID: "run", Title: "Run a process:"},
		&cobra.Group{ID: "act", Title: "Respond, at a control node:"},
		&cobra.Group{ID: "keep", Title: "Prepare and keep:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("run", s.demo(), s.serve(), s.gate(), s.sandbox())
	add("act", s.status(), s.posture(), s.traffic(), s.events(), s.alert(), s.incident(), s.directive(), s.standIn(), s.reroute(), s.authority(), s.obligation(), s.debrief(), s.bulletin(), s.improvement(), s.trends(), s.unknowns(), s.resolution())
	add("keep", s.plan(), s.trigger(), s.risk(), s.material(), s.filing(), s.waiver(), s.people(), s.party(), s.duty(), s.calendar(), s.notify(), s.account(), s.token(), s.archive(), s.journal(), s.backup(), s.restore(), s.openAPI(), s.checkConfig(), s.version())
	root.AddCommand(exitCodesTopic(), environmentTopic())
	return root
}

// mark lets Run tell what a command said from what cobra said of its words.
func (s *shell) mark(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(c *cobra.Command, args []string) error {
			s.begun = true
			return run(c, args)
		}
	}
	for _, c := range cmd.Commands() {
		s.mark(c)
	}
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return holdfast.Errorf(holdfast.Invalid, "%s needs one of its commands; see %s --help", c.CommandPath(), c.CommandPath())
	}}
	c.AddCommand(commands...)
	return c
}

func (s *shell) env(name string) string {
	value, _ := s.Env(name)
	return value
}

// node makes the client of the control node.
func (s *shell) node() (*client.Client, error) {
	base := s.url
	if base == "" {
		base = s.env("HOLDFAST_URL")
	}
	if base == "" {
		return nil, holdfast.Errorf(holdfast.Invalid, "say which control node: set HOLDFAST_URL, or give --url http://host:port")
	}
	token, err := s.apiToken()
	if err != nil {
		return nil, err
	}
	return client.New(base, token, holdfast.Lang(s.lang))
}

func (s *shell) apiToken() (string, error) {
	file := s.tokenFile
	if file == "" {
		if token := s.env("HOLDFAST_TOKEN"); token != "" {
			return token, nil
		}
		file = s.env("HOLDFAST_TOKEN_FILE")
	}
	if file == "" {
		return "", nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", holdfast.Errorf(holdfast.Invalid, "the token's file cannot be read").Because(err)
	}
	return strings.TrimSpace(string(content)), nil
}

// read returns the content of a file, or of standard input for "-".
func (s *shell) read(file string, limit int64) ([]byte, error) {
	in := s.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, holdfast.Errorf(holdfast.Invalid, "the file cannot be read").Because(err)
		}
		defer f.Close()
		in = f
	}
	content, err := io.ReadAll(io.LimitReader(in, limit+1))
	switch {
	case err != nil:
		return nil, holdfast.Errorf(holdfast.Invalid, "%s cannot be read", file).Because(err)
	case int64(len(content)) > limit:
		return nil, holdfast.Errorf(holdfast.TooLarge, "%s has more than %d bytes", file, limit)
	}
	return content, nil
}

// say writes a line for people; with --json there is none.
func (s *shell) say(format string, args ...any) {
	if !s.json {
		fmt.Fprintf(s.Stdout, format+"\n", args...)
	}
}

// complain writes an error: one line, or one for each fault of a file.
func (s *shell) complain(err error) {
	var quiet *silent
	if errors.As(err, &quiet) {
		return
	}
	for line := range strings.Lines(message(err)) {
		fmt.Fprintf(s.Stderr, "holdfast: %s\n", strings.TrimRight(line, "\n"))
	}
}
