package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// nginx is a reload: its settings say another answer, and the clients, each with
// a connection over TLS that it keeps as long as nginx does, ask until they get
// it.
type nginx struct {
	server  *child
	dir     string
	id      identity
	address string
	turn    int
	clients []*asker
}

const nginxSettings = `
daemon off;
pid $DIR/nginx.pid;
worker_processes 1;
error_log $DIR/nginx.log error;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path $DIR/body;
  proxy_temp_path $DIR/proxy;
  fastcgi_temp_path $DIR/fastcgi;
  uwsgi_temp_path $DIR/uwsgi;
  scgi_temp_path $DIR/scgi;
  keepalive_requests 1000000000;
  server {
    listen $ADDRESS ssl;
    ssl_certificate $CERT;
    ssl_certificate_key $KEY;
    location / { return 200 "turn $TURN"; }
  }
}
`

func newNginx(dir string, id identity, watchers int) (_ peer, err error) {
	path, err := program("nginx")
	if err != nil {
		return nil, err
	}
	n := &nginx{dir: dir, id: id}
	if n.address, err = freeAddress(); err != nil {
		return nil, err
	}
	file, err := n.write()
	if err != nil {
		return nil, err
	}
	log := filepath.Join(dir, "nginx.out")
	if n.server, err = start(log, command(path, "-p", dir, "-e", filepath.Join(dir, "nginx.log"), "-c", file)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			n.close()
		}
	}()
	if err := listens(n.address, log); err != nil {
		return nil, fmt.Errorf("nginx: %w", err)
	}
	for range watchers {
		n.clients = append(n.clients, &asker{address: n.address, trust: id.trust})
	}
	_, _, err = n.asked(time.Now())
	return n, err
}

func (n *nginx) write() (string, error) {
	file := filepath.Join(n.dir, "nginx.conf")
	text := strings.NewReplacer("$DIR", n.dir, "$ADDRESS", n.address, "$CERT", n.id.cert, "$KEY", n.id.key, "$TURN", strconv.Itoa(n.turn)).Replace(nginxSettings)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

func (n *nginx) tell() (accepted, last time.Duration, err error) {
	n.turn++
	if _, err := n.write(); err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	if err := n.server.command.Process.Signal(unix.SIGHUP); err != nil {
		return 0, 0, err
	}
	return n.asked(begin)
}

// asked waits until every client has the answer of the present settings. That a
// first one has it is the word that they were accepted.
func (n *nginx) asked(begin time.Time) (accepted, last time.Duration, err error) {
	want := "turn " + strconv.Itoa(n.turn)
	words := make(chan error, len(n.clients))
	for _, c := range n.clients {
		go func() { words <- c.until(want, begin.Add(patience)) }()
	}
	if err := gathered(words, 1); err != nil {
		return 0, 0, err
	}
	accepted = time.Since(begin)
	err = gathered(words, len(n.clients)-1)
	return accepted, time.Since(begin), err
}

func (n *nginx) close() {
	for _, c := range n.clients {
		c.close()
	}
	n.server.stop()
}

// asker is a client with its connection.
type asker struct {
	address string
	trust   *tls.Config
	conn    *tls.Conn
	in      *bufio.Reader
}

// between is how long a client waits before it asks again: 100 that never wait
// would keep nginx from its reload.
const between = 2 * time.Millisecond

func (a *asker) until(want string, end time.Time) error {
	for time.Now().Before(end) {
		got, err := a.ask()
		if err != nil { // nginx closes what its old process holds
			a.close()
			continue
		}
		if got == want {
			return nil
		}
		time.Sleep(between)
	}
	return errors.New("nginx: a client never got the new answer")
}

func (a *asker) ask() (string, error) {
	if a.conn == nil {
		c, err := tls.Dial("tcp", a.address, a.trust)
		if err != nil {
			return "", err
		}
		a.conn, a.in = c, bufio.NewReader(c)
	}
	if err := a.conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(a.conn, "GET / HTTP/1.1\r\nHost: bench\r\n\r\n"); err != nil {
		return "", err
	}
	answer, err := http.ReadResponse(a.in, nil)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

func (a *asker) close() {
	if a.conn != nil {
		a.conn.Close()
		a.conn = nil
	}
}
