package main

import (
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"holdfast"
	"holdfast/bench/machine"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

const gateName = "gate-1"

// gateBehind returns a maker of a gate that enforces directives: a gate process
// as an operator runs it, which finds them on its disk.
func gateBehind(program string, directives []posture.Directive) maker {
	return func(dir, address, backend string) (*exec.Cmd, error) {
		set := posture.Set{Head: holdfast.Head{Journal: "bench", Epoch: 1, Position: 1}, Lease: 30 * time.Second, Directives: directives}
		if err := posture.Save(filepath.Join(dir, "posture"), set); err != nil {
			return nil, err
		}
		return exec.Command(program, "gate", "run", "--name", gateName, "--data", dir,
			"--listen-payments", address, "--primary-url", "http://"+backend), nil
	}
}

// limit is a directive that covers the payments of the load and lets them pass:
// the whole way through a posture.
func limit() posture.Directive {
	return posture.Directive{
		ID: "limit", Kind: posture.Limit, Scope: `channel in ["app", "qr"]`, Share: 1, Salt: "s",
		Rates: map[string]float64{gateName: 1e9},
	}
}

// shapes are the usual scopes of directives; %d tells one from another.
var shapes = []string{
	`channel == "channel-%d"`,
	`payee == "m_9%d"`,
	`payee in ["m_8%[1]d", "m_7%[1]d", "m_6%[1]d"]`,
	`payer startsWith "6222%d"`,
	`channel == "card" and amount > %d00000 and currency == "CNY"`,
	`method == "transfer" and amount in 1000000..9%d00000`,
	`kind == "refund" and payee == "m_5%d"`,
	`currency != "CNY" and channel == "app-%d"`,
	`route == "route-%d"`,
	`not (channel in ["app", "qr", "web", "card", "pos"]) or payee == "m_4%d"`,
}

// hundred are 100 directives of the usual shapes. One covers the payments of the
// load; 29 more are limits and 70 are stops that do not.
func hundred() []posture.Directive {
	list := make([]posture.Directive, 0, 100)
	for i := range 99 {
		d := posture.Directive{ID: fmt.Sprintf("d%d", i), Kind: posture.Stop, Scope: fmt.Sprintf(shapes[i%len(shapes)], i)}
		if i >= 70 {
			d.Kind, d.Share, d.Salt = posture.Limit, 0.5, "s"
		}
		list = append(list, d)
	}
	return append(list, limit())
}

// free are n stops whose scopes have no shape that compiles to Go.
func free(n int) []posture.Directive {
	list := make([]posture.Directive, 0, n)
	for i := range n {
		list = append(list, posture.Directive{ID: fmt.Sprintf("d%d", i), Kind: posture.Stop, Scope: fmt.Sprintf(`lower(method) == "method-%d"`, i)})
	}
	return list
}

// decision is the cost of judging one payment.
type decision struct {
	nanoseconds float64
	allocations float64
}

func decide(directives []posture.Directive) (decision, error) {
	p, err := posture.Compile(posture.Set{Directives: directives}, nil, gateName)
	if err != nil {
		return decision{}, err
	}
	pay := &payment.Payment{
		Route: "pay", Kind: payment.Pay, Identity: "bench-000000000001", Amount: 1299, Currency: "CNY",
		Payer: "acct_000123", Payee: "m_001", Channel: "app", Method: "card",
	}
	for _, f := range payment.Fields() {
		pay.Read = pay.Read.With(f)
	}
	if v := p.Decide(pay); v.Action != posture.Forward {
		return decision{}, fmt.Errorf("the payment of the bench was declined: %v by %s", v.Reason, v.Directive)
	}
	return decision{timed(func() { p.Decide(pay) }), testing.AllocsPerRun(1000, func() { p.Decide(pay) })}, nil
}

// timed returns the processor time of one call in nanoseconds: the median of
// many short runs, so that what else the machine does falls out.
func timed(call func()) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const runs, least = 51, 2 * time.Millisecond
	n := 1
	for ; n < math.MaxInt32; n *= 2 {
		if spent(n, call) >= least {
			break
		}
	}
	var each []float64
	for range runs {
		each = append(each, float64(spent(n, call))/float64(n))
	}
	return machine.Quantile(each, 0.5)
}

func spent(n int, call func()) time.Duration {
	begin := machine.ThreadCPU()
	for range n {
		call()
	}
	return machine.ThreadCPU() - begin
}
