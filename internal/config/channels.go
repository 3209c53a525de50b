package config

import (
	"fmt"
	"net/mail"
	"net/netip"
	"slices"
	"strings"

	"holdfast"
)

// SMS is how short messages are sent. Without a provider none is.
type SMS struct {
	Provider string  `yaml:"provider" one:"aliyun twilio http"`
	Aliyun   Aliyun  `yaml:"aliyun"`
	Twilio   Twilio  `yaml:"twilio"`
	HTTP     Gateway `yaml:"http"`
}

// Voice is how calls are made. Without a provider none is.
type Voice struct {
	Provider string  `yaml:"provider" one:"twilio http"`
	Twilio   Twilio  `yaml:"twilio"`
	HTTP     Gateway `yaml:"http"`
}

// Aliyun is Alibaba Cloud's SMS service.
type Aliyun struct {
	Endpoint URL `yaml:"endpoint" default:"https://dysmsapi.aliyuncs.com"`
	// KeyID and KeySecret are an access key.
	KeyID     string `yaml:"key_id"`
	KeySecret Secret `yaml:"key_secret"`
	SignName  string `yaml:"sign_name"`
	Template  string `yaml:"template"`
	// Parameters are the template's variables, as NAME=TEXT.
	Parameters []string `yaml:"parameters"`
}

// Twilio is Twilio's interface, or one like it.
type Twilio struct {
	Endpoint URL    `yaml:"endpoint" default:"https://api.twilio.com"`
	Account  string `yaml:"account"`
	Token    Secret `yaml:"token"`
	// From are the numbers to send from.
	From []string `yaml:"from"`
}

// Gateway is a gateway that takes web requests; see package senders/gateway.
type Gateway struct {
	Method  string   `yaml:"method" default:"POST" one:"GET POST PUT"`
	URL     string   `yaml:"url"`
	Headers []string `yaml:"headers"`
	Type    string   `yaml:"type" default:"application/json"`
	Body    string   `yaml:"body"`
	Secret  Secret   `yaml:"secret"`
	Success string   `yaml:"success" default:"status >= 200 and status < 300"`
	Refused string   `yaml:"refused"`
}

// Robots are the robots of one provider's group chats.
type Robots struct {
	Robots []Robot `yaml:"robots"`
}

// Robot is a robot of one group.
type Robot struct {
	// Name is what the roster calls it.
	Name string `yaml:"name"`
	// URL refers to the robot's URL: it holds a token.
	URL Secret `yaml:"url"`
	// Secret refers to what signs, where the provider has that.
	Secret Secret `yaml:"secret"`
}

// Push is how browsers are told. Without a key none is.
type Push struct {
	// Key refers to the private key by which push services know this installation.
	Key Secret `yaml:"key"`
	// Subject is whom a push service tells of trouble.
	Subject string `yaml:"subject"`
	// Hosts are the push services that are sent to.
	Hosts []string `yaml:"hosts" default:"fcm.googleapis.com, updates.push.services.mozilla.com, *.push.apple.com, *.notify.windows.com"`
}

func (n *Notices) check(r *report) {
	n.SMTP.check(r)
	r.secret("notices.webhook.secret", n.Webhook.Secret)
	switch n.SMS.Provider {
	case "aliyun":
		n.SMS.Aliyun.check(r, "notices.sms.aliyun")
	case "twilio":
		n.SMS.Twilio.check(r, "notices.sms.twilio")
	case "http":
		n.SMS.HTTP.check(r, "notices.sms.http")
	}
	switch n.Voice.Provider {
	case "twilio":
		n.Voice.Twilio.check(r, "notices.voice.twilio")
	case "http":
		n.Voice.HTTP.check(r, "notices.voice.http")
	}
	n.DingTalk.check(r, "notices.dingtalk", true)
	n.WeCom.check(r, "notices.wecom", false)
	n.Feishu.check(r, "notices.feishu", true)
	n.Slack.check(r, "notices.slack", false)
	n.Push.check(r)
	r.count("notices.limits.per_person", n.Limits.PerPerson, 1, 1000)
	r.count("notices.limits.at_once", n.Limits.AtOnce, 1, 1000)
	r.count("notices.limits.to_one", n.Limits.ToOne, 1, n.Limits.AtOnce)
}

// needed asks for a value that the section cannot do without.
func (r *report) needed(path, value string) {
	if value == "" {
		r.at(path, "a value is needed here")
	}
}

// needSecret asks for a reference that leads to a secret.
func (r *report) needSecret(path string, s Secret) {
	r.needed(path, string(s))
	r.secret(path, s)
}

func (a *Aliyun) check(r *report, at string) {
	r.needed(at+".endpoint", string(a.Endpoint))
	r.needed(at+".key_id", a.KeyID)
	r.needSecret(at+".key_secret", a.KeySecret)
	r.needed(at+".sign_name", a.SignName)
	r.needed(at+".template", a.Template)
	if !slices.ContainsFunc(a.Parameters, saysDrill) {
		r.at(at+".parameters", "no variable of the template holds {subject}, so a drill could not be told from an emergency: write a list as event={subject}")
	}
}

func (t *Twilio) check(r *report, at string) {
	r.needed(at+".endpoint", string(t.Endpoint))
	r.needed(at+".account", t.Account)
	r.needSecret(at+".token", t.Token)
	if len(t.From) == 0 {
		r.at(at+".from", "a number to send from is needed: write a list as +886255500100")
	}
}

func (g *Gateway) check(r *report, at string) {
	r.needed(at+".url", g.URL)
	r.secret(at+".secret", g.Secret)
	r.needed(at+".success", g.Success)
	if !saysDrill(g.URL + g.Body) {
		r.at(at+".body", "neither url nor body holds {subject} or {text}, so a drill could not be told from an emergency")
	}
}

// saysDrill reports whether a template shows what a drill is marked in.
func saysDrill(template string) bool {
	return strings.Contains(template, "{subject}") || strings.Contains(template, "{text}")
}

func (l *Robots) check(r *report, at string, signs bool) {
	r.distinct(at+".robots", len(l.Robots), func(i int) string { return l.Robots[i].Name })
	for i, robot := range l.Robots {
		at := fmt.Sprintf("%s.robots[%d]", at, i)
		if !holdfast.ValidName(robot.Name) {
			r.at(at+".name", "%q is no name of a robot: use 1 to 64 lower-case letters, digits, '-', '_' and '.', a letter or digit first", robot.Name)
		}
		r.needSecret(at+".url", robot.URL)
		r.secret(at+".secret", robot.Secret)
		if robot.Secret != "" && !signs {
			r.at(at+".secret", "this provider's robots sign nothing: leave it out")
		}
	}
}

func (p *Push) check(r *report) {
	r.secret("notices.push.key", p.Key)
	for _, h := range p.Hosts {
		name := strings.TrimPrefix(h, "*.")
		if _, err := netip.ParseAddr(name); err == nil || !validHost(name) || !strings.Contains(name, ".") || name != strings.ToLower(name) {
			r.at("notices.push.hosts", "%q is no name of a push service: write lower-case names as push.example.org, or *.example.org for all below", h)
		}
	}
	if p.Key == "" {
		return
	}
	address, isMail := strings.CutPrefix(p.Subject, "mailto:")
	if a, err := mail.ParseAddress(address); !(isMail && err == nil && a.Address == address) && !strings.HasPrefix(p.Subject, "https://") {
		r.at("notices.push.subject", "push services want to know whom to tell of trouble: write mailto: and an address, or a URL with https")
	}
	if len(p.Hosts) == 0 {
		r.at("notices.push.hosts", "no push service is sent to: name at least one")
	}
}
