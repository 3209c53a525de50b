package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"holdfast"
)

// passwordFlags say where a password is read from: a file, HOLDFAST_PASSWORD, or
// the terminal. Never the command line, which others can read.
type passwordFlags struct{ file string }

func (p *passwordFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.file, "password-file", "", "file that holds the password, - for standard input (or HOLDFAST_PASSWORD; else the terminal asks)")
}

func (p *passwordFlags) given(s *shell) bool {
	_, inEnv := s.Env("HOLDFAST_PASSWORD")
	return p.file != "" || inEnv
}

func (p *passwordFlags) read(s *shell) (string, error) {
	if p.file != "" {
		content, err := s.read(p.file, 4<<10)
		return strings.TrimRight(string(content), "\r\n"), err
	}
	if password, ok := s.Env("HOLDFAST_PASSWORD"); ok {
		return password, nil
	}
	return s.ask("Password: ")
}

// ask reads a line from the terminal without showing it.
func (s *shell) ask(prompt string) (string, error) {
	terminal, ok := s.Stdin.(*os.File)
	var before *unix.Termios
	if ok {
		before, _ = unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS) // an error means that it is none
	}
	if before == nil {
		return "", holdfast.Errorf(holdfast.Invalid, "a password is needed and there is no terminal to ask: set HOLDFAST_PASSWORD or give --password-file")
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(int(terminal.Fd()), unix.TCSETS, &hidden); err != nil {
		return "", fmt.Errorf("hide the password: %w", err)
	}
	fmt.Fprint(s.Stderr, prompt)
	line, err := bufio.NewReader(terminal).ReadString('\n')
	fmt.Fprintln(s.Stderr)
	if backErr := unix.IoctlSetTermios(int(terminal.Fd()), unix.TCSETS, before); backErr != nil {
		return "", fmt.Errorf("show the terminal's input again: %w", backErr)
	}
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
