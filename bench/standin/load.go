package main

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/bench/machine"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// directive is the one that stands in.
const directive = "d1"

// key blinds payers and payees.
var key = []byte("a key of the bench, long enough")

// profile bounds each payment, each payer, each channel in a day, and the whole.
func profile() standin.Profile {
	const day = 24 * time.Hour
	return standin.Profile{
		ID: "cards", SnapshotAge: time.Hour,
		Unplanned: &standin.Terms{
			Eligible: `kind == "payment" and payer_class in ["a", "b"] and amount <= 50000`,
			Limits: []standin.Limit{
				{Over: standin.EachPayment, Currency: "CNY", Amount: 50_000},
				{Over: standin.EachPayer, Currency: "CNY", Amount: 10_000_000},
				{Over: standin.EachPayer, Count: 1000, Window: day},
				{Over: standin.EachChannel, Currency: "CNY", Amount: 1e13, Window: day},
				{Over: standin.Whole, Currency: "CNY", Amount: 1e13},
			},
		},
		Forwarding: standin.Forwarding{
			Timeout: 10 * time.Second, Pause: time.Second, LongestPause: time.Minute, Attempts: 5,
			Expiry: 48 * time.Hour, Retention: 24 * time.Hour, Inquiries: 3,
		},
	}
}

// payers are those that a run pays from.
type payers []payment.Sensitive

// newPayers returns those of many payers whose shards are those of gate i of n.
func newPayers(many, i, n int) payers {
	var list payers
	for p := range many {
		account := payment.Sensitive(fmt.Sprint("6222000000", p))
		if n == 1 || standin.Shard(standin.Blind(key, account), shards)%n == i {
			list = append(list, account)
		}
	}
	return list
}

// sealed stands for what forwarding needs of a request: 300 bytes.
var sealed = standin.Sealed{Key: "k1", Data: make([]byte, 300)}

var number atomic.Uint64

// pay makes a payment as a gate reads it.
func (p payers) pay() *payment.Payment {
	n := number.Add(1)
	return &payment.Payment{
		Route: "pay", Kind: payment.Pay, Identity: identity(n), Amount: 100 + int64(n%49_000), Currency: "CNY",
		Payer: p[n%uint64(len(p))], Payee: "merchant-7", Channel: "app", Method: "card", Read: ^payment.Set(0),
	}
}

// boot makes the identities of a process its own.
var boot = uint64(time.Now().UnixNano())

// identity spreads over an index as random ones do.
func identity(n uint64) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], n*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(b[8:], boot)
	return fmt.Sprintf("client/%x", b)
}

// measured is what came of a load.
type measured struct {
	Rate float64       `json:"rate"`
	P50  time.Duration `json:"p50"`
	P99  time.Duration `json:"p99"`
	// CPU is what an approval took of the processors: clients, whoever served them,
	// and the kernel for both.
	CPU time.Duration `json:"-"`
}

// run has clients approve one payment after the other, for so long.
func run(clients int, long time.Duration, p payers, approve approver) (measured, error) {
	took := make([][]time.Duration, clients)
	failed := make(chan error, clients)
	begun := time.Now()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for now := begun; now.Sub(begun) < long; {
				if err := approve(i, p.pay()); err != nil {
					failed <- err
					return
				}
				then := now
				now = time.Now()
				took[i] = append(took[i], now.Sub(then))
			}
		})
	}
	wg.Wait()
	var all []time.Duration
	for _, list := range took {
		all = append(all, list...)
	}
	m := measured{Rate: float64(len(all)) / time.Since(begun).Seconds(), P50: machine.Quantile(all, 0.5), P99: machine.Quantile(all, 0.99)}
	select {
	case err := <-failed:
		return m, err
	default:
		return m, nil
	}
}
