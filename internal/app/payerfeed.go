package app

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"holdfast/internal/gate/payerfeed"
)

// listenFeed takes payer snapshots that are sent, if that is wanted.
func (a *Gate) listenFeed() error {
	if a.standIn == nil || a.standIn.conf.Feed.Listen == "" {
		return nil
	}
	conf := a.standIn.conf.Feed
	token, err := conf.Token.Read(a.opt.Env)
	if err != nil {
		return fmt.Errorf("stand_in.feed.token: %w", err)
	}
	handler, err := payerfeed.New(payerfeed.Options{Payers: a.standIn.payers, Token: token, Now: systemClock{a.opt.Now}.Now, Log: a.opt.Log})
	if err != nil {
		return fmt.Errorf("stand_in.feed.token: %w", err)
	}
	l, err := a.listener("payer feed", string(conf.Listen))
	if err != nil {
		return err
	}
	a.feed = l
	if conf.Certificate != "" {
		pair := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(string(conf.Certificate), string(conf.Key))
			return &pair, err
		}
		if _, err := pair(nil); err != nil {
			return fmt.Errorf("the certificate of the payer feed: %w", err)
		}
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair})
	}
	a.loops = append(a.loops, serve("payer feed", l, &http.Server{
		Handler: handler, ReadHeaderTimeout: grace, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(a.opt.Log.Handler(), slog.LevelDebug),
	}))
	return nil
}
