package app

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/alert"
	"holdfast/internal/authority"
	"holdfast/internal/backup"
	"holdfast/internal/callout"
	"holdfast/internal/config"
	"holdfast/internal/debrief"
	"holdfast/internal/device"
	"holdfast/internal/directive"
	"holdfast/internal/draft"
	"holdfast/internal/enrolment"
	"holdfast/internal/filing"
	"holdfast/internal/fleet"
	"holdfast/internal/gate"
	"holdfast/internal/improvement"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/obligation"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/probes"
	"holdfast/internal/ramp"
	"holdfast/internal/reconciliation"
	"holdfast/internal/response"
	"holdfast/internal/roster"
	"holdfast/internal/settlement"
	"holdfast/internal/sqljournal/source"
	"holdfast/internal/status"
	"holdfast/internal/statuspage"
	"holdfast/internal/subscription"
	"holdfast/internal/traffic"
	"holdfast/internal/trial"
	"holdfast/internal/trigger"
	"holdfast/internal/waiver"
)

// ControlOptions open a control node.
type ControlOptions struct {
	Config config.Config
	// Env looks up what secrets are named by.
	Env func(string) (string, bool)
	Log *slog.Logger
	Now func() time.Time
	// Passwords is the cost of a password set from now on; zero means
	// [access.DefaultCost].
	Passwords access.Cost
}

// Control is a control node: journal, console, API, and the end that gates talk
// to.
type Control struct {
	opt   ControlOptions
	down  teardown
	loops []loop

	store source.Store
	place source.Options
	state *journal.State
	desk  *journal.Desk
	books books

	access     *access.Service
	alerts     *alert.Service
	directives *directive.Service
	gates      *enrolment.Service
	notices    *notify.Service
	plans      *plan.Service
	drafts     *draft.Service
	triggers   *trigger.Service
	filings    *filing.Service
	waivers    *waiver.Service
	owed       *obligation.Service
	improved   *improvement.Service
	reconciled *reconciliation.Service
	trials     *trial.Board
	settled    *settlement.Service
	debriefs   *debrief.Service
	deciders   *authority.Service
	roster     *roster.Service
	verifier   *callout.Verifier
	tester     *callout.Tester
	inviter    *callout.Inviter
	readers    *callout.Readers
	acks       *callout.Acks
	caller     *callout.Caller
	auditor    *callout.Auditor
	response   *response.Service
	series     *traffic.Series
	node       *fleet.Node
	runner     *probes.Runner
	authority  *fleet.Authority
	backups    *backup.Keeper
	restored   *backup.Service

	status      *status.Service
	pages       *statuspage.Writer
	subscribers *subscription.Service
	devices     *device.Service

	console, fleet, mail, public net.Listener
}

// books are the folded state, one for each noun.
type books struct {
	access     *access.Book
	alerts     *alert.Book
	directives *directive.Book
	gates      *enrolment.Book
	incidents  *incident.Book
	notices    *notify.Book
	plans      *plan.Book
	drafts     *draft.Book
	triggers   *trigger.Book
	filings    *filing.Book
	waivers    *waiver.Book
	owed       *obligation.Book
	improved   *improvement.Book
	reconciled *reconciliation.Book
	settled    *settlement.Book
	debriefs   *debrief.Book
	authority  *authority.Book
	roster     *roster.Book
	timeline   *response.Timeline
	restored   *backup.Book
	told       *callout.Ledger
	status     *status.Book
}

// mayApprove reports whether an account may approve drafts of the plan now.
func (b books) mayApprove(by holdfast.Actor) bool { return b.access.May(by, access.ApprovePlan) }

// OpenControl opens the journal, folds it, and listens.
func OpenControl(ctx context.Context, opt ControlOptions) (_ *Control, err error) {
	c := &Control{opt: opt, series: traffic.NewSeries()}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if err := c.openJournal(ctx); err != nil {
		return nil, err
	}
	if err := c.makeServices(ctx); err != nil {
		return nil, err
	}
	if err := c.listenFleet(); err != nil {
		return nil, err
	}
	if err := c.listenConsole(); err != nil {
		return nil, err
	}
	if err := c.listenMail(); err != nil {
		return nil, err
	}
	return c, c.listenMetrics()
}

func (c *Control) openJournal(ctx context.Context) (err error) {
	conf := c.opt.Config
	o := source.Options{
		Dir: conf.Data, Database: conf.Journal.Database, Fenced: conf.Journal.Fenced, Now: c.opt.Now, Warn: func(m string) { c.opt.Log.Warn(m) },
	}
	if o.Password, err = conf.Journal.Password.Read(c.opt.Env); err != nil {
		return fmt.Errorf("journal.password: %w", err)
	}
	c.place = o
	if c.store, err = source.Open(ctx, o); err != nil {
		return fmt.Errorf("open the journal in %s: %w", o.Place(), err)
	}
	c.down.add("journal", c.store.Close)
	c.books = books{
		access: access.NewBook(), alerts: alert.NewBook(), directives: directive.NewBook(c.store.Genesis()), gates: enrolment.NewBook(),
		incidents: incident.NewBook(), notices: notify.NewBook(), plans: plan.NewBook(), drafts: draft.NewBook(), triggers: trigger.NewBook(), filings: filing.NewBook(), waivers: waiver.NewBook(), owed: obligation.NewBook(), debriefs: debrief.NewBook(), authority: authority.NewBook(), roster: roster.NewBook(), timeline: response.NewTimeline(),
		restored: backup.NewBook(), improved: improvement.NewBook(), reconciled: reconciliation.NewBook(), settled: settlement.NewBook(), told: callout.NewLedger(), status: status.NewBook(),
	}
	b := c.books
	c.state = journal.NewState(c.store, c.store.Genesis(), b.access, b.alerts, b.directives, b.gates, b.incidents, b.notices, b.plans, b.drafts, b.triggers, b.filings, b.waivers, b.owed, b.improved, b.debriefs, b.authority, b.roster, b.timeline, b.restored, b.told, b.status, b.reconciled, b.settled)
	if err := c.state.Load(ctx); err != nil {
		return fmt.Errorf("fold the journal: %w", err)
	}
	c.desk = &journal.Desk{Journal: c.store, State: c.state, Now: c.opt.Now}
	c.sayRestored()
	return nil
}

func (c *Control) makeServices(ctx context.Context) (err error) {
	b, conf := c.books, c.opt.Config
	if c.access, err = access.New(access.Options{
		Desk: c.desk, Book: b.access, Documents: c.store, SessionLife: conf.Sessions.Lifetime.D(), SessionIdle: conf.Sessions.Idle.D(),
		Cost: c.opt.Passwords,
	}); err != nil {
		return err
	}
	c.alerts = &alert.Service{Desk: c.desk, Book: b.alerts}
	c.directives = &directive.Service{Desk: c.desk, Book: b.directives, Gates: b.gates}
	c.gates = &enrolment.Service{Desk: c.desk, Book: b.gates, Above: c.aloneUpTo}
	c.notices = &notify.Service{Desk: c.desk, Book: b.notices}
	c.plans = &plan.Service{Desk: c.desk, Book: b.plans, Files: c.store}
	c.triggers = &trigger.Service{Desk: c.desk, Nouns: trigger.Nouns{Triggers: b.triggers, Drafts: b.drafts, Plans: b.plans, Roster: b.roster, Improvements: b.improved, Zone: conf.TimeZone.Location()}}
	c.waivers = &waiver.Service{Desk: c.desk, Nouns: waiver.Nouns{Waivers: b.waivers, Plans: b.plans, Drafts: b.drafts, Roster: b.roster}}
	c.deciders = &authority.Service{Desk: c.desk, Nouns: authority.Nouns{Book: b.authority, Plans: b.plans, Roster: b.roster, Incidents: b.incidents}, Log: c.opt.Log}
	c.filings = &filing.Service{Desk: c.desk, Book: b.filings, Plans: b.plans, Files: c.store}
	c.drafts = &draft.Service{Desk: c.desk, Nouns: draft.Nouns{Drafts: b.drafts, Plans: b.plans, Roster: b.roster, Notices: b.notices, MayApprove: b.mayApprove, Judge: judge(b.waivers)}, Files: c.store}
	c.roster = roster.New(c.desk, b.roster)
	if err := c.makeDevices(); err != nil {
		return err
	}
	c.node = fleet.NewNode(c.desk, c.directives, b.gates, c.series, c.opt.Log)
	c.directives.Fences = c.node.Fences
	c.node.Unsettled = func() bool { return b.restored.Open() != nil }
	c.restored = &backup.Service{Desk: c.desk, Book: b.restored}
	if err := c.makeKeeper(); err != nil {
		return err
	}
	c.node.Durability = c.store.Durability

	key, err := probeKey(filepath.Join(conf.Data, "probe.key"))
	if err != nil {
		return err
	}
	c.runner = &probes.Runner{
		Places: map[string]string{}, Key: key, Now: c.opt.Now,
		HTTP: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	c.SetPlaces(string(conf.Probes.Gate), string(conf.Probes.Primary))
	c.response = &response.Service{
		Desk: c.desk, Incidents: b.incidents, Alerts: b.alerts, Plans: b.plans, Directives: b.directives, Gates: b.gates,
		Notices: b.notices, Sender: c.notices, Roster: b.roster, Authority: c.deciders.Nouns, Series: c.series, Sources: c.node.Sources, Fences: c.node.Fences, ClosedOut: c.closedOut, Lost: c.lost, Timeline: b.timeline, Obligations: b.owed, Prober: c.runner, Documents: c.store, Zone: conf.TimeZone.Location(), Log: c.opt.Log,
	}
	if c.response.Automation, err = c.automation(); err != nil {
		return err
	}
	c.owed = &obligation.Service{Desk: c.desk, Files: c.store, Log: c.opt.Log, Nouns: obligation.Nouns{
		Book: b.owed, Incidents: b.incidents, Alerts: b.alerts, Plans: b.plans, Roster: b.roster, Measured: c.response.Figures, Reading: c.response.Reading, Zone: conf.TimeZone.Location(),
	}}
	c.debriefs = &debrief.Service{Desk: c.desk, Log: c.opt.Log, Nouns: debrief.Nouns{
		Book: b.debriefs, Incidents: b.incidents, Plans: b.plans, Roster: b.roster, Obligations: c.owed.Nouns, Facts: b.timeline, Kept: debrief.NewKept(), Count: c.response.Count,
	}}
	c.response.Debriefs, c.gates.Left = c.debriefs.Nouns, c.response.Left
	c.makeImprovements()
	c.makeReconciliation()
	c.makeShadow()
	c.makeSettlement()
	linkKey, err := callout.LinkKey(ctx, c.store)
	if err != nil {
		return err
	}
	if err := c.makeStatus(linkKey); err != nil {
		return err
	}
	c.verifier = &callout.Verifier{
		Roster: c.roster, Notices: c.notices, Key: linkKey, Page: c.confirmPage,
		Operator: conf.Operator, Language: conf.Language, Zone: conf.TimeZone.Location(), Now: c.opt.Now,
	}
	c.tester = &callout.Tester{Notices: c.notices, Operator: conf.Operator}
	c.inviter = &callout.Inviter{Notices: c.notices, Key: linkKey, Page: c.reviewPage, Operator: conf.Operator, Zone: conf.TimeZone.Location()}
	c.drafts.Letters = letters{c.inviter}
	c.readers = &callout.Readers{
		State: c.state, Drafts: c.drafts, Notices: c.notices, Key: linkKey, Plan: c.planPage, Page: c.readPage,
		Operator: conf.Operator, Zone: conf.TimeZone.Location(), Log: c.opt.Log, Now: c.opt.Now,
	}
	c.acks = &callout.Acks{
		State: c.state, Incidents: b.incidents, Book: b.notices, Notices: c.notices, Key: linkKey, Page: c.ackPage, Now: c.opt.Now, Tries: callout.NewTries(),
	}
	courier, err := c.courier()
	if err != nil {
		return err
	}
	c.caller = &callout.Caller{Desk: c.desk, Incidents: b.incidents, Book: b.notices, Roster: b.roster}
	told := &callout.Service{
		State: c.state, Incidents: b.incidents, Plans: b.plans, Roster: b.roster, Book: b.notices, Notices: c.notices, Ledger: b.told,
		Directives: b.directives, Authority: c.deciders.Nouns, Decide: c.decidePage,
		Link: c.link, Zone: conf.TimeZone.Location(), Log: c.opt.Log, Now: c.opt.Now,
	}
	owed := &callout.Owed{
		State: c.state, Obligations: c.owed.Nouns, Book: b.notices, Notices: c.notices,
		Link: c.link, Zone: conf.TimeZone.Location(), Log: c.opt.Log, Now: c.opt.Now,
	}
	climber := &ramp.Controller{
		Desk: c.desk, Incidents: b.incidents, Directives: b.directives, Gates: b.gates, Plans: b.plans, Series: c.series, Prober: c.runner, Log: c.opt.Log,
		Sources: c.reconciled.Sources, Barred: c.response.Unattacked,
	}
	detection, err := c.detection()
	if err != nil {
		return err
	}
	if c.auditor, err = c.audit(told); err != nil {
		return err
	}
	c.loops = append(c.loops,
		loop{"auditor", c.auditor.Run}, loop{"detection", detection.Run}, loop{"confirmation", c.node.Confirm}, loop{"callout", told.Run}, loop{"readers", c.readers.Run}, loop{"response", c.response.Run}, loop{"watchdogs", c.response.RunWatchdogs}, loop{"automation", c.response.RunWebhooks}, loop{"ramps", climber.Run}, loop{"probes of ramps", climber.RunProbes}, loop{"authority", c.deciders.Run}, loop{"obligations", c.owed.Run}, loop{"debriefs", c.debriefs.Run}, loop{"who reports", owed.Run}, loop{"notices", courier.Run},
		loop{"departures", func(ctx context.Context) error { return c.roster.Run(ctx, c.opt.Log) }},
		loop{"pack", (&packer{
			dir: filepath.Join(conf.Data, "pack"), state: c.state, plans: b.plans, who: b.roster, gates: b.gates,
			now: c.opt.Now, zone: conf.TimeZone.Location(), log: c.opt.Log,
		}).Run},
	)
	if conf.Journal.Database != "" {
		c.loops = append(c.loops, loop{"shared counts", func(ctx context.Context) error { return c.node.Share(ctx, c.store) }})
	}
	// The state's loop is not running yet: these two facts are folded here.
	return c.folding(ctx, func(ctx context.Context) error {
		return c.directives.Prepare(ctx, conf.Fleet.Lease.D(), key.Public().(ed25519.PublicKey))
	})
}

// folding lets an act be written and read back before Run has begun.
func (c *Control) folding(ctx context.Context, act func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	folded := make(chan error, 1)
	go func() { folded <- c.state.Run(ctx) }()
	err := act(ctx)
	stop()
	return errors.Join(err, <-folded)
}

// probeKey loads the key that signs the marks of test payments, or makes one.
func probeKey(path string) (ed25519.PrivateKey, error) {
	seed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		seed = make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		err = posture.WriteFile(path, seed)
	}
	if err != nil {
		return nil, fmt.Errorf("the key of test payments: %w", err)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, holdfast.Errorf(holdfast.Damaged, "%s is not a key of %d bytes; remove it, and a new one is made", path, ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// FleetDir is the name, in a control node's directory, of its own authority's.
const FleetDir = "fleet"

// Join is the end that a gate in this process talks to.
func (c *Control) Join() gate.Control { return c.node }

// NeedsAccount reports whether there is no account yet.
func (c *Control) NeedsAccount() bool { return len(c.access.Accounts()) == 0 }

// Bootstrap makes the first account, an admin. Call it before Run.
func (c *Control) Bootstrap(ctx context.Context, name, password string) error {
	return c.folding(ctx, func(ctx context.Context) error { return c.access.Bootstrap(ctx, name, password) })
}

// Run serves until ctx ends. The state follows the journal until all else has ended:
// who writes a last word reads it back.
func (c *Control) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	following, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	followed := make(chan error, 1)
	go func() {
		err := c.state.Run(following)
		stop() // nothing is right without it
		followed <- err
	}()
	err := together(ctx, c.loops...)
	end()
	if failed := <-followed; failed != nil {
		err = errors.Join(err, fmt.Errorf("state: %w", failed))
	}
	return errors.Join(err, c.Close())
}

// Close releases what OpenControl opened.
func (c *Control) Close() error { return c.down.close() }
