package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast/bench/load"
)

const (
	advicePrefix = "advice-"
	livePrefix   = "live-"
	target       = "/v1/payments"
	contentType  = "application/json"
	keyHeader    = "Idempotency-Key"
	most         = 256 // connections of customers
	// askAgain is how often a payment is made again that was not answered in time: the same
	// key has one outcome.
	askAgain   = 10
	livePayers = 100 // whose payments go on while the backlog drains
)

// pay makes a payment and returns the word of stand-in in the answer.
func pay(c *fasthttp.HostClient, key, payer string) (string, error) {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.Header.SetMethod(fasthttp.MethodPost)
	req.SetRequestURI("http://" + c.Addr + target)
	req.Header.Set(keyHeader, key)
	req.Header.SetContentType(contentType)
	req.SetBodyString(body(key, payer))
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

func body(key, payer string) string {
	return fmt.Sprintf(`{"amount":%d,"currency":"CNY","payer":"%s","payee":"m_001","channel":"app","method":"card","reference":"%s"}`, amount, payer, key)
}

// customers pay at a fixed rate until they are to stop. Each payment counts from when it
// was due.
func (b *bench) customers(address string, round int, stop <-chan struct{}) (took []time.Duration, err error) {
	c := &fasthttp.HostClient{Addr: address, MaxConns: most, MaxIdemponentCallAttempts: 1}
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
