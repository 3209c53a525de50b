// Package robot is what the senders to robots of group chats share: DingTalk,
// WeCom, Feishu and Slack. A robot is known by a name of the configuration, which
// holds its URL and secret by reference, so that neither stands in the roster or
// the journal. An address is the name, or the name and whom to mention:
//
//	emergency                 the robot's group
//	emergency/13800000101     the same, and one member is called by name
//
// A group's robot has no notion of repetitions: a notice that is sent again shows
// twice there, which is cheaper than not at all.
package robot

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/notify"
	"holdfast/internal/senders/httpcall"
)

// Robot is one robot of one group.
type Robot struct {
	Name string
	// URL is as the provider shows it, with its token.
	URL string
	// Secret signs, where the provider has that; else it is empty.
	Secret string
}

// Options make a sender.
type Options struct {
	// Setting is the path of the robots' settings, for errors.
	Setting string
	Robots  []Robot
	Now     func() time.Time
	// Limit is how long one request may take; default 10 s.
	Limit time.Duration
}

// Dialect is how one provider is spoken to.
type Dialect struct {
	// Pace is what the provider takes for each robot.
	Pace *httpcall.Pace
	// MaxText is the longest text in bytes.
	MaxText int
	// Body makes the request's body, and may add to the URL's query. Mention is
	// whom to call by name, or empty.
	Body func(r Robot, query url.Values, text, mention string, now time.Time) any
	// Judge reads the provider's answer.
	Judge func(httpcall.Answer) notify.Outcome
}

// Sender delivers notices to robots of one provider. It is safe for concurrent
// use.
type Sender struct {
	robots  map[string]Robot
	dialect Dialect
	client  *httpcall.Client
}

var _ notify.Sender = (*Sender)(nil)

// New makes a sender.
func New(o Options, d Dialect) (*Sender, error) {
	s := &Sender{robots: map[string]Robot{}, dialect: d}
	var secrets []string
	for i, r := range o.Robots {
		at := fmt.Sprintf("%s[%d].url", o.Setting, i)
		u, err := url.Parse(r.URL)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			return nil, holdfast.Errorf(holdfast.Invalid, "what the setting refers to is not a robot's URL: copy it whole from the group's settings").At(at)
		}
		s.robots[r.Name] = r
		secrets = append(secrets, r.URL, r.Secret, u.Path[strings.LastIndexByte(u.Path, '/')+1:])
		for _, values := range u.Query() {
			secrets = append(secrets, values...)
		}
	}
	var err error
	s.client, err = httpcall.New(httpcall.Options{Now: o.Now, Limit: o.Limit, Secrets: secrets})
	return s, err
}

// Send posts one message to a group.
func (s *Sender) Send(ctx context.Context, m notify.Message) notify.Outcome {
	name, mention, _ := strings.Cut(m.Address, "/")
	r, ok := s.robots[name]
	if !ok {
		return notify.Outcome{Result: notify.Retry, Detail: fmt.Sprintf("the configuration has no robot %q on this channel", name)}
	}
	now := s.client.Now()
	if wait := s.dialect.Pace.Take(name, now); wait > 0 {
		return notify.Outcome{Result: notify.Retry, After: wait, Detail: fmt.Sprintf("held back: the provider takes %d messages in %s for one robot", s.dialect.Pace.Most, s.dialect.Pace.Per)}
	}
	u, _ := url.Parse(r.URL) // it was read by New
	query := u.Query()
	body := s.dialect.Body(r, query, m.Text(s.dialect.MaxText), mention, now)
	u.RawQuery = query.Encode()
	return s.client.Do(ctx, httpcall.Post(u.String(), body), s.judge)
}

// judge hands on what the provider itself has answered. A robot that refuses by
// its status refuses every message alike, which people mend in its group.
func (s *Sender) judge(a httpcall.Answer) notify.Outcome {
	if a.Status != http.StatusOK {
		return notify.Outcome{Result: httpcall.OfProvider(a.Status)}
	}
	return s.dialect.Judge(a)
}
