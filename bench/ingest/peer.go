package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"holdfast/bench/machine"
)

// alertmanager is the program of the Debian package prometheus-alertmanager.
const alertmanager = "/usr/bin/prometheus-alertmanager"

// besides measures how soon Alertmanager takes the same alerts, for at most half a
// minute, and prints it. Where it is not installed, it says so.
func besides(ctx context.Context, s storm) error {
	if _, err := os.Stat(alertmanager); err != nil {
		fmt.Printf("%-24s not installed: prometheus-alertmanager\n", "Alertmanager accepted")
		return nil
	}
	s.length = min(s.length, 30*time.Second)
	accepted, err := alertmanagerUnder(ctx, s)
	if err != nil {
		return fmt.Errorf("measure Alertmanager: %w", err)
	}
	fmt.Printf("%-24s p50 %6.1f ms   p99 %6.1f ms   in memory, lost by a crash\n", "Alertmanager accepted",
		ms(machine.Quantile(accepted, 0.5)), ms(machine.Quantile(accepted, 0.99)))
	return nil
}

func alertmanagerUnder(ctx context.Context, s storm) (accepted []time.Duration, err error) {
	dir, err := os.MkdirTemp("", "holdfast-bench-alertmanager-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	conf := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(conf, []byte("route: {receiver: nobody, group_by: [channel]}\nreceivers: [{name: nobody}]\n"), 0o600); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close()
	command := exec.CommandContext(ctx, alertmanager, "--config.file="+conf, "--storage.path="+dir, "--web.listen-address="+address, "--cluster.listen-address=")
	if err := command.Start(); err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, command.Process.Kill())
		_ = command.Wait() // it was killed
	}()
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	if err := ready(ctx, client, "http://"+address+"/-/ready"); err != nil {
		return nil, err
	}
	return s.send(ctx, func(ctx context.Context, i int) error {
		body, err := json.Marshal([]any{alertOf(i, s.causes)})
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/api/v2/alerts", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		return expect(client, req, http.StatusOK)
	})
}

// ready returns once a program answers.
func ready(ctx context.Context, client *http.Client, address string) error {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		if err = expect(client, req, http.StatusOK); err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}
