package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	if err := (figures{LastP50: 70, LastP99: 49.9, ConfirmP99: 99.9, RatioEtcd: 3}).check(); err != nil {
		t.Error(err)
	}
	for _, f := range []figures{{LastP99: 50, ConfirmP99: 60}, {LastP99: 20, ConfirmP99: 100}} {
		if f.check() == nil {
			t.Errorf("%+v is taken", f)
		}
	}
}

func TestFrames(t *testing.T) {
	t.Parallel()
	message, err := unframe(bytes.NewReader(framed(text(1, "stop"))))
	if err != nil || string(message) != "\x0a\x04stop" {
		t.Errorf("unframe = %q, %v", message, err)
	}
	for _, bad := range []string{"", "\x00\x00\x00\x00\x05stop", "\x01\x00\x00\x00\x00", "\x00\xff\x00\x00\x00"} {
		if message, err := unframe(strings.NewReader(bad)); err == nil {
			t.Errorf("unframe(%q) = %q", bad, message)
		}
	}
}

// A subscriber says a word for what it subscribed to and for each message.
func TestRedisHears(t *testing.T) {
	t.Parallel()
	r := &redis{words: make(chan error, 4)}
	r.hear(bufio.NewReader(strings.NewReader("*3\r\n$9\r\nsubscribe\r\n$4\r\nstop\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$4\r\nstop\r\n$3\r\nall\r\n")))
	if err := gathered(r.words, 2); err != nil {
		t.Error(err)
	}
	if err := gathered(r.words, 1); err == nil {
		t.Error("the end of the connection was not told")
	}
}

func TestQuantilesOfARow(t *testing.T) {
	t.Parallel()
	r := &row{}
	for i := range 100 {
		r.took = append(r.took, took{last: time.Duration(100-i) * time.Millisecond})
	}
	if p50, p99 := r.ms(0.5, last), r.ms(0.99, last); p50 != 51 || p99 != 100 {
		t.Errorf("p50 %v, p99 %v", p50, p99)
	}
}
