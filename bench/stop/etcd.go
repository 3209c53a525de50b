package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"
)

// etcd is one put, synced to disk, to watchers of its key: each with a connection
// of its own, over TLS. It is spoken to in its own protocol, gRPC, and not through
// its JSON gateway, which would pass every message twice.
type etcd struct {
	server  *child
	clients []*http.Client
	url     string
	end     context.CancelFunc
	words   chan error
	n       int
}

func newEtcd(dir string, id identity, watchers int) (_ peer, err error) {
	path, err := program("etcd")
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	others, err := freeAddress()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	log := filepath.Join(dir, "etcd.log")
	e := &etcd{url: "https://" + address, end: cancel, words: make(chan error, watchers), n: watchers}
	if e.server, err = start(log, command(path, "--name", "bench", "--data-dir", filepath.Join(dir, "etcd"),
		"--listen-client-urls", e.url, "--advertise-client-urls", e.url, "--cert-file", id.cert, "--key-file", id.key,
		"--listen-peer-urls", "http://"+others, "--initial-advertise-peer-urls", "http://"+others, "--initial-cluster", "bench=http://"+others,
		"--logger", "zap", "--log-level", "error")); err != nil {
		cancel()
		return nil, err
	}
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	if err := listens(address, log); err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	for range watchers + 1 {
		e.clients = append(e.clients, &http.Client{Transport: &http.Transport{TLSClientConfig: id.trust.Clone(), ForceAttemptHTTP2: true}})
	}
	if _, _, err := e.put(); err != nil {
		return nil, err
	}
	for _, c := range e.clients[1:] {
		go func() { e.words <- e.watch(ctx, c) }()
	}
	return e, gathered(e.words, watchers) // each is watching
}

const key = "stop"

// text encodes a field of a protocol buffer message that holds bytes.
func text(field byte, value string) string {
	return string([]byte{field<<3 | 2, byte(len(value))}) + value
}

// framed puts gRPC's prefix before a message: not compressed, and its length.
func framed(message string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

func unframe(r io.Reader) ([]byte, error) {
	var prefix [5]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(prefix[1:])
	if prefix[0] != 0 || size > 1<<20 {
		return nil, errors.New("a message that was not asked for")
	}
	message := make([]byte, size)
	_, err := io.ReadFull(r, message)
	return message, err
}

// call begins a call and returns the stream of its answers.
func (e *etcd) call(ctx context.Context, c *http.Client, method string, body io.Reader) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url+"/etcdserverpb."+method, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/grpc")
	r.Header.Set("Te", "trailers")
	answer, err := c.Do(r)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	if status := answer.Header.Get("Grpc-Status"); answer.StatusCode != http.StatusOK || status != "" && status != "0" {
		answer.Body.Close()
		return nil, fmt.Errorf("etcd answered %s, gRPC status %q %s", answer.Status, status, answer.Header.Get("Grpc-Message"))
	}
	return answer.Body, nil
}

func (e *etcd) put() (accepted time.Duration, begin time.Time, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	begin = time.Now()
	answer, err := e.call(ctx, e.clients[0], "KV/Put", bytes.NewReader(framed(text(1, key)+text(2, "all"))))
	if err != nil {
		return 0, begin, err
	}
	defer answer.Close()
	if _, err := unframe(answer); err != nil {
		return 0, begin, fmt.Errorf("etcd: put: %w", err)
	}
	accepted = time.Since(begin)
	_, err = io.Copy(io.Discard, answer)
	return accepted, begin, err
}

// watch says a word once it watches and for each change.
func (e *etcd) watch(ctx context.Context, c *http.Client) error {
	// The client's half of the stream stays open: its end would end the watch.
	body, hold := io.Pipe()
	go func() {
		hold.Write(framed(text(1, text(1, key)))) // create_request: key
		<-ctx.Done()
		hold.Close()
	}()
	answers, err := e.call(ctx, c, "Watch/Watch", body)
	if err != nil {
		return err
	}
	defer answers.Close()
	for {
		if _, err := unframe(answers); err != nil {
			return fmt.Errorf("etcd: watch: %w", err)
		}
		e.words <- nil
	}
}

func (e *etcd) tell() (accepted, last time.Duration, err error) {
	accepted, begin, err := e.put()
	if err != nil {
		return 0, 0, err
	}
	err = gathered(e.words, e.n)
	return accepted, time.Since(begin), err
}

func (e *etcd) close() {
	e.end()
	for _, c := range e.clients {
		c.CloseIdleConnections()
	}
	e.server.stop()
}
