package primary

import (
	"fmt"
	"net/http"
	"time"

	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/truth"
)

// pay moves money from a payer to a payee.
func (p *Primary) pay(w http.ResponseWriter, r *http.Request) {
	key, body, bad := readMove(w, r)
	var a ask
	if bad == nil {
		a, bad = decodePayment(body, p.book)
	}
	if bad != nil {
		write(w, refuse(*bad))
		return
	}
	p.take(w, r, key, a, isAdvice(r))
}

// refund moves money back.
func (p *Primary) refund(w http.ResponseWriter, r *http.Request) {
	key, body, bad := readMove(w, r)
	var a ask
	if bad == nil {
		a, bad = decodeRefund(body)
	}
	if bad != nil {
		write(w, refuse(*bad))
		return
	}
	p.take(w, r, key, a, isAdvice(r))
}

// take works on a request that was read, under the faults that hit it.
func (p *Primary) take(w http.ResponseWriter, r *http.Request, key string, a ask, advice bool) {
	p.mu.Lock()
	p.complete(&a)
	p.mu.Unlock()
	hits := p.o.Faults.Decide(fault.Operation{
		Kind: string(a.kind), Advice: advice, Identity: key, Channel: a.channel, Bank: p.book.bank(a.payer), Method: a.method,
	})
	if a.kind == truth.Payment {
		hits = append(hits, magic(a, p.book.account(a.payer).Test)...)
	}
	p.run(w, r, hits, func() reply { return p.move(key, a, advice, hits) })
}

// isAdvice reports whether a gate has stood in for the request: its customer has an
// answer, so it is done without judging it.
func isAdvice(r *http.Request) bool { return r.Header.Get("Holdfast-Advice") != "" }

func readMove(w http.ResponseWriter, r *http.Request) (key string, body []byte, bad *problem) {
	if key, bad = readKey(r); bad == nil {
		body, bad = readBody(w, r)
	}
	return key, body, bad
}

// complete fills in what the refunded payment says, if it is known. The caller
// holds the mutex.
func (p *Primary) complete(a *ask) {
	if paid := p.memory.payment(a.payment); a.kind == truth.Refund && paid != nil {
		a.currency, a.payer, a.payee = paid.ask.currency, paid.ask.payer, paid.ask.payee
		a.channel, a.method = paid.ask.channel, paid.ask.method
	}
}

// move does the work of a payment or refund once per key.
func (p *Primary) move(key string, a ask, advice bool, hits fault.Hits) reply {
	p.mu.Lock()
	mine, earlier, stop := p.memory.claim(key, a, p.book.bank(a.payer), time.Now())
	switch {
	case stop != nil:
		p.mu.Unlock()
		return refuse(*stop)
	case earlier != nil:
		defer p.mu.Unlock()
		p.counts.replays.Add(1)
		again := replyOf(earlier)
		again.hit = true
		return again
	}
	mine.advice = advice
	p.mu.Unlock()

	if hit, ok := hits.First(fault.Latency); ok {
		hit.Wait(hit.Delay(), p.stop) // whether or not the client is still there
	}
	p.mu.Lock()
	effects, decline := p.plan(mine, hits)
	p.mu.Unlock()
	if err := p.record(mine, effects); err != nil {
		p.fail(err)
		return refuse(problem{status: 500, Code: "ledger-failed", Detail: "it is not known whether the money moved", Outcome: "unknown"})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	mine.done, mine.decline = decline == nil, decline
	p.memory.settle(mine, time.Now())
	p.count(mine)
	return replyOf(mine)
}

// plan decides what happens, and moves the money in the book. It returns no
// effects with a decline.
func (p *Primary) plan(i *item, hits fault.Hits) ([]truth.Effect, *problem) {
	p.complete(&i.ask)
	a := i.ask
	if decline := p.judge(a, i.advice, hits); decline != nil {
		return nil, decline
	}
	effect := truth.Effect{
		Kind: a.kind, Payment: a.payment, Key: i.key, Reference: a.reference, Amount: a.amount, Currency: a.currency,
		Payer: a.payer, Payee: a.payee, Channel: a.channel, Method: a.method, Advice: i.advice, Time: time.Now().UTC(),
	}
	if hit, ok := hits.First(fault.WrongEffect); ok && a.amount+hit.Delta > 0 {
		effect.Amount, effect.Asked = a.amount+hit.Delta, a.amount
	}
	switch {
	case i.advice:
		p.book.force(effect)
	case !p.book.apply(effect):
		return nil, insufficient()
	}
	effects := []truth.Effect{effect}
	if _, ok := hits.First(fault.EffectTwice); ok && p.book.apply(effect) {
		effects = append(effects, effect)
	}
	for n := range effects {
		p.ids++
		effects[n].ID = fmt.Sprintf("%s_%012d", p.prefix(a.kind), p.ids)
	}
	i.id = effects[0].ID
	if a.kind == truth.Refund {
		p.memory.payment(a.payment).refunded += a.amount
	}
	return effects, nil
}

// prefix begins the ids of a kind. It tells the two APIs apart.
func (p *Primary) prefix(kind truth.Kind) string {
	names := [...]string{"pay", "ref"}
	if p.o.Transfers {
		names = [...]string{"trf", "rtn"}
	}
	if kind == truth.Refund {
		return names[1]
	}
	return names[0]
}

// judge returns the decline of a request that is in order but may not be done.
func (p *Primary) judge(a ask, advice bool, hits fault.Hits) *problem {
	if asksFor(hits, fault.Decline) {
		return bad(402, "refused", "the primary refuses it")
	}
	if a.kind == truth.Refund {
		paid := p.memory.payment(a.payment)
		switch {
		case paid == nil:
			return bad(422, "unknown-payment", "payment %s: there is none, or it is too old to be given back", quote(a.payment))
		case a.amount > paid.ask.amount-paid.refunded:
			return bad(422, "refund-exceeds", "of the payment %d minor units are left to give back", paid.ask.amount-paid.refunded)
		}
		return nil
	}
	if p.book.account(a.payer).Blocked && !advice || asksFor(hits, magicBlocked) {
		return bad(402, "account-blocked", "the payer's account is blocked")
	}
	if asksFor(hits, magicInsufficient) {
		return insufficient()
	}
	return nil
}

func insufficient() *problem {
	return bad(402, "insufficient-funds", "the account does not hold the amount")
}

func (p *Primary) record(i *item, effects []truth.Effect) error {
	for _, e := range effects {
		if _, err := p.ledger.Record(e); err != nil {
			return fmt.Errorf("record %s of key %q: %w", e.ID, i.key, err)
		}
	}
	return nil
}

func (p *Primary) count(i *item) {
	switch {
	case i.decline != nil:
		p.counts.declines.Add(1)
	case i.advice:
		p.counts.advices.Add(1)
	case i.ask.kind == truth.Refund:
		p.counts.refunds.Add(1)
	default:
		p.counts.payments.Add(1)
	}
}

// replyOf is the answer to whoever asked for the item. The caller holds the
// mutex.
func replyOf(i *item) reply {
	if i.decline != nil {
		return refuse(*i.decline)
	}
	a := answerOf(i)
	a.Refunded = 0 // a replay says what the first answer said
	return reply{status: http.StatusCreated, body: a}
}
