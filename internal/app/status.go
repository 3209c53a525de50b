package app

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"

	"holdfast/internal/notify"
	"holdfast/internal/roster"
	"holdfast/internal/status"
	"holdfast/internal/statuspage"
	"holdfast/internal/subscription"
	"holdfast/internal/web"
)

// makeStatus makes what the public is told with. key makes the links of mails.
func (c *Control) makeStatus(key []byte) (err error) {
	b, conf := c.books, c.opt.Config
	c.status = &status.Service{Desk: c.desk, Nouns: status.Nouns{
		Book: b.status, Plans: b.plans, Incidents: b.incidents, Directives: b.directives, Gates: b.gates, Alerts: b.alerts,
		Unsettled: func() bool { return b.restored.Open() != nil },
	}}
	senders, err := c.senders()
	if err != nil {
		return err
	}
	var mail notify.Sender
	if s := senders[string(roster.SMTP)]; s != nil {
		mail = s
	}
	if c.subscribers, err = subscription.New(subscription.Options{
		State: c.state, Documents: c.store, Book: b.status, Sender: mail, Key: key,
		Busy:     func() bool { return b.notices.Urgent(c.opt.Now()) },
		Operator: conf.Operator, Page: string(conf.Status.URL), Node: string(conf.Status.Subscribe),
		Zone: conf.TimeZone.Location(), Log: c.opt.Log, Now: c.opt.Now,
	}); err != nil {
		return err
	}
	look := statuspage.Look{Zone: conf.TimeZone.Location(), URL: string(conf.Status.URL)}
	if c.subscribers.Open() {
		look.Subscribe = string(conf.Status.Subscribe)
	}
	if c.pages, err = statuspage.NewWriter(statuspage.WriterOptions{
		State: c.state, Journal: c.store, Nouns: c.status.Nouns, Operator: conf.Operator, Look: look, Dir: conf.Status.Dir,
		Rhythm: status.Rhythm{Every: conf.Status.Every.D(), Stale: conf.Status.Stale.D()}, Log: c.opt.Log, Now: c.opt.Now,
	}); err != nil {
		return err
	}
	c.loops = append(c.loops, loop{"status page", c.pages.Run}, loop{"subscribers", c.subscribers.Run})
	return nil
}

// listenStatus serves the public status page alone, if the settings say where.
func (c *Control) listenStatus(server *web.Server) (err error) {
	address := string(c.opt.Config.Listen.Status)
	if address == "" {
		return nil
	}
	var l net.Listener
	if l, err = listen("the public status page", address, &c.down); err != nil {
		return err
	}
	c.public = l
	if l, err = c.overTLS(l); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/status/", statuspage.Handler(server, c.pages, c.subscribers))
	mux.Handle("/{$}", http.RedirectHandler("/status/", http.StatusFound))
	c.loops = append(c.loops, serve("public status page", l, &http.Server{
		Handler: server.Wrap(mux), ReadHeaderTimeout: grace, ReadTimeout: grace, WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(c.opt.Log.Handler(), slog.LevelDebug),
	}))
	return nil
}

// SetPublic says, instead of the settings, where the public finds the pages and the
// node. Call it before Run.
func (c *Control) SetPublic(base string) {
	c.subscribers.Page, c.subscribers.Node = base, base
	c.pages.Look.URL = base
	if c.subscribers.Open() {
		c.pages.Look.Subscribe = base
	}
}

// overTLS puts the console's certificate before a listener, if there is one.
func (c *Control) overTLS(l net.Listener) (net.Listener, error) {
	conf := c.opt.Config
	if conf.TLS.Certificate == "" {
		return l, nil
	}
	pair, err := tls.LoadX509KeyPair(string(conf.TLS.Certificate), string(conf.TLS.Key))
	if err != nil {
		return nil, err
	}
	return tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}), nil
}

// StatusAddress is where the public status page is served alone; "" if it is not.
func (c *Control) StatusAddress() string {
	if c.public == nil {
		return ""
	}
	return c.public.Addr().String()
}
