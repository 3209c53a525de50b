package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/notify"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

func (s *shell) notify() *cobra.Command {
	return group("notify", "The channels of notices", s.notifyTest(), s.notifyDevices(), s.notifyRemove(), s.notifyKey())
}

// notifyTest ends with 3 unless the receiver has taken the message.
func (s *shell) notifyTest() *cobra.Command {
	var lang string
	cmd := s.api("POST /notices/test", "test CHANNEL ADDRESS", "Send one message marked as a test, and show what the receiver answered", func(c *call) error {
		in := api.NoticeTest{Channel: roster.Channel(c.args[0]), Address: c.args[1], Lang: holdfast.Lang(lang)}
		c.args = nil
		answer, err := c.do(in)
		if err != nil {
			return err
		}
		var v view.Tested
		if err := json.Unmarshal(answer, &v); err != nil {
			return fmt.Errorf("the node's answer cannot be read: %w", err)
		}
		if err := present(c.shell, answer, func(p *page, v view.Tested) { p.line("%s %s: %s: %s", v.Channel, v.Address, v.State, v.Detail) }); err != nil {
			return err
		}
		if v.State != string(notify.Delivered) {
			return &silent{&ending{exitUnconfirmed, "the message was not delivered"}}
		}
		return nil
	})
	cmd.Flags().StringVar(&lang, "lang", "", "language of the message: zh-Hant, zh-Hans or en")
	return cmd
}
