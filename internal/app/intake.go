package app

import (
	"fmt"

	"holdfast/internal/api"
	"holdfast/internal/config"
	"holdfast/internal/intake"
	"holdfast/internal/mailbox"
)

// ways are the settings of what comes in over the API.
func (c *Control) ways() (api.Ways, error) {
	conf := c.opt.Config.Intake
	var secrets []string
	for setting, reference := range map[string]config.Secret{"secret": conf.Grafana.Secret, "previous": conf.Grafana.Previous} {
		secret, err := reference.Read(c.opt.Env)
		if err != nil {
			return api.Ways{}, fmt.Errorf("intake.grafana.%s: %w", setting, err)
		}
		if secret != "" {
			secrets = append(secrets, secret)
		}
	}
	w := api.Ways{Origins: conf.CloudEvents.Origins, Grafana: intake.Signature{Secrets: secrets, Header: conf.Grafana.Header, Timestamp: conf.Grafana.Timestamp}}
	for _, m := range conf.Webhooks {
		hook, err := intake.CompileMapping(intake.Mapping(m))
		if err != nil {
			return api.Ways{}, fmt.Errorf("intake.webhooks %s: %w", m.Name, err)
		}
		w.Webhooks = append(w.Webhooks, hook)
	}
	return w, nil
}

// listenMail takes mail, if the settings say where.
func (c *Control) listenMail() (err error) {
	conf := c.opt.Config.Intake.Mail
	if conf.Listen == "" {
		return nil
	}
	if c.mail, err = listen("mail", string(conf.Listen), &c.down); err != nil {
		return err
	}
	box, err := mailbox.New(mailbox.Options{Listener: c.mail, Allow: conf.From, Deliver: c.response.Deliver, Log: c.opt.Log})
	if err != nil {
		return err
	}
	c.loops = append(c.loops, loop{"mail", box.Run})
	return nil
}

// MailAddress is where mail is taken; "" if it is not.
func (c *Control) MailAddress() string {
	if c.mail == nil {
		return ""
	}
	return c.mail.Addr().String()
}
