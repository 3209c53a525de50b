package config

import (
	"maps"
	"net/mail"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// check holds the rules of a control node's settings that go beyond one value.
func (c *Config) check(r *report) {
	r.filled("data", c.Data)
	c.Journal.check(r)
	if utf8.RuneCountInString(c.Operator) > 100 {
		r.at("operator", "the name has more than 100 characters")
	}
	r.distinct("allowed_hosts", len(c.AllowedHosts), func(i int) string { return string(c.AllowedHosts[i]) })
	r.filled("listen.console", string(c.Listen.Console))
	r.listeners(map[string]Address{
		"listen.console": c.Listen.Console, "listen.fleet": c.Listen.Fleet, "listen.metrics": c.Listen.Metrics, "intake.mail.listen": c.Intake.Mail.Listen, "listen.status": c.Listen.Status,
	})
	r.together("tls", map[string]File{"certificate": c.TLS.Certificate, "key": c.TLS.Key})
	r.together("fleet", c.Fleet.files())
	r.within("fleet.lease", c.Fleet.Lease, 2*time.Second, 10*time.Minute)
	c.Notices.check(r)
	c.Intake.check(r)
	c.Automation.check(r)
	c.Backup.check(r)
	r.secret("dead_man.url", c.DeadMan.URL)
	r.within("dead_man.every", c.DeadMan.Every, 10*time.Second, time.Hour)
	c.Status.check(r)
	r.within("sessions.idle", c.Sessions.Idle, time.Minute, 30*24*time.Hour)
	r.within("sessions.lifetime", c.Sessions.Lifetime, time.Minute, 30*24*time.Hour)
	if c.Sessions.Idle > c.Sessions.Lifetime {
		r.at("sessions.idle", "%s is longer than the whole lifetime of a session, %s", c.Sessions.Idle, c.Sessions.Lifetime)
	}
}

func (s *Status) check(r *report) {
	r.within("status.every", s.Every, 10*time.Second, time.Hour)
	if s.Every.D()%time.Second != 0 {
		r.at("status.every", "%s is not a number of whole seconds", s.Every)
	}
	if s.Stale < 2*s.Every {
		r.at("status.stale", "%s is less than twice status.every, %s: one late page would count as old", s.Stale, s.Every)
	}
}

func (b *Backup) check(r *report) {
	if b.Every != 0 {
		r.within("backup.every", b.Every, time.Minute, 31*24*time.Hour)
	}
	if b.Every.D()%time.Second != 0 {
		r.at("backup.every", "%s is not a number of whole seconds", b.Every)
	}
	if b.Keep < 1 || b.Keep > 10_000 {
		r.at("backup.keep", "%d is not within 1 and 10000", b.Keep)
	}
	r.secret("backup.passphrase", b.Passphrase)
}

// password finds one in a data source: in a URL before its host, or as a word.
var password = regexp.MustCompile(`(?i)^[a-z]+://[^/@]*:[^/@]+@|password\s*=`)

func (j *Journal) check(r *report) {
	r.secret("journal.password", j.Password)
	switch {
	case password.MatchString(j.Database):
		r.at("journal.database", "a password does not stand here: take it out, and write where it is as journal.password")
	case j.Database == "" && (j.Password != "" || j.Fenced):
		r.at("journal.database", "password and fenced belong to a database: write its data source, such as postgres://holdfast@db1,db2/holdfast")
	case j.Database != "" && !strings.Contains(j.Database, "=") && !strings.HasPrefix(j.Database, "postgres://") && !strings.HasPrefix(j.Database, "postgresql://"):
		r.at("journal.database", "this is not a data source: write postgres://holdfast@db1,db2/holdfast")
	}
}

func (s *SMTP) check(r *report) {
	const at = "notices.smtp."
	if s.Port < 1 || s.Port > 65535 {
		r.at(at+"port", "%d is not a port: write 1 to 65535", s.Port)
	}
	r.secret(at+"password", s.Password)
	if (s.Username == "") != (s.Password == "") && !r.unread[at+"password"] {
		r.at(at+"username", "username and password go together: write both or neither")
	}
	if s.Username != "" && !s.StartTLS {
		r.at(at+"starttls", "with false the password would cross the network readable; leave it true, or leave out username and password")
	}
	if s.From != "" {
		if _, err := mail.ParseAddress(s.From); err != nil {
			r.at(at+"from", "%q is not a mail address: write duty@example.org or Duty <duty@example.org>", s.From)
		}
	}
	if s.Host == "" {
		return
	}
	if !validHost(s.Host) {
		r.at(at+"host", "%q is not a host name or an IP address; the port is a setting of its own", s.Host)
	}
	if s.From == "" {
		r.at(at+"from", "mail needs a sender: write its address")
	}
}

// filled asks for a value.
func (r *report) filled(path, value string) {
	if value == "" {
		r.at(path, "a value is needed: write one, or set %s or %s", Variable(path), Flag(path))
	}
}

// within asks for a time span between two others.
func (r *report) within(path string, d Duration, least, most time.Duration) {
	if d.D() < least || d.D() > most {
		r.at(path, "%s is not within %s and %s", d, least, most)
	}
}

// count asks for a number between two others.
func (r *report) count(path string, n, least, most int) {
	if n < least || n > most {
		r.at(path, "%d is not within %d and %d", n, least, most)
	}
}

// distinct asks that no entry of a list stands there twice.
func (r *report) distinct(path string, n int, entry func(int) string) {
	first := map[string]bool{}
	for i := range n {
		if first[entry(i)] {
			r.at(index(path, i), "%s is in the list already", entry(i))
		}
		first[entry(i)] = true
	}
}

// listeners asks that no two listen at one address. Port 0 is a new one each
// time.
func (r *report) listeners(addresses map[string]Address) {
	paths := slices.Sorted(maps.Keys(addresses))
	for i, path := range paths {
		for _, earlier := range paths[:i] {
			if a := addresses[path]; a != "" && a == addresses[earlier] && !strings.HasSuffix(string(a), ":0") {
				r.at(path, "%s is taken by %s", a, earlier)
				break
			}
		}
	}
}

// together asks for all files of a set or none of them, and that they are there.
func (r *report) together(section string, files map[string]File) {
	names := slices.Sorted(maps.Keys(files))
	some := slices.ContainsFunc(names, func(name string) bool { return files[name] != "" })
	for _, name := range names {
		switch path := join(section, name); {
		case files[name] != "":
			r.there(path, files[name])
		case some:
			r.at(path, "a file is needed: the settings of %s that name files go together", section)
		}
	}
}

func (m MutualTLS) files() map[string]File {
	return map[string]File{"authority": m.Authority, "certificate": m.Certificate, "key": m.Key}
}

// there asks that a file exists.
func (r *report) there(path string, f File) {
	info, err := os.Stat(string(f))
	switch {
	case err != nil:
		r.at(path, "%v", err)
	case info.IsDir():
		r.at(path, "%s is a directory", f)
	}
}

// secret asks that a reference leads to a secret.
func (r *report) secret(path string, s Secret) {
	if _, err := s.Read(r.env); err != nil {
		r.at(path, "%v", err)
	}
}
