package config

import (
	"net"
	"net/mail"
	"net/netip"
	"regexp"
	"strings"

	"holdfast/internal/expression"
)

// Intake holds what comes in from outside, besides what a token alone lets in.
type Intake struct {
	// PublicReports lets anybody report a problem on the page /report.
	PublicReports bool `yaml:"public_reports" default:"true"`
	// Grafana says how Grafana's webhooks are signed; without a secret a token is
	// enough.
	Grafana     Signed        `yaml:"grafana"`
	CloudEvents CloudEventsIn `yaml:"cloudevents"`
	Mail        MailIn        `yaml:"mail"`
	// Webhooks are the mappings of senders with a format of their own.
	Webhooks []WebhookIn `yaml:"webhooks"`
}

// Signed says how a sender signs.
type Signed struct {
	Secret Secret `yaml:"secret"`
	// Previous is taken as well as Secret, while senders change from one to the other.
	Previous Secret `yaml:"previous"`
	// Header holds the signature; Timestamp, if it is not empty, the time, which is
	// signed too then.
	Header    string `yaml:"header" default:"X-Grafana-Alerting-Signature"`
	Timestamp string `yaml:"timestamp"`
}

// CloudEventsIn says who may ask whether CloudEvents are welcome.
type CloudEventsIn struct {
	// Origins are the names that senders give themselves, as eventgrid.example.net, or
	// * for any. A sender with a token is welcome without.
	Origins []string `yaml:"origins"`
}

// MailIn is the listener for mail that becomes alerts.
type MailIn struct {
	// Listen is a loopback or private address; empty means that no mail is taken.
	Listen Address `yaml:"listen"`
	// From lists who may send: addresses, and domains as @example.org.
	From []string `yaml:"from"`
}

// WebhookIn maps the body of one sender; each value but the name is an expression.
type WebhookIn struct {
	Name        string   `yaml:"name"`
	Firing      string   `yaml:"firing"`
	Resolved    string   `yaml:"resolved"`
	Key         string   `yaml:"key"`
	Alertname   string   `yaml:"alertname"`
	Severity    string   `yaml:"severity"`
	Summary     string   `yaml:"summary"`
	Description string   `yaml:"description"`
	Link        string   `yaml:"link"`
	Labels      []string `yaml:"labels"`
}

const maxWebhooks = 50

var (
	senderName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	hostName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]{1,100}$`)
	taken      = []string{"alertmanager", "grafana", "pagerduty", "cloudevents", "mail", "report", "holdfast", "gates"}
)

func (i *Intake) check(r *report) {
	const at = "intake."
	r.secret(at+"grafana.secret", i.Grafana.Secret)
	if !headerName.MatchString(i.Grafana.Header) {
		r.at(at+"grafana.header", "%q is not the name of a header", i.Grafana.Header)
	}
	if i.Grafana.Timestamp != "" && !headerName.MatchString(i.Grafana.Timestamp) {
		r.at(at+"grafana.timestamp", "%q is not the name of a header", i.Grafana.Timestamp)
	}
	if i.Grafana.Previous != "" {
		r.secret(at+"grafana.previous", i.Grafana.Previous)
		if i.Grafana.Secret == "" {
			r.at(at+"grafana.previous", "there is no intake.grafana.secret that takes its place")
		}
	}
	r.distinct(at+"cloudevents.origins", len(i.CloudEvents.Origins), func(n int) string { return strings.ToLower(i.CloudEvents.Origins[n]) })
	for n, origin := range i.CloudEvents.Origins {
		if origin != "*" && !hostName.MatchString(origin) {
			r.at(index(at+"cloudevents.origins", n), "%q is no name of a host, as eventgrid.example.net, nor *", origin)
		}
	}
	i.Mail.check(r)
	if len(i.Webhooks) > maxWebhooks {
		r.at(at+"webhooks", "there are %d; %d is the limit", len(i.Webhooks), maxWebhooks)
		return
	}
	r.distinct(at+"webhooks", len(i.Webhooks), func(n int) string { return i.Webhooks[n].Name })
	for n, w := range i.Webhooks {
		w.check(r, index(at+"webhooks", n))
	}
}

func (m *MailIn) check(r *report) {
	const at = "intake.mail."
	r.distinct(at+"from", len(m.From), func(i int) string { return strings.ToLower(m.From[i]) })
	for i, who := range m.From {
		address := who
		if strings.HasPrefix(who, "@") {
			address = "x" + who
		}
		if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
			r.at(index(at+"from", i), "%q is no sender: write an address, or a domain as @example.org", who)
		}
	}
	if m.Listen == "" {
		return
	}
	if len(m.From) == 0 {
		r.at(at+"from", "who may send has to be named: addresses, or domains as @example.org")
	}
	host, _, _ := net.SplitHostPort(string(m.Listen))
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback() && !ip.IsPrivate()) {
		r.at(at+"listen", "mail comes unencrypted and its senders are taken at their word: listen on a loopback or private address, and let the mail server forward to it")
	}
}

func (w WebhookIn) check(r *report, at string) {
	if !senderName.MatchString(w.Name) {
		r.at(join(at, "name"), "%q is no name of a sender: 1 to 40 small letters, digits and -", w.Name)
	}
	for _, name := range taken {
		if name == w.Name {
			r.at(join(at, "name"), "%s is the name of another way in", name)
		}
	}
	body := map[string]expression.Type{"body": expression.StringMap}
	for field, src := range map[string]string{"firing": w.Firing, "resolved": w.Resolved} {
		if _, err := expression.Compile(src, body); src != "" && err != nil {
			r.at(join(at, field), "%v", err)
		}
	}
	texts := map[string]string{
		"key": w.Key, "alertname": w.Alertname, "severity": w.Severity, "summary": w.Summary, "description": w.Description, "link": w.Link,
	}
	for i, l := range w.Labels {
		name, src, _ := strings.Cut(l, "=")
		if strings.TrimSpace(name) == "" || strings.TrimSpace(src) == "" {
			r.at(index(join(at, "labels"), i), "a label is written as name=expression, not %q", l)
			continue
		}
		texts[index("labels", i)] = src
	}
	for field, src := range texts {
		if _, err := expression.CompileText(src, body); src != "" && err != nil {
			r.at(join(at, field), "%v", err)
		}
	}
}
