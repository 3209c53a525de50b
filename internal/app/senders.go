package app

import (
	"fmt"

	"holdfast/internal/callout"
	"holdfast/internal/config"
	"holdfast/internal/device"
	"holdfast/internal/notify"
	"holdfast/internal/roster"
	"holdfast/internal/senders/aliyun"
	"holdfast/internal/senders/dingtalk"
	"holdfast/internal/senders/feishu"
	"holdfast/internal/senders/gateway"
	"holdfast/internal/senders/push"
	"holdfast/internal/senders/robot"
	"holdfast/internal/senders/slack"
	"holdfast/internal/senders/smtp"
	"holdfast/internal/senders/twilio"
	"holdfast/internal/senders/webhook"
	"holdfast/internal/senders/wecom"
)

func (c *Control) courier() (*notify.Courier, error) {
	senders, err := c.senders()
	if err != nil {
		return nil, err
	}
	for channel, s := range senders {
		senders[channel] = callout.Filling(s, c.readers.Fill, c.inviter.Fill, c.verifier.Fill, c.acks.Fill)
	}
	limits := c.opt.Config.Notices.Limits
	return notify.NewCourier(notify.CourierOptions{
		Desk: c.desk, Book: c.books.notices, Senders: senders, Log: c.opt.Log, AtOnce: limits.AtOnce, ToOne: limits.ToOne, PerPerson: limits.PerPerson,
		Quiet:   c.books.roster.QuietUntil,
		Outside: func(channel, address string) bool { return c.books.roster.Outside(roster.Channel(channel), address) },
	})
}

// senders makes a sender for each channel that is set up.
func (c *Control) senders() (map[string]notify.Sender, error) {
	conf := c.opt.Config.Notices
	made := map[string]notify.Sender{}
	for _, set := range []struct {
		channel roster.Channel
		wanted  bool
		make    func() (notify.Sender, error)
	}{
		{roster.SMTP, conf.SMTP.Host != "", c.smtp},
		{roster.Webhook, conf.Webhook.Secret != "", c.webhook},
		{roster.SMS, conf.SMS.Provider != "", c.sms},
		{roster.Voice, conf.Voice.Provider != "", c.voice},
		{roster.DingTalk, len(conf.DingTalk.Robots) > 0, c.robots("notices.dingtalk", conf.DingTalk, dingtalk.New)},
		{roster.WeCom, len(conf.WeCom.Robots) > 0, c.robots("notices.wecom", conf.WeCom, wecom.New)},
		{roster.Feishu, len(conf.Feishu.Robots) > 0, c.robots("notices.feishu", conf.Feishu, feishu.New)},
		{roster.Push, conf.Push.Key != "", c.push},
		{roster.Slack, len(conf.Slack.Robots) > 0, c.robots("notices.slack", conf.Slack, slack.New)},
	} {
		if !set.wanted {
			continue
		}
		s, err := set.make()
		if err != nil {
			return nil, err
		}
		made[string(set.channel)] = s
	}
	return made, nil
}

// secret reads what a setting refers to.
func (c *Control) secret(path string, s config.Secret) (string, error) {
	text, err := s.Read(c.opt.Env)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

func (c *Control) smtp() (notify.Sender, error) {
	conf := c.opt.Config.Notices.SMTP
	password, err := c.secret("notices.smtp.password", conf.Password)
	if err != nil {
		return nil, err
	}
	return smtp.New(smtp.Options{
		Host: conf.Host, Port: conf.Port, StartTLS: conf.StartTLS, Username: conf.Username, Password: password, From: conf.From,
	})
}

func (c *Control) webhook() (notify.Sender, error) {
	secret, err := c.secret("notices.webhook.secret", c.opt.Config.Notices.Webhook.Secret)
	if err != nil {
		return nil, err
	}
	return webhook.New(webhook.Options{Secret: secret, Now: c.opt.Now})
}

func (c *Control) sms() (notify.Sender, error) {
	conf := c.opt.Config.Notices.SMS
	switch conf.Provider {
	case "aliyun":
		secret, err := c.secret("notices.sms.aliyun.key_secret", conf.Aliyun.KeySecret)
		if err != nil {
			return nil, err
		}
		return aliyun.New(aliyun.Options{
			Setting: "notices.sms.aliyun", Endpoint: string(conf.Aliyun.Endpoint), KeyID: conf.Aliyun.KeyID, KeySecret: secret,
			SignName: conf.Aliyun.SignName, Template: conf.Aliyun.Template, Parameters: conf.Aliyun.Parameters, Now: c.opt.Now,
		})
	case "twilio":
		return c.twilio("notices.sms.twilio", conf.Twilio, false)
	}
	return c.gateway("notices.sms.http", conf.HTTP)
}

func (c *Control) voice() (notify.Sender, error) {
	conf := c.opt.Config.Notices.Voice
	if conf.Provider == "twilio" {
		return c.twilio("notices.voice.twilio", conf.Twilio, true)
	}
	return c.gateway("notices.voice.http", conf.HTTP)
}

func (c *Control) twilio(setting string, conf config.Twilio, call bool) (notify.Sender, error) {
	token, err := c.secret(setting+".token", conf.Token)
	if err != nil {
		return nil, err
	}
	return twilio.New(twilio.Options{Setting: setting, Endpoint: string(conf.Endpoint), Account: conf.Account, Token: token, From: conf.From, Call: call, Now: c.opt.Now})
}

func (c *Control) push() (notify.Sender, error) {
	conf := c.opt.Config.Notices.Push
	key, err := c.secret("notices.push.key", conf.Key)
	if err != nil {
		return nil, err
	}
	return push.New(push.Options{Devices: c.devices, Key: key, Subject: conf.Subject, Page: c.pageOf, Now: c.opt.Now})
}

// pageOf is the path of an incident's page, or of the console's first page for what
// is about none.
func (c *Control) pageOf(incident string) (path string) {
	path = "/"
	c.state.View(func() {
		if c.books.incidents.Incident(incident) != nil {
			path = "/incidents/" + incident
		}
	})
	return path
}

// makeDevices makes what keeps the browsers that are pushed to.
func (c *Control) makeDevices() error {
	conf := c.opt.Config.Notices.Push
	o := device.Options{Documents: c.store, Roster: c.roster, Hosts: conf.Hosts, Now: c.opt.Now}
	if conf.Key != "" {
		key, err := c.secret("notices.push.key", conf.Key)
		if err != nil {
			return err
		}
		if o.Key, err = push.PublicKey(key); err != nil {
			return err
		}
	}
	var err error
	c.devices, err = device.New(o)
	return err
}

func (c *Control) gateway(setting string, conf config.Gateway) (notify.Sender, error) {
	secret, err := c.secret(setting+".secret", conf.Secret)
	if err != nil {
		return nil, err
	}
	return gateway.New(gateway.Options{
		Setting: setting, Method: conf.Method, URL: conf.URL, Headers: conf.Headers, Type: conf.Type, Body: conf.Body, Secret: secret,
		Success: conf.Success, Refused: conf.Refused, Now: c.opt.Now,
	})
}

func (c *Control) robots(setting string, conf config.Robots, make func(robot.Options) (*robot.Sender, error)) func() (notify.Sender, error) {
	return func() (notify.Sender, error) {
		o := robot.Options{Setting: setting + ".robots", Now: c.opt.Now}
		for i, r := range conf.Robots {
			at := fmt.Sprintf("%s.robots[%d]", setting, i)
			url, err := c.secret(at+".url", r.URL)
			if err != nil {
				return nil, err
			}
			secret, err := c.secret(at+".secret", r.Secret)
			if err != nil {
				return nil, err
			}
			o.Robots = append(o.Robots, robot.Robot{Name: r.Name, URL: url, Secret: secret})
		}
		return make(o)
	}
}

// automation makes what calls the endpoints that a plan may name.
func (c *Control) automation() (*webhook.Automation, error) {
	var endpoints []webhook.Endpoint
	for i, e := range c.opt.Config.Automation.Endpoints {
		setting := fmt.Sprintf("automation.endpoints[%d].secret", i)
		secret, err := c.secret(setting, e.Secret)
		if err != nil {
			return nil, err
		}
		endpoints = append(endpoints, webhook.Endpoint{Name: e.Name, URL: e.URL, Secret: secret, Setting: setting})
	}
	return webhook.NewAutomation(c.opt.Now, endpoints)
}
