package app

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"holdfast"
	"holdfast/internal/config"
	"holdfast/internal/gate/decider"
	"holdfast/internal/gate/forwarder"
	"holdfast/internal/gate/httpgate"
	"holdfast/internal/gate/seal"
	"holdfast/internal/gate/shadow"
	"holdfast/internal/posture"
	"holdfast/internal/sqljournal/advices"
	"holdfast/internal/sqljournal/postgres"
	"holdfast/internal/standin/advice"
	"holdfast/internal/traffic"
)

// standIn is what a gate needs to answer payments itself and to deliver them later.
type standIn struct {
	conf      config.StandIn
	keys      *seal.Keys
	vault     *seal.Vault
	payers    *decider.PayersFile
	decider   *decider.Decider
	shadow    *shadow.Shadow
	forwarder *forwarder.Forwarder
	// customers is how many payments were forwarded in the last second.
	customers atomic.Int64
}

// openStandIn opens the advice source; nil if the gate has none.
func (a *Gate) openStandIn() (*standIn, error) {
	if a.opt.Config.StandIn == nil {
		return nil, nil
	}
	s := &standIn{conf: *a.opt.Config.StandIn}
	key, err := s.secrets(a.opt.Env)
	if err != nil {
		return nil, err
	}
	conf := place{"stand_in", s.conf.Data, s.conf.Database, s.conf.Password, s.conf.Fenced, s.conf.Shards}
	source, err := a.openSource(conf)
	if err != nil {
		return nil, fmt.Errorf("open the advice source: %w", err)
	}
	a.down.add("advice source", source.Close)
	if conf.database == "" {
		a.opt.Log.Info("decisions of stand-in are kept on this machine alone: they survive a kill and the loss of power, not the loss of the machine", "dir", conf.data)
	}
	s.vault = seal.NewVault(s.keys, a.opt.Config.Name, source, a.opt.Now)
	s.payers = decider.NewPayersFile(s.conf.Payers, key, systemClock{a.opt.Now}.Now, a.opt.Log)
	if s.shadow, err = shadow.New(shadow.Options{Key: key, Payers: s.payers, Now: systemClock{a.opt.Now}.Now, Log: a.opt.Log}); err != nil {
		return nil, err
	}
	var routes []string
	for _, r := range a.opt.Config.Routes {
		routes = append(routes, r.Name)
	}
	s.decider, err = decider.New(context.Background(), decider.Options{
		Gate: a.opt.Config.Name, Boot: holdfast.NewID(), Source: source, Shared: s.conf.Database != "", Key: key, Payers: s.payers,
		Clock: systemClock{a.opt.Now}, Log: a.opt.Log, Rate: func() (float64, int) { return s.forwarder.Rate() },
		Keys: s.keys.Names(), Routes: routes, Vault: s.vault,
	})
	return s, err
}

// secrets reads the keys and returns the one that blinds payers.
func (s *standIn) secrets(env func(string) (string, bool)) ([]byte, error) {
	key, err := s.conf.Key.Read(env)
	if err != nil {
		return nil, fmt.Errorf("stand_in.key: %w", err)
	}
	var sealing [][]byte
	for i, ref := range s.conf.Seal {
		text, err := ref.Read(env)
		if err != nil {
			return nil, fmt.Errorf("stand_in.seal[%d]: %w", i, err)
		}
		sealing = append(sealing, []byte(text))
	}
	if len(sealing) == 0 {
		sealing = [][]byte{[]byte(key)}
	}
	s.keys, err = seal.NewKeys(sealing...)
	return []byte(key), err
}

// place says where an advice source is, and by which section of the settings.
type place struct {
	section, data, database string
	password                config.Secret
	fenced                  bool
	shards                  int
}

// openSource opens an advice source, after the process before if that is to be taken
// over from.
func (a *Gate) openSource(p place) (advice.Source, error) {
	if p.database != "" {
		password, err := p.password.Read(a.opt.Env)
		if err != nil {
			return nil, fmt.Errorf("%s.password: %w", p.section, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		return postgres.OpenAdvices(ctx, postgres.AdviceOptions{Source: p.database, Password: password, Fenced: p.fenced, Shards: p.shards})
	}
	for end := time.Now().Add(grace); ; {
		source, err := advices.Open(context.Background(), advices.Options{
			Dir: p.data, Shards: p.shards, Warn: func(m string) { a.opt.Log.Error(m) },
		})
		if err == nil || !a.took || holdfast.CodeOf(err) != holdfast.Unavailable || time.Now().After(end) {
			return source, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// join joins stand-in to the gate and its edge.
func (s *standIn) join(a *Gate, primary *httpgate.Primary) (err error) {
	late := httpgate.NewAdvices(primary, a.gate, s.vault, s.conf.Forward.Headers)
	a.edge.StandIn(s.decider, late)
	a.edge.Shadow(s.shadow)
	s.forwarder, err = forwarder.New(forwarder.Options{
		Queue: s.decider, Primary: late, Rate: s.conf.Forward.Rate, Lanes: s.conf.Forward.Connections, Spare: s.spare(), Grace: gateGrace,
		Clock: systemClock{a.opt.Now}, Log: a.opt.Log,
	})
	return err
}

// count is told each second what was answered in it.
func (s *standIn) count(second traffic.Snapshot) {
	var n int64
	for i := range second.Rows {
		if second.Rows[i].Verdict == posture.Forward.String() {
			n += second.Rows[i].Count
		}
	}
	s.customers.Store(n)
}

// spare is what customers leave of what the primary takes; nil if nobody said how much
// that is.
func (s *standIn) spare() func() int {
	if s.conf.Forward.Capacity == 0 {
		return nil
	}
	return func() int { return s.conf.Forward.Capacity - int(s.customers.Load()) }
}

// serve runs stand-in around what needs it: it decides until that has ended.
func (s *standIn) serve(ctx context.Context, payments loop) error {
	if s == nil {
		return payments.run(ctx)
	}
	deciding, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- s.decider.Run(deciding) }()
	err := together(ctx, payments, loop{"forwarder", untilEnd(s.forwarder.Run)}, loop{"payer snapshot", untilEnd(s.payers.Run)}, loop{"shadow mode", untilEnd(s.shadow.Run)})
	stop()
	<-ended
	return err
}

// untilEnd leaves out the error of what ends since it is to.
func untilEnd(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := run(ctx); ctx.Err() == nil {
			return err
		}
		return nil
	}
}
