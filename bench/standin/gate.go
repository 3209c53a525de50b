package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"holdfast"
	"holdfast/bench/standing"
	"holdfast/internal/gate/decider"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// gate is the decider of one, at work under a directive.
type gate struct {
	decider *decider.Decider
	source  advice.Source
	stop    context.CancelFunc
	ended   chan error
}

// openGate begins to decide for a source, and returns once it does. Shared says that others do, too.
func openGate(ctx context.Context, source advice.Source, name string, shared bool) (*gate, error) {
	info, err := source.Info(ctx)
	if err != nil {
		return nil, err
	}
	terms, err := json.Marshal(profile())
	if err != nil {
		return nil, err
	}
	d, err := decider.New(ctx, decider.Options{
		Gate: name, Boot: holdfast.NewID(), Source: source, Shared: shared, Key: key, Payers: standing.Everybody{Since: time.Now()}, Clock: standing.Clock{Begun: time.Now()},
	})
	if err != nil {
		return nil, err
	}
	g := &gate{decider: d, source: source, ended: make(chan error, 1)}
	ctx, g.stop = context.WithCancel(ctx)
	go func() { g.ended <- d.Run(ctx) }()
	d.Install(posture.Set{
		Head:       holdfast.Head{Journal: "j", Position: 1},
		Directives: []posture.Directive{{ID: directive, Kind: posture.StandIn, Scope: "all", Open: true, Profile: terms, Source: info.ID}},
	})
	// The first answer comes when every shard is open.
	if err := g.approve(0, payers{"6222000000"}.pay()); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// approve asks for a decision, and fails if it is no approval.
func (g *gate) approve(_ int, p *payment.Payment) error {
	answer, err := g.decider.Decide(context.Background(), decider.Ask{
		Payment: *p, Kind: standin.Payment, Cause: standin.Directed, Directive: directive, Seal: func() standin.Sealed { return sealed },
	})
	if err == nil && answer.Verdict != standin.Approved {
		err = fmt.Errorf("a payment was answered %s: %s", answer.Verdict, answer.Reason)
	}
	return err
}

// close waits for what was begun. Nobody asks any more.
func (g *gate) close() error {
	g.stop()
	if err := <-g.ended; !errors.Is(err, context.Canceled) {
		return errors.Join(err, g.source.Close())
	}
	return g.source.Close()
}
