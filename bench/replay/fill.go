package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"holdfast"
	"holdfast/bench/load"
	"holdfast/bench/standing"
	"holdfast/internal/gate/decider"
	"holdfast/internal/gate/seal"
	"holdfast/internal/payment"
	"holdfast/internal/sqljournal/advices"
	"holdfast/internal/standin"
)

// askers ask the decider for approvals, each for its next when it has the one before.
const askers = 256

// fill makes the backlog: the gate's own decider, on its source, stands in for each
// payment, and its vault seals what forwarding needs, as they do behind HTTP.
func (b *bench) fill() (err error) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	source, err := advices.Open(ctx, advices.Options{Dir: filepath.Join(b.dir, "advices")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	keys, err := seal.NewKeys(standing.Key())
	if err != nil {
		return err
	}
	d, err := decider.New(ctx, decider.Options{
		Gate: standing.Name, Boot: holdfast.NewID(), Source: source, Key: standing.Key(), Payers: standing.Everybody{Since: time.Now()}, Clock: standing.Clock{Begun: time.Now()},
	})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	defer func() {
		stop()
		<-ended
	}()
	directive, err := b.gate.Directive()
	if err != nil {
		return err
	}
	d.Install(standing.Set(1, directive))
	return b.ask(d, seal.NewVault(keys, standing.Name, source, time.Now), directive.ID)
}

// ask has all payments approved.
func (b *bench) ask(d *decider.Decider, vault *seal.Vault, directive string) error {
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make(chan error, askers)
	for range askers {
		all.Go(func() {
			for n := int(next.Add(1)) - 1; n < b.advices; n = int(next.Add(1)) - 1 {
				key, payer := fmt.Sprint(advicePrefix, n), load.Payer(n%b.payers())
				answer, err := d.Decide(context.Background(), decider.Ask{
					Payment: paymentOf(key, payer), Kind: standin.Payment, Cause: standin.Directed, Directive: directive,
					Seal: func() standin.Sealed { return vault.Seal(key, requestOf(key, payer)) },
				})
				if err == nil && answer.Verdict != standin.Approved {
					err = fmt.Errorf("payment %d was not stood in for: %v %v", n, answer.Verdict, answer.Reason)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	return <-errs
}

// amount is that of each payment, in fen.
const amount = 1299

// paymentOf is a payment as the gate's route reads it.
func paymentOf(key, payer string) payment.Payment {
	p := payment.Payment{
		Route: "pay", Kind: payment.Pay, Identity: key, Amount: amount, Currency: "CNY", Payer: payment.Sensitive(payer), Payee: "m_001", Channel: "app",
	}
	for _, f := range [...]payment.Field{payment.Identity, payment.Amount, payment.Currency, payment.Payer, payment.Payee, payment.Channel} {
		p.Read = p.Read.With(f)
	}
	return p
}

// requestOf is what the gate keeps of its request.
func requestOf(key, payer string) seal.Request {
	return seal.Request{
		Method: "POST", Target: target, Body: []byte(body(key, payer)),
		Headers: []seal.Header{{Name: "Content-Type", Value: contentType}, {Name: keyHeader, Value: key}},
	}
}
