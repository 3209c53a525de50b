package primary

import (
	"net/http"
	"time"

	"holdfast/internal/sandbox/fault"
)

// twiceOpen is how long a connection stays open after answer-twice: long enough
// for a client to use it again and meet the second copy.
const twiceOpen = 5 * time.Second

// run does one request under the faults that hit it: those that keep it from
// being done, the work, those that spoil the answer.
func (p *Primary) run(w http.ResponseWriter, r *http.Request, hits fault.Hits, work func() reply) {
	if hit, ok := hits.First(fault.RequestLost); ok {
		hangUp(r, hit)
	}
	if hit, ok := hits.First(fault.Error); ok {
		p.write(w, reply{status: hit.Status, body: problem{Code: "fault", Detail: "the primary is failing"}})
		return
	}
	p.deliver(w, r, hits, work())
}

func (p *Primary) deliver(w http.ResponseWriter, r *http.Request, hits fault.Hits, answer reply) {
	if hit, ok := hits.First(fault.LateAnswer); ok {
		hit.Wait(hit.Delay(), r.Context().Done())
	}
	if hit, ok := hits.First(fault.AnswerLost); ok {
		hangUp(r, hit)
	}
	if hit, ok := hits.First(fault.WrongAnswer); ok {
		answer = spoil(answer, hit)
	}
	if _, ok := hits.First(fault.AnswerTwice); ok {
		p.writeTwice(w, p.shaped(answer))
		return
	}
	p.write(w, answer)
}

// write answers in the words of this primary's API.
func (p *Primary) write(w http.ResponseWriter, r reply) { write(w, p.shaped(r)) }

func (p *Primary) shaped(r reply) reply {
	if p.o.Transfers {
		return asTransfer(r)
	}
	return r
}

// hangUp keeps the connection silent for the hold, or until the client leaves,
// and ends it.
func hangUp(r *http.Request, hit fault.Hit) {
	hit.Wait(time.Duration(hit.HoldMS)*time.Millisecond, r.Context().Done())
	panic(http.ErrAbortHandler)
}

// spoil changes one field of an answer that says the money moved.
func spoil(r reply, hit fault.Hit) reply {
	a, ok := r.body.(answer)
	if !ok || a.Status != "succeeded" {
		return r
	}
	switch hit.Field {
	case "amount":
		a.Amount += hit.Delta
	case "currency":
		a.Currency = "XXX" // ISO 4217: no currency
	case "payer":
		a.Payer = "acct_000000"
	case "payee":
		a.Payee = "m_000"
	}
	r.body = a
	return r
}

// writeTwice puts two copies of the answer on the connection, one behind the
// other, and leaves it open and unread for a while.
func (p *Primary) writeTwice(w http.ResponseWriter, answer reply) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	copies := answer.raw()
	if _, err := conn.Write(append(copies, copies...)); err != nil {
		return
	}
	timer := time.NewTimer(twiceOpen)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.stop:
	}
}
