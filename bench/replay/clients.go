package main

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast/bench/load"
)

const (
	advicePrefix = "advice-"
	livePrefix   = "live-"
	clients      = 64
	// askAgain is how often a payment is asked for that stand-in did not answer in time: the
	// same key has one outcome.
	askAgain   = 10
	livePayers = 100 // whose payments go on while the backlog drains
)

// pay makes a payment and returns the word of stand-in in the answer.
func pay(c *fasthttp.HostClient, key, payer string) (string, error) {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.Header.SetMethod(fasthttp.MethodPost)
	req.SetRequestURI("http://" + c.Addr + "/v1/payments")
	req.Header.Set("Idempotency-Key", key)
	req.Header.SetContentType("application/json")
	req.SetBodyString(`{"amount":1299,"currency":"CNY","payer":"` + payer + `","payee":"m_001","channel":"app","method":"card","reference":"` + key + `"}`)
	for again := 0; again == 0 || resp.StatusCode() == fasthttp.StatusConflict && again < askAgain; again++ {
		if err := c.DoTimeout(req, resp, 10*time.Second); err != nil {
			return "", fmt.Errorf("pay %s: %w", key, err)
		}
	}
	if resp.StatusCode() != fasthttp.StatusCreated {
		return "", fmt.Errorf("%s was answered with %d: %s", key, resp.StatusCode(), resp.Body())
	}
	return string(resp.Header.Peek("Holdfast-Stand-In")), nil
}

func newClient(address string) *fasthttp.HostClient {
	return &fasthttp.HostClient{Addr: address, MaxConns: 4 * clients, MaxIdemponentCallAttempts: 1}
}

// fill makes the payments that are stood in for.
func (b *bench) fill(address string) error {
	c := newClient(address)
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make(chan error, clients)
	for range clients {
		all.Go(func() {
			for n := int(next.Add(1)) - 1; n < b.advices; n = int(next.Add(1)) - 1 {
				word, err := pay(c, fmt.Sprint(advicePrefix, n), load.Payer(n%b.payers()))
				if err == nil && word != "approved" {
					err = fmt.Errorf("payment %d was not stood in for: %q", n, word)
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

// customers pay at a fixed rate until they are to stop. Each payment counts from when it
// was due.
func (b *bench) customers(address string, round int, stop <-chan struct{}) (took []time.Duration, err error) {
	c := newClient(address)
	var all sync.WaitGroup
	var mu sync.Mutex
	tick := time.NewTicker(time.Second / time.Duration(b.live))
	defer tick.Stop()
	begun := time.Now()
	for n := 0; ; {
		select {
		case <-stop:
			all.Wait()
			return took, err
		case now := <-tick.C:
			for ; n < int(now.Sub(begun).Seconds()*float64(b.live)); n++ {
				due := begun.Add(time.Duration(n+1) * time.Second / time.Duration(b.live))
				all.Go(func() {
					word, fault := pay(c, fmt.Sprint(livePrefix, round, "-", n), load.Payer(b.payers()+n%livePayers))
					if fault == nil && word != "" {
						fault = errors.New("a customer's payment was stood in for while the backlog drained")
					}
					mu.Lock()
					defer mu.Unlock()
					took = append(took, time.Since(due))
					err = errors.Join(err, fault)
				})
			}
		}
	}
}
