package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/config"
	"holdfast/internal/sandbox"
	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/postoffice"
	"holdfast/internal/sandbox/primary"
)

// DemoOptions set a demo up. Empty addresses take a free port of 127.0.0.1.
type DemoOptions struct {
	// Dir keeps everything; a demo started again in it goes on where it was.
	Dir string
	// Console, Gate and Fleet are the addresses to listen on.
	Console, Gate, Fleet string
	// Rate is the mean number of payments per second.
	Rate float64
	// Daily lets the rate follow the hours of a day; otherwise it is the same at
	// any hour.
	Daily bool
	// Seed decides everything random in the simulated world.
	Seed uint64
	// SecondGate starts a gate as a process of its own, joined over the network;
	// Program is the binary it runs.
	SecondGate bool
	Program    string
	// Empty begins a new demo without plan, people and roles, as an installation on its
	// first day: there is the first account, an admin, and the monitor's.
	Empty bool
	// Passwords is the cost of its passwords; zero means [access.DefaultCost].
	Passwords access.Cost
	// Plan changes the plan that a new demo begins with; nil leaves it.
	Plan func([]byte) []byte
	// Automation is where the operator's automation is called; empty is the post office.
	Automation string
	// NoMonitor leaves the monitor of the customers out.
	NoMonitor bool
	// Zone and Language are the operator's.
	Zone     string
	Language holdfast.Lang
	Log      *slog.Logger
	// Output takes what the second gate's process writes.
	Output io.Writer
	Now    func() time.Time
}

// Demo is Holdfast whole, in front of a simulated payment system under traffic.
//
//	customers ─▶ gate-1 (here) and gate-2 (a process of its own) ─▶ primary
//	a monitor of the customers ─▶ alerts ─▶ control node ─▶ the post office
//
// Its plan is the built-in one with hold times of seconds; its people are made
// up, and what is sent to them stays in the post office.
type Demo struct {
	opt   DemoOptions
	down  teardown
	loops []loop

	Control *Control
	World   *sandbox.Sandbox
	Office  *postoffice.Office
	Ready   Ready

	gate     *Gate
	balancer balancer
	empty    bool
}

// Ready says where everything answers; it is the content of the ready file.
type Ready struct {
	Console string `json:"console"`
	API     string `json:"api"`
	Gate    string `json:"gate"`
	// Token is an API token of the account Account, for everything it may do.
	Token string `json:"token"`
	PID   int    `json:"pid"`
	// Account and Password sign in to the console; Second is another person, with
	// the same password, for acts that need two.
	Account  string `json:"account"`
	Password string `json:"password"`
	Second   string `json:"second"`
	// Sandbox and SandboxToken are the control API of the simulated world.
	Sandbox      string `json:"sandbox"`
	SandboxToken string `json:"sandbox_token"`
	// PostOffice shows the mail and messages that were sent.
	PostOffice string `json:"post_office"`
}

// OpenDemo opens all parts.
func OpenDemo(ctx context.Context, opt DemoOptions) (_ *Demo, err error) {
	d := &Demo{opt: opt}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the demo's directory: %w", err)
	}
	kept, err := d.recall()
	if err != nil {
		return nil, err
	}
	if err := d.openWorld(kept); err != nil {
		return nil, err
	}
	if err := d.openOffice(kept); err != nil {
		return nil, err
	}
	if err := d.openControl(ctx, kept); err != nil {
		return nil, err
	}
	if err := d.openGates(kept); err != nil {
		return nil, err
	}
	return d, d.introduce(ctx, kept)
}

// demoPatience lets customers in doubt outlast any outage that a person plays
// through: nobody gives up, so each unknown payment is resolved in the end.
var demoPatience = customers.Patience{Longest: 15 * time.Second, Budget: 12 * time.Hour, Retries: 10_000}

func curve(daily bool) func(time.Time) float64 {
	if daily {
		return customers.Daily
	}
	return customers.Flat
}

func (d *Demo) openWorld(k *kept) (err error) {
	d.World, err = sandbox.New(sandbox.Options{
		Seed: d.opt.Seed, Dir: filepath.Join(d.opt.Dir, "sandbox"),
		Primary:        primary.Options{Address: k.Primary},
		Second:         &primary.Options{Address: k.Other},
		ControlAddress: k.Sandbox, Token: k.Ready.SandboxToken,
		Traffic: customers.Options{
			Rate: d.opt.Rate, Curve: curve(d.opt.Daily), Run: "c" + holdfast.NewID()[:8], Transport: &d.balancer,
			Mix: customers.Mix{Refunds: 0.02, Inquiries: 0.05}, Patience: demoPatience,
		},
	})
	if err != nil {
		return err
	}
	d.down.add("simulated world", d.World.Close)
	d.loops = append(d.loops, loop{"simulated world", d.World.Run})
	k.Primary, k.Other, k.Sandbox = hostOf(d.World.URL()), hostOf(d.World.Second.URL()), hostOf(d.World.ControlURL())
	return nil
}

func (d *Demo) openOffice(k *kept) (err error) {
	d.Office, err = postoffice.Open(postoffice.Options{SMTP: k.SMTP, HTTP: k.HTTP, Secret: k.Webhook})
	if err != nil {
		return err
	}
	d.down.add("post office", d.Office.Close)
	d.loops = append(d.loops, loop{"post office", d.Office.Run})
	k.SMTP, k.HTTP = d.Office.SMTPAddr(), d.Office.HTTPAddr()
	return nil
}

func (d *Demo) openControl(ctx context.Context, k *kept) error {
	o := d.opt
	host, port, _ := strings.Cut(k.SMTP, ":")
	c, err := config.Load(config.Options{
		Env: k.env,
		Flags: map[string]string{
			"data": filepath.Join(o.Dir, "control"), "operator": "Demo", "time_zone": o.Zone, "language": string(o.Language),
			"listen.console": address(o.Console, hostOf(k.Ready.Console)), "listen.fleet": address(o.Fleet, ""),
			"notices.smtp.host": host, "notices.smtp.port": port, "notices.smtp.starttls": "false", "notices.smtp.from": "holdfast@demo.invalid",
			"notices.webhook.secret": "env:HOLDFAST_DEMO_WEBHOOK", "probes.primary": d.World.URL(),
			"notices.push.key": "env:HOLDFAST_DEMO_PUSH", "notices.push.subject": "mailto:holdfast@demo.invalid",
			"fleet.lease": "6s", "status.dir": filepath.Join(o.Dir, "status"), "status.every": "1m", "status.stale": "3m",
		},
		File: "demo", Content: fmt.Appendf(nil, "automation: {endpoints: [{name: %s, url: %q, secret: \"env:HOLDFAST_DEMO_WEBHOOK\"}]}\n",
			demoEndpoint, cmp.Or(o.Automation, "http://"+k.HTTP+"/im/automation")),
	})
	if err != nil {
		return err
	}
	d.Control, err = OpenControl(ctx, ControlOptions{
		Config: c, Log: o.Log, Now: o.Now, Passwords: o.Passwords,
		Env: k.env,
	})
	if err != nil {
		return err
	}
	d.Control.SetPublic(d.Control.URL() + "/status")
	d.down.add("control node", d.Control.Close)
	d.loops = append(d.loops, loop{"control node", d.Control.Run})
	k.Ready.Console, k.Ready.API = d.Control.URL(), d.Control.URL()
	return nil
}

func (d *Demo) openGates(k *kept) error {
	conf, err := d.gateConfig(k, "gate-1", address(d.opt.Gate, hostOf(k.Ready.Gate)))
	if err != nil {
		return err
	}
	if err := d.knowPayers(conf.StandIn.Payers); err != nil {
		return err
	}
	d.loops = append(d.loops, loop{"what is known of payers", func(ctx context.Context) error { return d.keepPayers(ctx, conf.StandIn.Payers) }})
	d.gate, err = OpenGate(GateOptions{Config: conf, Control: d.Control.Join(), Env: k.env, Log: d.opt.Log, Now: d.opt.Now})
	if err != nil {
		return err
	}
	d.down.add("gate-1", d.gate.Close)
	d.loops = append(d.loops, loop{"gate-1", d.gate.Run})
	k.Ready.Gate = d.gate.URL()
	gates := []string{hostOf(d.gate.URL())}
	if d.opt.SecondGate {
		second, err := d.openSecondGate(k)
		if err != nil {
			return err
		}
		gates = append(gates, second)
	}
	d.Control.SetPlaces(d.gate.URL(), "")
	d.balancer.over(gates)
	return d.World.Traffic.SetTarget(d.gate.URL())
}

func (d *Demo) gateConfig(k *kept, name, listen string) (config.Gate, error) {
	dir := filepath.Join(d.opt.Dir, name)
	content := fmt.Appendf(nil, "%s\nstand_in: {data: %q, key: %q, payers: %q}\nsecond: {url: %q}\nfence: {data: %q, keep: 1h}\n",
		config.DefaultGateYAML, filepath.Join(dir, "advices"), "env:HOLDFAST_DEMO_STAND_IN", filepath.Join(d.opt.Dir, "payers.jsonl"), d.World.Second.URL(), filepath.Join(dir, "fence"))
	return config.LoadGate(config.Options{
		File: "gate.yaml (built in)", Content: content, Env: k.env,
		Flags: map[string]string{
			"name": name, "data": dir, "listen.payments": listen, "primary.url": d.World.URL(),
			"test_payers": "acct_test_01",
		},
	})
}

// introduce makes accounts, people and plan on the first start.
func (d *Demo) introduce(ctx context.Context, k *kept) error {
	if d.Control.NeedsAccount() {
		if err := d.Control.folding(ctx, func(ctx context.Context) error { return d.furnish(ctx, k) }); err != nil {
			return fmt.Errorf("furnish the demo: %w", err)
		}
	}
	k.Ready.Sandbox, k.Ready.PostOffice, k.Ready.PID = d.World.ControlURL(), "http://"+d.Office.HTTPAddr(), os.Getpid()
	d.Ready, d.empty = k.Ready, k.Empty
	if !d.opt.NoMonitor {
		d.loops = append(d.loops, loop{"monitor", newMonitor(d, k).run})
	}
	return d.keep(k)
}

func (d *Demo) furnish(ctx context.Context, k *kept) error {
	c, r := d.Control, &k.Ready
	if err := c.access.Bootstrap(ctx, r.Account, r.Password); err != nil {
		return err
	}
	admin, err := c.principal(r.Account)
	if err != nil {
		return err
	}
	if !k.Empty {
		if err := d.people(ctx, admin, k); err != nil {
			return err
		}
		if admin, err = c.principal(r.Account); err != nil { // with the new roles
			return err
		}
	}
	monitor := access.NewAccount{Name: "monitor", Display: "Monitor", Roles: []access.Role{access.Sender}}
	if err := c.access.CreateAccount(ctx, admin, monitor, r.Password); err != nil {
		return err
	}
	if r.Token, _, err = c.access.IssueToken(ctx, admin, access.NewToken{Account: r.Account, Name: "demo", Scopes: admin.Actions}); err != nil {
		return err
	}
	k.Monitor, _, err = c.access.IssueToken(ctx, access.Self("demo"), access.NewToken{Account: "monitor", Name: "monitor", Scopes: access.Actions{access.DeliverAlerts}})
	return err
}

// people makes the accounts, the roster and the plan of a made-up operator.
func (d *Demo) people(ctx context.Context, admin access.Principal, k *kept) error {
	c, r := d.Control, &k.Ready
	all := demoAccounts(r.Account, r.Second)
	if err := c.access.ChangeAccount(ctx, admin, r.Account, access.Changes{Roles: &all[0].Roles, Display: &all[0].Display}); err != nil {
		return err
	}
	for _, a := range all[1:] {
		if err := c.access.CreateAccount(ctx, admin, a.NewAccount, r.Password); err != nil {
			return err
		}
	}
	if err := c.roster.Record(ctx, admin.Actor, demoPeople(k)...); err != nil {
		return err
	}
	if err := c.roster.RecordParties(ctx, admin.Actor, demoParties()...); err != nil {
		return err
	}
	text := demoPlan()
	if d.opt.Plan != nil {
		text = d.opt.Plan(text)
	}
	_, err := c.plans.Publish(ctx, admin.Actor, text, "demo")
	return err
}

// principal is an account as a signed-in party.
func (c *Control) principal(account string) (access.Principal, error) {
	a, err := c.access.Account(account)
	return a.Principal(), err
}

// Run serves until ctx ends.
func (d *Demo) Run(ctx context.Context) error {
	return errors.Join(together(ctx, d.loops...), d.Close())
}

// Close releases what OpenDemo opened.
func (d *Demo) Close() error { return d.down.close() }

// newWebhookSecret makes a key in the form of Standard Webhooks.
func newWebhookSecret() string {
	var key [32]byte
	rand.Read(key[:])
	return "whsec_" + base64.StdEncoding.EncodeToString(key[:])
}

func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return u.Host
}

// address is the one asked for, else the one the demo had before, else free.
func address(asked, before string) string {
	switch {
	case asked != "":
		return asked
	case before != "":
		return before
	default:
		return "127.0.0.1:0"
	}
}
