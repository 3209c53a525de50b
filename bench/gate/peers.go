package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"holdfast/bench/machine"
)

// peer is a program that payments go through, on a core of its own.
type peer struct {
	name    string
	address string
	pid     int
	command *exec.Cmd
	log     string
}

// stop ends the program, by its own id.
func (p *peer) stop() {
	p.command.Process.Kill()
	p.command.Wait() // it was killed: that is its error
}

// begin starts a command and waits until it listens.
func begin(dir, name, address string, command *exec.Cmd) (*peer, error) {
	p := &peer{name: name, address: address, command: command, log: filepath.Join(dir, "log")}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command.Dir, command.Stdout, command.Stderr = dir, log, log
	if err := machine.Start(command, proxyCore); err != nil {
		return nil, err
	}
	p.pid = command.Process.Pid
	for end := time.Now().Add(20 * time.Second); ; {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return p, c.Close()
		}
		if time.Now().After(end) {
			p.stop()
			said, _ := os.ReadFile(p.log)
			return nil, fmt.Errorf("%s does not listen: %w\n%s", name, err, said)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// maker writes a peer's settings into dir and returns the command that runs it
// at an address, in front of a backend.
type maker func(dir, address, backend string) (*exec.Cmd, error)

// needs returns a maker whose program must be installed.
func needs(program string, make func(path, dir, address, backend string) (*exec.Cmd, error)) maker {
	return func(dir, address, backend string) (*exec.Cmd, error) {
		for _, path := range []string{"/usr/sbin/" + program, "/usr/bin/" + program} {
			if _, err := os.Stat(path); err == nil {
				return make(path, dir, address, backend)
			}
		}
		return nil, fmt.Errorf("%s is not installed; run tools/packages.sh bench", program)
	}
}

// settings writes a file, with the places of address and backend filled in.
func settings(dir, name, text, address, backend string) (string, error) {
	path := filepath.Join(dir, name)
	text = strings.NewReplacer("$ADDRESS", address, "$BACKEND", backend, "$DIR", dir).Replace(text)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

const haproxyPlain = `
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 3s
  http-reuse always
frontend payments
  bind $ADDRESS
  default_backend primary
backend primary
  server primary $BACKEND
`

// haproxyWork does what a gate does, as far as HAProxy can: the body is buffered
// and must be JSON with the fields in it, payments are looked up in maps, limited
// and counted, and the headers a gate adds are added. It keeps no list of
// payments in flight and no account of outcomes.
const haproxyWork = `
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 3s
  http-reuse always
frontend payments
  bind $ADDRESS
  option http-buffer-request
  option forwardfor
  stick-table type string len 64 size 10k store gpc0,http_req_cnt,http_req_rate(1s)
  acl payment method POST
  acl payment path /v1/payments
  http-request set-var(txn.amount) req.body,json_query('$.amount','int') if payment
  http-request set-var(txn.currency) req.body,json_query('$.currency') if payment
  http-request set-var(txn.payer) req.body,json_query('$.payer') if payment
  http-request set-var(txn.payee) req.body,json_query('$.payee') if payment
  http-request set-var(txn.channel) req.body,json_query('$.channel') if payment
  http-request set-var(txn.method) req.body,json_query('$.method') if payment
  http-request deny deny_status 400 if payment !{ var(txn.amount) -m found }
  http-request set-var(txn.stop) var(txn.channel),map_str($DIR/stops.map) if payment
  http-request deny deny_status 503 if payment { var(txn.stop) -m str stop }
  http-request deny deny_status 503 if payment { var(txn.payee),map_str($DIR/payees.map) -m str stop }
  http-request track-sc0 var(txn.channel) if payment
  http-request sc-inc-gpc0(0) if payment
  http-request deny deny_status 429 if payment { sc_http_req_rate(0) gt 1000000 }
  http-request set-header Holdfast-Posture 1 if payment
  http-request set-header Holdfast-Deadline %[date(30),http_date] if payment
  default_backend primary
backend primary
  server primary $BACKEND
`

func haproxy(text string) maker {
	return needs("haproxy", func(path, dir, address, backend string) (*exec.Cmd, error) {
		for name, prefix := range map[string]string{"stops.map": "channel-", "payees.map": "m_9"} {
			var lines strings.Builder
			for i := range 100 {
				fmt.Fprintf(&lines, "%s%02d stop\n", prefix, i)
			}
			if _, err := settings(dir, name, lines.String(), "", ""); err != nil {
				return nil, err
			}
		}
		file, err := settings(dir, "haproxy.cfg", text, address, backend)
		return exec.Command(path, "-db", "-f", file), err
	})
}

var nginx = needs("nginx", func(path, dir, address, backend string) (*exec.Cmd, error) {
	file, err := settings(dir, "nginx.conf", `
daemon off;
master_process off;
pid $DIR/nginx.pid;
error_log $DIR/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path $DIR/body;
  proxy_temp_path $DIR/proxy;
  fastcgi_temp_path $DIR/fastcgi;
  uwsgi_temp_path $DIR/uwsgi;
  scgi_temp_path $DIR/scgi;
  keepalive_requests 1000000000;
  upstream primary {
    server $BACKEND;
    keepalive 512;
    keepalive_requests 1000000000;
  }
  server {
    listen $ADDRESS;
    location / {
      proxy_pass http://primary;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`, address, backend)
	return exec.Command(path, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", file), err
})

var caddy = needs("caddy", func(path, dir, address, backend string) (*exec.Cmd, error) {
	file, err := settings(dir, "Caddyfile", `
{
  admin off
  auto_https off
}
http://$ADDRESS {
  reverse_proxy $BACKEND {
    transport http {
      keepalive_idle_conns_per_host 512
    }
  }
}
`, address, backend)
	command := exec.Command(path, "run", "--config", file, "--adapter", "caddyfile")
	command.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	return command, err
})
