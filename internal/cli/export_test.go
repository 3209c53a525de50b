package cli

import (
	"io"
	"time"

	"github.com/spf13/cobra"
)

// Commands returns every command that does something, by its words.
func Commands() map[string]*cobra.Command {
	s := &shell{Options: Options{Env: func(string) (string, bool) { return "", false }, Stdout: io.Discard, Stderr: io.Discard, Now: time.Now}}
	all := map[string]*cobra.Command{}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Runnable() && (!c.HasSubCommands() || c.LocalNonPersistentFlags().HasFlags()) {
			all[c.CommandPath()] = c
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(s.root())
	return all
}

// RoutesOf is the annotation that names a command's routes.
const RoutesOf = routesOf
