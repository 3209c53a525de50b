package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"holdfast"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// gate decides for shards of a source: what waits while a commit is on its way goes
// into the next one, which takes packs of all shards.
type gate struct {
	source advice.Source
	terms  *standin.Compiled
	number int // of the gates
	shards int // of the source
	states map[int]*shard
	asked  chan *ask
	ended  chan struct{}
}

type shard struct {
	number   int
	revision uint64
	state    *standin.State
	records  []standin.Record // of the next pack
}

// ask is a request that waits for its answer.
type ask struct {
	request *standin.Request
	answer  standin.Answer
	failed  error

	answered chan error
}

const mostWaiting = 4096

// openGate takes over every shard that is gate number's of so many, from what its source holds.
func openGate(ctx context.Context, source advice.Source, number, of int) (*gate, error) {
	info, err := source.Info(ctx)
	if err != nil {
		return nil, err
	}
	terms, err := profile().Compile(false)
	if err != nil {
		return nil, err
	}
	g := &gate{
		source: source, terms: terms, number: number, shards: info.Shards, states: map[int]*shard{},
		asked: make(chan *ask, mostWaiting), ended: make(chan struct{}),
	}
	for n := number; n < info.Shards; n += of {
		s := &shard{number: n, state: standin.NewState()}
		for {
			packs, err := source.Read(ctx, n, s.revision, 1000)
			if err != nil {
				return nil, err
			}
			if len(packs) == 0 {
				break
			}
			for _, p := range packs {
				if err := s.state.Fold(p.Body); err != nil {
					return nil, err
				}
				s.revision = p.Revision()
			}
		}
		g.states[n] = s
		now := time.Now()
		if err := s.apply(standin.TakeOver(s.state, fmt.Sprint("gate-", number), fmt.Sprint(boot), now)); err != nil {
			return nil, err
		}
		opened, err := standin.Open(s.state, terms, directive, nil, now)
		if err != nil {
			return nil, err
		}
		if err := s.apply(opened...); err != nil {
			return nil, err
		}
		if err := g.draw(ctx, s, s.state.Registrations(directive)); err != nil {
			return nil, err
		}
	}
	if err := g.write(ctx, g.take()); err != nil {
		return nil, err
	}
	go g.work(ctx)
	return g, nil
}

func (s *shard) apply(records ...standin.Record) error {
	s.records = append(s.records, records...)
	return s.state.Apply(records...)
}

// draw draws slices of wider limits.
func (g *gate) draw(ctx context.Context, s *shard, needs []standin.Need) error {
	for _, n := range needs {
		for {
			revision, body, err := g.source.Ledger(ctx, n.Key)
			if err != nil {
				return err
			}
			next, record, err := n.Draw(body, s.number, g.shards)
			if err == nil && next != nil {
				err = g.source.PutLedger(ctx, n.Key, revision, next)
			}
			if holdfast.CodeOf(err) == holdfast.Conflict {
				continue
			}
			if err == nil && record != nil {
				err = s.apply(record)
			}
			if err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// approve asks for a decision, and fails if it is no approval.
func (g *gate) approve(_ int, r *standin.Request) error {
	a := &ask{request: r, answered: make(chan error, 1)}
	g.asked <- a
	if err := <-a.answered; err != nil {
		return err
	}
	if a.answer.Verdict != standin.Approved {
		return fmt.Errorf("a payment was answered %s: %s", a.answer.Verdict, a.answer.Reason)
	}
	return nil
}

// close waits for what was begun. Nobody asks any more.
func (g *gate) close() error {
	close(g.asked)
	<-g.ended
	return g.source.Close()
}

// work decides until nobody asks any more. One commit is on its way meanwhile.
func (g *gate) work(ctx context.Context) {
	defer close(g.ended)
	var open []*ask // decided, and not on its way
	done, flying := make(chan struct{}, 1), false
	for asked := g.asked; asked != nil || flying; {
		select {
		case a, more := <-asked:
			if !more {
				asked = nil
				continue
			}
			if !flying {
				runtime.Gosched() // who was just answered comes back at once
			}
			open = append(open, g.decide(ctx, a))
			for len(g.asked) > 0 && len(open) < mostWaiting {
				open = append(open, g.decide(ctx, <-g.asked))
			}
		case <-done:
			flying = false
		}
		if flying || len(open) == 0 {
			continue
		}
		batch, packs := open, g.take()
		open, flying = nil, true
		go func() {
			g.commit(ctx, batch, packs)
			done <- struct{}{}
		}()
	}
}

// decide decides on a request; the answer is to wait for the next commit.
func (g *gate) decide(ctx context.Context, a *ask) *ask {
	r := a.request
	s := g.states[standin.Shard(r.Payer, g.shards)]
	answer, records, needs := standin.Decide(s.state, g.terms, r, time.Now())
	if len(needs) > 0 {
		a.failed = g.draw(ctx, s, needs)
		r.Drawn = true
		answer, records, _ = standin.Decide(s.state, g.terms, r, time.Now())
	}
	a.answer = answer
	a.failed = errors.Join(a.failed, s.apply(records...))
	return a
}

// pack is the records of one shard for one commit.
type pack struct {
	shard    *shard
	revision uint64
	records  []standin.Record
}

// take takes the records of all shards into one commit.
func (g *gate) take() (packs []pack) {
	for _, s := range g.states {
		if len(s.records) > 0 {
			packs = append(packs, pack{s, s.revision, s.records})
			s.records = nil
			s.revision++
		}
	}
	return packs
}

// commit makes packs durable and then answers.
func (g *gate) commit(ctx context.Context, batch []*ask, packs []pack) {
	err := g.write(ctx, packs)
	for _, a := range batch {
		a.answered <- errors.Join(a.failed, err)
	}
}

func (g *gate) write(ctx context.Context, packs []pack) error {
	if len(packs) == 0 {
		return nil
	}
	list := make([]advice.Pack, len(packs))
	for i, p := range packs {
		list[i] = advice.Pack{Shard: p.shard.number, Expect: p.revision, ID: holdfast.NewID(), Body: standin.Encode(p.records), Names: standin.Names(p.records)}
	}
	results, err := g.source.Append(ctx, list)
	return errors.Join(append(results, err)...)
}
