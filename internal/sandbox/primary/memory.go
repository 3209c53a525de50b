package primary

import (
	"time"

	"holdfast/internal/sandbox/truth"
)

// ask is what a request asks for. Two requests under one key are the same
// request if they ask for the same.
type ask struct {
	kind      truth.Kind
	payment   string // refunds: the payment to give back
	amount    int64
	currency  string
	payer     string
	payee     string
	channel   string
	method    string
	reference string
}

// item is what the primary remembers of one request.
type item struct {
	ask     ask
	key     string
	bank    string
	advice  bool // a gate has stood in for it
	done    bool
	decline *problem // nil unless it was declined
	id      string   // once it was done
	// refunded is how much of a payment was given back or is being given back.
	refunded int64
	// settled is when the work ended; zero while it is going on.
	settled time.Time
}

func (i *item) running() bool { return i.settled.IsZero() }

type keyed struct {
	kind truth.Kind
	key  string
}

// memory holds the items: all that are running, and of the settled ones the
// newest.
type memory struct {
	retention time.Duration
	limit     int
	byKey     bool // a payment is named by its key, not by its id
	keys      map[keyed]*item
	ids       map[string]*item
	running   int
	settled   []*item // by the time they were settled; those before first are gone
	first     int
}

func newMemory(retention time.Duration, limit int) memory {
	return memory{retention: retention, limit: limit, keys: map[keyed]*item{}, ids: map[string]*item{}}
}

// claim says what a request under this key meets: an item of its own to work on,
// or what stands in the way, or the item whose answer it gets once more.
func (m *memory) claim(key string, a ask, bank string, now time.Time) (mine, earlier *item, p *problem) {
	k := keyed{a.kind, key}
	if i := m.keys[k]; i != nil && (i.running() || now.Sub(i.settled) < m.retention) {
		switch {
		case !sameAsk(i.ask, a):
			return nil, nil, &problem{status: 422, Code: "key-reused", Detail: "the idempotency key was used for another request"}
		case i.running():
			return nil, nil, &problem{status: 409, Code: "in-flight", Detail: "the first request under this key is still at work; inquire", Outcome: "in-flight"}
		}
		return nil, i, nil
	}
	if !m.room(now) {
		return nil, nil, &problem{status: 503, Code: "full", Detail: "the sandbox remembers as many payments as it may; shorten the retention or start it again", Outcome: "not-done"}
	}
	mine = &item{ask: a, key: key, bank: bank}
	m.keys[k] = mine
	m.running++
	return mine, nil, nil
}

// sameAsk compares what two requests ask for. What a refund's payment says about
// the parties is filled in when it is worked on and does not count.
func sameAsk(a, b ask) bool {
	if a.kind == truth.Refund {
		return a.payment == b.payment && a.amount == b.amount && a.reference == b.reference
	}
	return a == b
}

// room makes place for one item, by forgetting the oldest past the retention.
func (m *memory) room(now time.Time) bool {
	for m.running+len(m.settled)-m.first >= m.limit {
		if m.first == len(m.settled) || now.Sub(m.settled[m.first].settled) < m.retention {
			return false
		}
		m.forget()
	}
	return true
}

func (m *memory) forget() {
	i := m.settled[m.first]
	m.settled[m.first] = nil
	m.first++
	delete(m.ids, i.id)
	if k := (keyed{i.ask.kind, i.key}); m.keys[k] == i { // or it was used again since
		delete(m.keys, k)
	}
	if m.first > len(m.settled)/2 {
		m.settled = append([]*item(nil), m.settled[m.first:]...)
		m.first = 0
	}
}

// settle ends the work on an item.
func (m *memory) settle(i *item, now time.Time) {
	i.settled = now
	m.running--
	m.settled = append(m.settled, i)
	if i.done {
		m.ids[i.id] = i
	}
}

// payment returns a payment that was done.
func (m *memory) payment(id string) *item {
	i := m.ids[id]
	if m.byKey {
		i = m.keys[keyed{truth.Payment, id}]
	}
	if i != nil && i.done && i.ask.kind == truth.Payment {
		return i
	}
	return nil
}

// restore remembers an effect that an earlier process left in its file. Of two
// effects under one key within the retention the first was the one answered.
func (m *memory) restore(e truth.Effect, bank string) {
	amount := e.Amount
	if e.Asked != 0 {
		amount = e.Asked
	}
	if i := m.keys[keyed{e.Kind, e.Key}]; i != nil && e.Time.Sub(i.settled) < m.retention {
		return
	}
	if paid := m.payment(e.Payment); e.Kind == truth.Refund && paid != nil {
		paid.refunded += amount
	}
	if !m.room(e.Time) && m.first < len(m.settled) {
		m.forget() // the limit was lowered: the newest matter most
	}
	i := &item{
		ask: ask{
			kind: e.Kind, payment: e.Payment, amount: amount, currency: e.Currency, payer: e.Payer, payee: e.Payee,
			channel: e.Channel, method: e.Method, reference: e.Reference,
		},
		key: e.Key, bank: bank, advice: e.Advice, done: true, id: e.ID,
	}
	m.keys[keyed{e.Kind, e.Key}] = i
	m.running++
	m.settle(i, e.Time)
}
