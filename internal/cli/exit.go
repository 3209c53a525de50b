package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"holdfast"
)

// Exit is an exit code with what it means.
type Exit struct {
	Code  int
	Means string
}

// What commands end with.
const (
	exitOK = iota
	exitInternal
	exitInvalid
	exitUnconfirmed
	exitConflict
	exitRefused
	exitUnavailable
	exitDamaged
	exitDoubtful
)

// ExitCodes lists all exit codes.
var ExitCodes = []Exit{
	{exitOK, "done; a stop that was waited for is confirmed"},
	{exitInternal, "a fault of Holdfast, or of this machine; the message says what"},
	{exitInvalid, "the command, a file or a value is wrong; nothing was done"},
	{exitUnconfirmed, "not confirmed: a directive is issued and some gate may still admit payments, an archive could not be checked whole, the figures of stand-in do not add up, or the story did not end as it must"},
	{exitConflict, "there is no such thing, or its state does not allow the act"},
	{exitRefused, "no valid token, or it does not carry the right"},
	{exitUnavailable, "the other end does not answer, or is busy; nothing was done"},
	{exitDamaged, "stored data is not what was written"},
	{exitDoubtful, "it is not known whether the act was done; look, then repeat it if it was not"},
}

var exits = map[holdfast.Code]int{
	holdfast.Invalid: exitInvalid, holdfast.TooLarge: exitInvalid,
	holdfast.NotFound: exitConflict, holdfast.Conflict: exitConflict,
	holdfast.Unauthenticated: exitRefused, holdfast.Forbidden: exitRefused,
	holdfast.Unavailable: exitUnavailable, holdfast.TooMany: exitUnavailable,
	holdfast.Damaged: exitDamaged, holdfast.Doubtful: exitDoubtful, holdfast.Internal: exitInternal,
}

func exitCode(err error) int {
	var end *ending
	if errors.As(err, &end) {
		return end.code
	}
	outside := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.EADDRINUSE)
	if outside && holdfast.CodeOf(err) == holdfast.Internal {
		return exitUnavailable
	}
	if code, known := exits[holdfast.CodeOf(err)]; known {
		return code
	}
	return exitInternal
}

// ending is an error with an exit code of its own.
type ending struct {
	code int
	text string
}

func (e *ending) Error() string { return e.text }

// silent ends a command whose output has said all there is to say.
type silent struct{ *ending }

func (s *silent) Unwrap() error { return s.ending }

// message puts an error in words. An error of several parts gives a line for
// each.
func message(err error) string {
	var e *holdfast.Error
	if errors.As(err, &e) && err == error(e) && e.Field != "" && !strings.Contains(e.Message(), e.Field) {
		return fmt.Sprintf("%v (%s)", err, e.Field)
	}
	return err.Error()
}

func exitCodesTopic() *cobra.Command {
	var b strings.Builder
	b.WriteString("Every command ends with one of these exit codes:\n\n")
	for _, e := range ExitCodes {
		fmt.Fprintf(&b, "  %d  %s\n", e.Code, e.Means)
	}
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: strings.TrimRight(b.String(), "\n")}
}

func environmentTopic() *cobra.Command {
	return &cobra.Command{Use: "environment", Short: "Environment variables that commands read", Long: `Commands read these environment variables:

  HOLDFAST_URL            address of the control node, as http://127.0.0.1:8800
  HOLDFAST_TOKEN          API token
  HOLDFAST_TOKEN_FILE     file that holds it
  HOLDFAST_SANDBOX_URL    address of the simulated world's control API
  HOLDFAST_SANDBOX_TOKEN  its token
  HOLDFAST_FEED_URL       address of the feed of a gate's payer snapshot
  HOLDFAST_FEED_TOKEN     its token
  HOLDFAST_PASSWORD       the password that an act on an account asks for
  HOLDFAST_PASSPHRASE     the passphrase of the keys in a backup
  HOLDFAST_<SETTING>      a setting of serve or gate run: HOLDFAST_FLEET_LEASE
                          sets fleet.lease; see docs/configuration.md`}
}
