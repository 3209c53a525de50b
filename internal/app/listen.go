package app

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"holdfast/internal/api"
	"holdfast/internal/console"
	"holdfast/internal/fleet"
	"holdfast/internal/statuspage"
	"holdfast/internal/telemetry"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

func (c *Control) listenFleet() (err error) {
	conf := c.opt.Config
	if conf.Listen.Fleet == "" {
		return nil
	}
	if c.fleet, err = listen("gates", string(conf.Listen.Fleet), &c.down); err != nil {
		return err
	}
	security, err := c.fleetTLS()
	if err != nil {
		return fmt.Errorf("certificates of the fleet: %w", err)
	}
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	s := &http.Server{
		Handler: fleet.Server(c.node), TLSConfig: security, Protocols: &protocols, ReadHeaderTimeout: grace,
		ErrorLog: slog.NewLogLogger(c.opt.Log.Handler(), slog.LevelDebug),
	}
	c.loops = append(c.loops, serve("fleet", tls.NewListener(c.fleet, security), s))
	return nil
}

func (c *Control) fleetTLS() (*tls.Config, error) {
	conf := c.opt.Config.Fleet
	if conf.Authority != "" {
		return fleet.LoadNodeTLS(string(conf.Certificate), string(conf.Key), string(conf.Authority))
	}
	var err error
	if c.authority, err = fleet.OpenAuthority(filepath.Join(c.opt.Config.Data, FleetDir), c.opt.Now()); err != nil {
		return nil, err
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	for _, h := range c.opt.Config.AllowedHosts {
		hosts = append(hosts, string(h))
	}
	return c.authority.Node(hosts, c.opt.Now())
}

func (c *Control) listenConsole() (err error) {
	conf := c.opt.Config
	if c.console, err = listen("console and API", string(conf.Listen.Console), &c.down); err != nil {
		return err
	}
	handler, err := c.handler()
	if err != nil {
		return err
	}
	s := &http.Server{
		Handler: handler, ReadHeaderTimeout: grace, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(c.opt.Log.Handler(), slog.LevelDebug),
	}
	l, err := c.overTLS(c.console)
	if err != nil {
		return fmt.Errorf("the console's certificate: %w", err)
	}
	c.loops = append(c.loops, serve("console", l, s))
	return nil
}

func (c *Control) handler() (http.Handler, error) {
	conf := c.opt.Config
	hosts := make([]string, len(conf.AllowedHosts))
	for i, h := range conf.AllowedHosts {
		hosts[i] = string(h)
	}
	server, err := web.New(web.Options{
		Access: c.access, Log: c.opt.Log, Hosts: hosts, Secure: conf.TLS.Certificate != "", Now: c.opt.Now, Language: conf.Language,
	})
	if err != nil {
		return nil, err
	}
	ways, err := c.ways()
	if err != nil {
		return nil, err
	}
	b := c.books
	source := &view.Source{
		State: c.state, Now: c.opt.Now, Access: b.access, Alerts: b.alerts, Directives: b.directives, Gates: b.gates, Incidents: b.incidents,
		Notices: b.notices, Plans: b.plans, Roster: b.roster, Timeline: b.timeline, Response: c.response, Series: c.series, Node: c.node, Durability: c.store.Durability,
		Restored: b.restored, Backups: c.backups, Auditor: c.auditor, Triggers: c.triggers.Nouns, Filings: b.filings, Waivers: b.waivers, Obligations: c.owed.Nouns, Improvements: c.improved.Nouns, Reconciliation: c.reconciled, Settlement: c.settled, Trials: c.trials, Debriefs: c.debriefs.Nouns, Authority: c.deciders.Nouns, Status: c.status.Nouns, Public: c.pages.Rhythm, Written: c.pages.Report, Files: c.store,
		Version: telemetry.Version(), Operator: conf.Operator,
	}
	c.response.Stage = source.Stage
	machines := &api.API{
		View: source, Store: c.store, Desk: c.desk, Access: c.access, Alerts: c.alerts, Directives: c.directives, Gates: c.gates,
		Notices: c.notices, Plans: c.plans, Drafts: c.drafts, Triggers: c.triggers, Filings: c.filings, Waivers: c.waivers, Obligations: c.owed, Improvements: c.improved, Reconciliation: c.reconciled, Settlement: c.settled, Debriefs: c.debriefs, Authority: c.deciders, Status: c.status, Pages: c.pages, Subscribers: c.subscribers, Devices: c.devices, Roster: c.roster, Verifier: c.verifier, Tester: c.tester, Response: c.response, Acks: c.acks, Caller: c.caller, Backups: c.backups, Restored: c.restored, Log: c.opt.Log,
	}
	people := &console.Console{
		View: source, Store: c.store, Desk: c.desk, Access: c.access, Alerts: c.alerts, Directives: c.directives, Gates: c.gates,
		Plans: c.plans, Drafts: c.drafts, Readers: c.readers, Triggers: c.triggers, Filings: c.filings, Waivers: c.waivers, Obligations: c.owed, Improvements: c.improved, Reconciliation: c.reconciled, Settlement: c.settled, Debriefs: c.debriefs, Authority: c.deciders, Status: c.status, Subscribers: c.subscribers, Devices: c.devices, Roster: c.roster, Verifier: c.verifier, Tester: c.tester, Response: c.response, Acks: c.acks, Caller: c.caller, Restored: c.restored, Zone: conf.TimeZone.Location(), Log: c.opt.Log,
	}
	machines.Evidence = people.Evidence
	machines.Ways, people.Webhooks, people.PublicReports = ways, ways.Webhooks, conf.Intake.PublicReports
	screens, err := people.Handler(server)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", machines.Handler(server))
	mux.Handle("/status", statuspage.Handler(server, c.pages, c.subscribers))
	mux.Handle("/status/", statuspage.Handler(server, c.pages, c.subscribers))
	mux.Handle("/", screens)
	if err := c.listenStatus(server); err != nil {
		return nil, err
	}
	return server.Wrap(mux), nil
}

func (c *Control) listenMetrics() error {
	if c.opt.Config.Listen.Metrics == "" {
		return nil
	}
	l, err := listen("metrics", string(c.opt.Config.Listen.Metrics), &c.down)
	if err != nil {
		return err
	}
	registry := telemetry.NewRegistry()
	gauge := func(name, help string, read func() float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "holdfast_" + name, Help: help}, func() (v float64) {
			c.state.View(func() { v = read() })
			return v
		}))
	}
	gauge("incidents_open", "Incidents that are suspected or active.", func() float64 { return float64(len(c.books.incidents.Open())) })
	gauge("alerts_waiting", "Alerts that nobody has dealt with.", func() float64 { return float64(c.books.alerts.WaitingCount()) })
	gauge("payments_unknown", "Payments whose outcome is not known.", func() float64 { return float64(c.books.gates.UnresolvedCount()) })
	gauge("overdue", "What was due to people and has not come to pass, as the auditor saw it last.", func() float64 { return float64(c.auditor.Report().Missing()) })
	gauge("gates_enrolled", "Gate processes that a stop waits for.", func() float64 { return float64(len(c.books.gates.Live())) })
	gauge("journal_unsettled", "1 while the journal was restored and nobody has said that every gate is accounted for.", func() float64 {
		if c.books.restored.Open() != nil {
			return 1
		}
		return 0
	})
	registry.MustRegister(backupMetrics{c.backups})
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "holdfast_journal_position", Help: "Position that the node has folded."},
		func() float64 { return float64(c.state.Head().Position) }))
	c.loops = append(c.loops, serve("metrics", l, metricsServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))))
	return nil
}

func metricsServer(h http.Handler) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", h)
	return &http.Server{Handler: mux, ReadHeaderTimeout: grace, ReadTimeout: grace, IdleTimeout: time.Minute}
}

// URL is the address of console and API.
func (c *Control) URL() string {
	scheme := "http"
	if c.opt.Config.TLS.Certificate != "" {
		scheme = "https"
	}
	return scheme + "://" + c.console.Addr().String()
}

// FleetURL is the address gates connect to; "" if there is none.
func (c *Control) FleetURL() string {
	if c.fleet == nil {
		return ""
	}
	return "https://" + c.fleet.Addr().String()
}
