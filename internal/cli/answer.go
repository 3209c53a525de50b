package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
)

// secondAnswers makes a command by which a second person consents to something, or refuses it with
// --refuse and why; refused and granted are what is said then, with a place for its id. The
// flag alone refuses: where a script names a variable that is not set, nobody consents.
func (s *shell) secondAnswers(route, use, short, why, refused, granted string) *cobra.Command {
	in := api.Answer{}
	cmd := s.api(route, use, short, func(c *call) error {
		said := refused
		if in.Granted = !c.cmd.Flags().Changed("refuse"); in.Granted {
			said = granted
		} else if strings.TrimSpace(in.Reason) == "" {
			return holdfast.Errorf(holdfast.Invalid, "--refuse has no reason: give one to refuse, leave the flag out to consent").At("refuse")
		}
		return c.act(in, said, c.args[0])
	})
	cmd.Flags().StringVar(&in.Reason, "refuse", "", why)
	return cmd
}
