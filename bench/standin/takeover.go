package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/payment"
	"holdfast/internal/sqljournal/advices"
	"holdfast/internal/sqljournal/postgres"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// takeOver is what came of a gate that was killed.
type takeOver struct {
	what string
	// Took is from the kill until another process gives its first durable answer.
	took     time.Duration
	approved int // what customers were told by the one that was killed
	lost     int
}

// takeOvers measures them on both engines.
func (b *bench) takeOvers(ctx context.Context) (list []takeOver, err error) {
	b.runs++
	source, err := b.schema(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range []struct{ what, source string }{
		{"SQLite", filepath.Join(b.tmp, fmt.Sprint("run-", b.runs))}, {"PostgreSQL", source},
	} {
		took, err := b.takeOver(ctx, t.source)
		if err != nil {
			return nil, fmt.Errorf("take-over on %s: %w", t.what, err)
		}
		took.what = t.what
		list = append(list, took)
	}
	return list, nil
}

// openSource opens the directory or database with this name.
func openSource(ctx context.Context, name string) (advice.Source, error) {
	if filepath.IsAbs(name) {
		return advices.Open(ctx, advices.Options{Dir: name, Shards: shards})
	}
	return postgres.OpenAdvices(ctx, postgres.AdviceOptions{Source: name, Shards: shards})
}

func (b *bench) takeOver(ctx context.Context, source string) (t takeOver, err error) {
	self, err := os.Executable()
	if err != nil {
		return t, err
	}
	child := exec.CommandContext(ctx, self, "victim", source, strconv.Itoa(b.clients), strconv.Itoa(b.payers))
	child.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		return t, err
	}
	if err := child.Start(); err != nil {
		return t, err
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		return t, errors.Join(errors.New("the gate did not start"), child.Wait())
	}
	var killed time.Time
	timer := time.AfterFunc(b.time, func() {
		killed = time.Now()
		child.Process.Kill()
	})
	defer timer.Stop()
	told := []string{lines.Text()}
	for lines.Scan() {
		told = append(told, lines.Text())
	}
	child.Wait() // it was killed
	s, err := openSource(ctx, source)
	if err != nil {
		return t, err
	}
	g, err := openGate(ctx, s, "second", false)
	if err != nil {
		return t, errors.Join(err, s.Close())
	}
	t.took = time.Since(killed)
	t.approved = len(told)
	t.lost, err = g.missing(ctx, told)
	return t, errors.Join(err, g.close())
}

// missing counts the identities that are not approved.
func (g *gate) missing(ctx context.Context, told []string) (n int, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	lanes := make(chan struct{}, 64)
	for _, identity := range told {
		lanes <- struct{}{}
		wg.Go(func() {
			defer func() { <-lanes }()
			item, there, failed := g.decider.Knows(ctx, &payment.Payment{Identity: identity})
			mu.Lock()
			defer mu.Unlock()
			err = errors.Join(err, failed)
			if !there || item.Verdict != standin.Approved {
				n++
			}
		})
	}
	wg.Wait()
	return n, err
}

// beVictim approves, and prints the identity of each payment that was, until it is
// killed.
func beVictim(ctx context.Context, args []string) error {
	clients, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	many, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	s, err := openSource(ctx, args[0])
	if err != nil {
		return err
	}
	g, err := openGate(ctx, s, "first", false)
	if err != nil {
		return err
	}
	told := make(chan string, clients)
	go func() {
		for identity := range told {
			all := []string{identity}
			for len(told) > 0 {
				all = append(all, <-told)
			}
			fmt.Println(strings.Join(all, "\n"))
		}
	}()
	_, err = run(clients, time.Hour, newPayers(many, 0, 1), func(client int, p *payment.Payment) error {
		err := g.approve(client, p)
		if err == nil {
			told <- p.Identity
		}
		return err
	})
	return err
}
