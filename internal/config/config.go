// Package config reads the settings of a control node ([Config], for "serve")
// and of a gate ([Gate], for "gate run"): one YAML file each, with environment
// variables and flags over it.
//
// A setting has a path, such as "fleet.lease". It takes its value from the first
// of these that gives one:
//
//	a flag                    --fleet-lease 20s
//	an environment variable   HOLDFAST_FLEET_LEASE=20s
//	the file                  fleet: {lease: 20s}
//	its default
//
// Lists are written with commas in flags and variables. What stands inside a
// list of sections, such as a gate's routes, can only be written in the file.
//
// Reading is strict and complete: an unknown key, a key written twice, a value
// of the wrong form or a rule broken between settings is a [Fault] that says
// where (file:line:column, variable or flag), which setting, what and how to
// mend it; all faults are returned together as [Faults]. Anchors and aliases are
// refused, so what a line says is what holds there. A file has at most 1 MiB.
//
// Secrets never stand in a file or a flag: a setting that is one takes a
// reference, "env:NAME" or "file:PATH" ([Secret]). Names of files and
// directories are relative to the directory the process runs in.
//
// docs/configuration.md lists every setting; a test holds it to the structs.
package config

import "holdfast"

// Config holds the settings of a control node.
type Config struct {
	// Data is the directory of all that the node keeps, the journal included unless
	// that is in a database.
	Data    string  `yaml:"data" default:"holdfast-data"`
	Journal Journal `yaml:"journal"`
	// Operator is the name of the payment system's operator, for people to read.
	Operator string `yaml:"operator"`
	// Language is used where neither the account nor the browser asks for one.
	Language holdfast.Lang `yaml:"language" default:"zh-Hant" one:"zh-Hant zh-Hans en"`
	// TimeZone is used where the account has none.
	TimeZone Zone `yaml:"time_zone" default:"UTC"`
	// AllowedHosts are the host names, without port, under which people and
	// programs reach the node. Empty means only the loopback names and addresses.
	AllowedHosts []Host     `yaml:"allowed_hosts"`
	Listen       Listen     `yaml:"listen"`
	TLS          Pair       `yaml:"tls"`
	Fleet        Fleet      `yaml:"fleet"`
	Notices      Notices    `yaml:"notices"`
	Intake       Intake     `yaml:"intake"`
	Automation   Automation `yaml:"automation"`
	Sessions     Sessions   `yaml:"sessions"`
	Probes       Probes     `yaml:"probes"`
	Backup       Backup     `yaml:"backup"`
	DeadMan      DeadMan    `yaml:"dead_man"`
	Status       Status     `yaml:"status"`
	Log          Log        `yaml:"log"`

	origins map[string]Origin
}

// Journal says where the journal is, if not in the node's directory.
type Journal struct {
	// Database is a PostgreSQL data source without a password: a URL, or words.
	Database string `yaml:"database"`
	Password Secret `yaml:"password"`
	// Fenced says that a cluster manager shuts out a failed primary and promotes
	// only a standby that has every acknowledged commit.
	Fenced bool `yaml:"fenced" default:"false"`
}

// Listen says where a control node listens. Port 0 takes a free port.
type Listen struct {
	// Console serves the screens and the API.
	Console Address `yaml:"console" default:"127.0.0.1:8800"`
	// Fleet serves gates that are processes of their own; empty means none.
	Fleet Address `yaml:"fleet"`
	// Status serves the public status page alone, for the internet; empty means that
	// only the console's address has it.
	Status Address `yaml:"status"`
	// Metrics serves Prometheus metrics without sign-in; empty means none.
	Metrics Address `yaml:"metrics"`
}

// Pair is a certificate chain and its private key, as PEM files.
type Pair struct {
	Certificate File `yaml:"certificate"`
	Key         File `yaml:"key"`
}

// MutualTLS is a pair and the authority that signed the other side's
// certificate, as PEM files.
type MutualTLS struct {
	Authority   File `yaml:"authority"`
	Certificate File `yaml:"certificate"`
	Key         File `yaml:"key"`
}

// Fleet holds how the node and the gates know each other. Without files the
// node is its own authority, in the directory "fleet" of its data.
type Fleet struct {
	MutualTLS `yaml:",inline"`
	// Lease is how long a gate may admit payments after a heartbeat without the
	// next one, from 2 s to 10 min.
	Lease Duration `yaml:"lease" default:"30s"`
}

// Notices holds how people are told.
type Notices struct {
	SMTP     SMTP         `yaml:"smtp"`
	Webhook  Webhook      `yaml:"webhook"`
	SMS      SMS          `yaml:"sms"`
	Voice    Voice        `yaml:"voice"`
	DingTalk Robots       `yaml:"dingtalk"`
	WeCom    Robots       `yaml:"wecom"`
	Feishu   Robots       `yaml:"feishu"`
	Slack    Robots       `yaml:"slack"`
	Push     Push         `yaml:"push"`
	Limits   NoticeLimits `yaml:"limits"`
}

// NoticeLimits bound what notices ask of people and of what takes them.
type NoticeLimits struct {
	// PerPerson is how many notices that are not urgent one person gets in ten
	// minutes.
	PerPerson int `yaml:"per_person" default:"12"`
	// AtOnce is how many attempts run at once, ToOne how many of them to one place.
	AtOnce int `yaml:"at_once" default:"64"`
	ToOne  int `yaml:"to_one" default:"16"`
}

// SMTP is the mail server that takes our mail. Without a host no mail is sent.
type SMTP struct {
	Host string `yaml:"host"`
	Port int    `yaml:"port" default:"587"`
	// StartTLS means that mail is sent only over an encrypted connection.
	StartTLS bool   `yaml:"starttls" default:"true"`
	Username string `yaml:"username"`
	Password Secret `yaml:"password"`
	// From is the sender's address: "duty@example.org" or "Duty <duty@…>".
	From string `yaml:"from"`
}

// Webhook holds how outgoing webhooks are signed.
type Webhook struct {
	Secret Secret `yaml:"secret"`
}

// Sessions says how long a person stays signed in.
type Sessions struct {
	// Idle ends a session that was not used for so long.
	Idle Duration `yaml:"idle" default:"2h"`
	// Lifetime ends every session.
	Lifetime Duration `yaml:"lifetime" default:"24h"`
}

// Probes names the places that a plan's probes may call, "{gate}" and
// "{primary}" in their addresses. A probe that names a place without a URL fails.
type Probes struct {
	Gate    URL `yaml:"gate"`
	Primary URL `yaml:"primary"`
}

// Backup says how copies of the journal are made and kept.
type Backup struct {
	// Dir is where they lie; empty means the directory "backups" of the data, which
	// shares its disk.
	Dir string `yaml:"dir"`
	// Every is the time between scheduled ones, from 1 min to 31 days; 0 schedules
	// none.
	Every Duration `yaml:"every" default:"0s"`
	// Keep is how many stay.
	Keep int `yaml:"keep" default:"7"`
	// Passphrase encrypts the node's keys inside; without one they are left out.
	Passphrase Secret `yaml:"passphrase"`
}

// DeadMan is an outside switch that raises the alarm when it is called no more. It is
// called only while nothing is missing that was due to people.
type DeadMan struct {
	// URL names where to find the address, which is a secret as a rule.
	URL Secret `yaml:"url"`
	// Every is the time between calls, from 10 s to 1 h.
	Every  Duration `yaml:"every" default:"1m"`
	Method string   `yaml:"method" default:"POST" one:"GET POST"`
}

// Status says where the public status page goes.
type Status struct {
	// Dir is where its files are written; empty means nowhere.
	Dir string `yaml:"dir"`
	// URL is where the public finds the files, Subscribe where a node answers that the
	// public reaches; without it nobody subscribes by mail.
	URL       URL `yaml:"url"`
	Subscribe URL `yaml:"subscribe"`
	// Every is how often they are written though nothing changed, from 10 s to 1 h;
	// Stale is how old they may be, at least twice that.
	Every Duration `yaml:"every" default:"5m"`
	Stale Duration `yaml:"stale" default:"15m"`
}

// Log says how the process logs to its standard error.
type Log struct {
	Level  string `yaml:"level" default:"info" one:"debug info warn error"`
	Format string `yaml:"format" default:"text" one:"text json"`
}

// Options say where settings come from.
type Options struct {
	// File is read if it is not empty.
	File string
	// Content, if not nil, is used instead of the file's; File then only names it.
	Content []byte
	// Env looks up an environment variable; nil means there are none.
	Env func(string) (string, bool)
	// Flags holds the values of the flags that were given, by the setting's path.
	Flags map[string]string
}

// Load reads the settings of a control node. The error is [Faults] if settings
// are at fault; the Config must not be used then.
func Load(opt Options) (Config, error) {
	var c Config
	origins, err := load(opt, &c, c.check)
	c.origins = origins
	return c, err
}

// Explain lists every setting with its value and where it came from.
func (c Config) Explain() []Setting { return explain(c, c.origins) }
