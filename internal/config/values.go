package config

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones must be known on a machine that has no zone files
)

// Address is where to listen, as host:port. An empty host means every address
// of the machine, port 0 a free port, and an empty Address not to listen.
type Address string

// UnmarshalText reads host:port or nothing.
func (a *Address) UnmarshalText(text []byte) error {
	s := string(text)
	if s != "" {
		host, port, err := net.SplitHostPort(s)
		if err != nil || !validPort(port, 0) || (host != "" && !validHost(host)) {
			return fmt.Errorf("%q is not an address: write host:port, such as 127.0.0.1:8800 or :8800", s)
		}
	}
	*a = Address(s)
	return nil
}

func validPort(s string, least int) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && int(n) >= least
}

// Host is a host name or an IP address, without a port.
type Host string

// UnmarshalText reads a host and writes its letters small.
func (h *Host) UnmarshalText(text []byte) error {
	s := strings.ToLower(string(text))
	if !validHost(s) {
		return fmt.Errorf("%q is not a host name or an IP address (write it without scheme and port)", text)
	}
	*h = Host(s)
	return nil
}

func validHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return false
		}
	}
	return true
}

// URL is a base URL: http or https, a host, maybe a path; no user, query or
// fragment, and no slash at the end.
type URL string

// UnmarshalText reads a base URL. Its errors do not repeat the text, which may
// hold a password.
func (u *URL) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "" {
		*u = ""
		return nil
	}
	p, err := url.Parse(s)
	switch {
	case err != nil, p.Scheme != "http" && p.Scheme != "https", !validHost(p.Hostname()),
		p.Port() != "" && !validPort(p.Port(), 1):
		return errors.New("this is not a base URL: write http://host:port or https://host:port, maybe with a path")
	case p.User != nil:
		return errors.New("a URL holds no user and password here")
	case p.RawQuery != "" || p.ForceQuery || p.Fragment != "" || strings.Contains(s, "#"):
		return errors.New("a base URL has no query and no fragment")
	}
	*u = URL(strings.TrimRight(s, "/"))
	return nil
}

// File names a file that must be there when the settings are read.
type File string

// UnmarshalText reads a file's name; whether it is there is checked later.
func (f *File) UnmarshalText(text []byte) error {
	*f = File(text)
	return nil
}

// Duration is a time span, written as "90s", "5m" or "1h30m".
type Duration time.Duration

// UnmarshalText reads a span that is not negative.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a time span: write it as 90s, 5m or 1h30m", text)
	}
	*d = Duration(v)
	return nil
}

// D returns the span for use with package time.
func (d Duration) D() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return time.Duration(d).String() }

// Zone is a time zone by its name in the IANA database, such as Asia/Taipei.
type Zone string

// UnmarshalText reads the name of a zone that exists.
func (z *Zone) UnmarshalText(text []byte) error {
	s := string(text)
	if _, err := time.LoadLocation(s); err != nil || s == "" || s == "Local" {
		return fmt.Errorf("%q is not a time zone: write a name such as Asia/Taipei or UTC", s)
	}
	*z = Zone(s)
	return nil
}

// Location returns the zone.
func (z Zone) Location() *time.Location {
	l, err := time.LoadLocation(string(z))
	if err != nil {
		return time.UTC // the zero Zone; any other was read by UnmarshalText
	}
	return l
}

// MaxSecret is the largest secret in bytes.
const MaxSecret = 8 << 10

// Secret refers to a secret: "env:NAME" to an environment variable, "file:PATH"
// to a file, of which one newline at the end is dropped. It never holds the
// secret itself, so it may be printed.
type Secret string

// UnmarshalText reads a reference. Its errors do not repeat the text, which is
// likely a secret.
func (s *Secret) UnmarshalText(text []byte) error {
	kind, name, ok := strings.Cut(string(text), ":")
	if len(text) > 0 && (!ok || name == "" || (kind != "env" && kind != "file")) {
		return errors.New("a secret does not stand here: write env:NAME or file:PATH, and take the secret out of this place")
	}
	*s = Secret(text)
	return nil
}

// Read returns the secret. env looks up environment variables; nil means there
// are none. The zero Secret reads as the empty string.
func (s Secret) Read(env func(string) (string, bool)) (string, error) {
	if s == "" {
		return "", nil
	}
	kind, name, _ := strings.Cut(string(s), ":")
	var value string
	if kind == "env" {
		if env != nil {
			value, _ = env(name)
		}
		if value == "" {
			return "", fmt.Errorf("the environment variable %s is not set", name)
		}
	} else {
		content, err := readUpTo(name, MaxSecret)
		if err != nil {
			return "", err
		}
		value = strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
		if value == "" {
			return "", fmt.Errorf("the file %s is empty", name)
		}
	}
	if len(value) > MaxSecret {
		return "", fmt.Errorf("the secret has more than %d bytes", MaxSecret)
	}
	return value, nil
}

// readUpTo reads a file and refuses one of more than limit bytes.
func readUpTo(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return content, err
}
