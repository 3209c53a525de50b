// Package accesslog writes lines to a file without ever holding up whoever has
// them: a queue of lines has a bound, and a line that finds it full is dropped
// and counted. The file is put aside as PATH.1 when it reaches its size, so log
// and predecessor take at most twice that.
package accesslog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
)

// queue is how many lines may wait to be written.
const queue = 4096

// Log is a file of lines.
type Log struct {
	path  string
	size  int64
	log   *slog.Logger
	lines chan []byte
	again chan struct{}
	lost  atomic.Int64

	file    *os.File
	w       *bufio.Writer
	written int64
	failed  bool // the last write did; said once
	close   func() error
}

// Open opens the file for more lines. Size is in bytes.
func Open(path string, size int64, log *slog.Logger) (*Log, error) {
	l := &Log{path: path, size: size, log: log, lines: make(chan []byte, queue), again: make(chan struct{}, 1)}
	l.close = sync.OnceValue(l.end)
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Log) open() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the access log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("open the access log: %w", err), f.Close())
	}
	l.file, l.w, l.written = f, bufio.NewWriterSize(f, 64<<10), info.Size()
	return nil
}

// Write queues a line, which ends in a newline; the caller must not change it any
// more. It never waits.
func (l *Log) Write(line []byte) {
	select {
	case l.lines <- line:
	default:
		l.lost.Add(1)
	}
}

// Lost returns how many lines were dropped.
func (l *Log) Lost() int64 { return l.lost.Load() }

// Reopen makes the next line go to a new file at the path, after the old one was
// moved away.
func (l *Log) Reopen() {
	select {
	case l.again <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends, then what is queued, and closes.
func (l *Log) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return l.Close()
		case <-l.again:
			l.note(errors.Join(l.w.Flush(), l.file.Close(), l.open()))
		case line := <-l.lines:
			l.note(l.put(line))
			if len(l.lines) == 0 {
				l.note(l.w.Flush())
			}
		}
	}
}

// Close writes what is queued and closes the file. Run must have ended, or never
// begun.
func (l *Log) Close() error { return l.close() }

func (l *Log) end() error {
	for {
		select {
		case line := <-l.lines:
			l.note(l.put(line))
		default:
			return errors.Join(l.w.Flush(), l.file.Close())
		}
	}
}

func (l *Log) put(line []byte) error {
	if l.written > 0 && l.written+int64(len(line)) > l.size {
		if err := errors.Join(l.w.Flush(), l.file.Close(), os.Rename(l.path, l.path+".1"), l.open()); err != nil {
			return err
		}
	}
	n, err := l.w.Write(line)
	l.written += int64(n)
	return err
}

// note says once that the log cannot be written, and opens the file anew: a
// writer that has failed stays so.
func (l *Log) note(err error) {
	if err == nil {
		l.failed = false
		return
	}
	l.lost.Add(1)
	if !l.failed {
		l.log.Error("the access log cannot be written; payments are not held up", "error", err)
	}
	l.failed = true
	l.file.Close()
	if err := l.open(); err != nil {
		l.w.Reset(broken{err})
	}
}

// broken fails every write.
type broken struct{ error }

func (b broken) Write([]byte) (int, error) { return 0, b.error }
