package customers

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"holdfast/internal/sandbox/told"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/sandbox/world"
)

// keepPaid bounds the payments remembered for refunds and inquiries.
const keepPaid = 1000

// purpose is what an arrival is.
type purpose int

const (
	toPay purpose = iota
	toRefund
	toInquire
)

// drawn is what chance says about arrival number n: the same for one seed,
// whatever happened before.
type drawn struct {
	purpose   purpose
	intention told.Intention
	pick      uint64  // which earlier payment a refund or inquiry is about
	part      float64 // how much of it a refund gives back; 1 for all
}

func draw(o Options, n uint64) drawn {
	r := rand.New(rand.NewPCG(o.Seed, n))
	d := drawn{pick: r.Uint64(), part: 1}
	switch u := r.Float64(); {
	case u < o.Mix.Inquiries:
		d.purpose = toInquire
	case u < o.Mix.Inquiries+o.Mix.Refunds:
		d.purpose = toRefund
	}
	if r.IntN(2) == 0 {
		d.part = r.Float64()
	}
	customers, shops, currencies := o.World.Customers(), o.World.Shops(), o.World.Currencies()
	d.intention = told.Intention{
		Identity: fmt.Sprintf("%s-%d", o.Run, n), Kind: truth.Payment, Amount: amount(r), Currency: currencies[r.IntN(len(currencies))],
		Payer: customers[r.IntN(len(customers))].ID, Payee: shops[r.IntN(len(shops))],
		Channel: channels[r.IntN(len(channels))], Method: world.Methods[r.IntN(len(world.Methods))],
	}
	return d
}

// channels are drawn from: half of all payments are made in the app.
var channels = [...]string{"app", "app", "app", "app", "card", "card", "qr", "transfer"}

// amount draws from a log-normal distribution with a median near 49.00 and a
// mean near 81.00, from 0.01 to 50,000.00.
func amount(r *rand.Rand) int64 {
	return int64(min(5_000_000, max(1, math.Exp(8.5+r.NormFloat64()))))
}

// refundOf makes the intention a refund of an earlier payment.
func (d drawn) refundOf(paid told.Intention) told.Intention {
	i := paid
	i.Identity, i.Kind = d.intention.Identity, truth.Refund
	i.Amount = max(1, int64(d.part*float64(paid.Amount)))
	return i
}

// after returns the number behind the highest that the log knows of this run.
func after(log *told.Log, run string) uint64 {
	highest := uint64(0)
	entries, _ := log.Entries()
	for e := range entries {
		if digits, ok := strings.CutPrefix(e.Intention.Identity, run+"-"); ok {
			if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
				highest = max(highest, n)
			}
		}
	}
	return highest + 1
}
