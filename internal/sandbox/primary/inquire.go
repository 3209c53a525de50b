package primary

import (
	"net/http"
	"net/url"
	"time"

	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/truth"
)

// inquire answers what became of the newest request under a key.
func (p *Primary) inquire(kind truth.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query, err := url.ParseQuery(r.URL.RawQuery)
		keys := query["key"]
		if err != nil || len(query) != 1 || len(keys) != 1 || keys[0] == "" || !visible(keys[0]) {
			write(w, refuse(*bad(400, "bad-key", "ask as ?key=KEY with the idempotency key of 1 to %d visible ASCII characters", maxText)))
			return
		}
		p.lookUp(w, r, keys[0], func() *item { return p.memory.keys[keyed{kind, keys[0]}] })
	}
}

// show answers what is known under an id.
func (p *Primary) show(kind truth.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.lookUp(w, r, "", func() *item {
			if i := p.memory.ids[r.PathValue("id")]; i != nil && i.ask.kind == kind {
				return i
			}
			return nil
		})
	}
}

// lookUp answers an inquiry. find is called with the mutex held, once to know
// which faults apply and again for the answer, since a latency may lie between.
func (p *Primary) lookUp(w http.ResponseWriter, r *http.Request, key string, find func() *item) {
	p.counts.inquiries.Add(1)
	op := fault.Operation{Kind: fault.Inquiry, Identity: key}
	p.mu.Lock()
	if i := find(); i != nil {
		op = fault.Operation{Kind: fault.Inquiry, Identity: i.key, Channel: i.ask.channel, Bank: i.bank, Method: i.ask.method}
	}
	p.mu.Unlock()
	hits := p.o.Faults.Decide(op)
	p.run(w, r, hits, func() reply {
		if hit, ok := hits.First(fault.Latency); ok {
			hit.Wait(hit.Delay(), r.Context().Done())
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		i := find()
		if i == nil {
			return reply{status: http.StatusNotFound, body: problem{Code: "not-found", Detail: "the primary has seen no such request, or it is too old"}}
		}
		return reply{status: http.StatusOK, body: answerOf(i)}
	})
}

// Inquiry is the result of looking a key up in the process: what GET ?key= would
// say without any fault.
type Inquiry struct {
	// Status is succeeded, declined or processing; "" if the key was never seen.
	Status string
	ID     string
	At     time.Time // when the work ended
}

// Inquire looks a key up past all faults, for tests and drills that need to know
// what the primary believes.
func (p *Primary) Inquire(kind truth.Kind, key string) Inquiry {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.memory.keys[keyed{kind, key}]
	if i == nil {
		return Inquiry{}
	}
	a := answerOf(i)
	return Inquiry{Status: a.Status, ID: a.ID, At: i.settled}
}

// Balance returns what an account or merchant holds, in minor units.
func (p *Primary) Balance(id, currency string) (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	party := p.book.parties[id]
	c, ok := p.book.currencies[currency]
	if party == nil || !ok {
		return 0, false
	}
	return party.balances[c], true
}
