package cli

import (
	"github.com/spf13/cobra"

	"holdfast/internal/device"
	"holdfast/internal/senders/push"
)

func (s *shell) notifyDevices() *cobra.Command {
	cmd := s.api("GET /devices", "devices", "List the browsers that notices are pushed to: yours, or everyone's", func(c *call) error {
		return show(c.pass("all"), nil, func(p *page, list []device.Device) {
			p.row("DEVICE", "PERSON", "SERVICE", "REGISTERED", "GONE", "NAME")
			for _, d := range list {
				p.row(d.ID, d.Person, d.Service, d.Registered, d.Gone, d.Label)
			}
		})
	})
	cmd.Flags().Bool("all", false, "everyone's; takes the right to manage the roster")
	return cmd
}

func (s *shell) notifyRemove() *cobra.Command {
	return s.api("POST /devices/{id}/remove", "remove-device DEVICE", "Push nothing more to a browser", func(c *call) error {
		return c.act(nil, "%s is removed", c.args[0])
	})
}

// notifyKey asks no node: a key is made before there is one that pushes.
func (s *shell) notifyKey() *cobra.Command {
	return &cobra.Command{
		Use: "push-key", Short: "Make a private key for browser push, for the setting notices.push.key", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			key, err := push.NewKey()
			if err != nil {
				return err
			}
			return printed(s, key, func(p *page, key string) { p.line("%s", key) })
		},
	}
}
