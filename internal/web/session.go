package web

import (
	"net/http"
	"time"
)

// The cookie that holds a session's secret. With the prefix, browsers see to it
// that no other host and no plain connection has set it.
const (
	cookieName   = "holdfast"
	cookiePrefix = "__Host-"
)

// maxSecret bounds what is looked at; a secret has 52 characters.
const maxSecret = 128

func (s *Server) cookie() string {
	if s.secure {
		return cookiePrefix + cookieName
	}
	return cookieName
}

// SessionSecret returns the secret that the browser brought, "" for none.
func (s *Server) SessionSecret(r *http.Request) string {
	c, err := r.Cookie(s.cookie())
	if err != nil || len(c.Value) > maxSecret {
		return ""
	}
	return c.Value
}

// SetSession gives the browser a session's secret. How long it counts is known
// here and not by the browser, which keeps it until it is closed.
func (s *Server) SetSession(w http.ResponseWriter, secret string) {
	http.SetCookie(w, s.sessionCookie(secret, 0))
}

// ClearSession takes it back.
func (s *Server) ClearSession(w http.ResponseWriter) {
	http.SetCookie(w, s.sessionCookie("", -1))
}

func (s *Server) sessionCookie(secret string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: s.cookie(), Value: secret, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	}
}

// guestCookie holds the secret of a link that opens a few pages to who has no
// account. It goes to those pages only, so that it is no key to any other.
const guestCookie = "holdfast-guest"

// GuestSecret returns the secret of a link that the browser brought to a page
// behind it, "" for none.
func (s *Server) GuestSecret(r *http.Request) string {
	c, err := r.Cookie(guestCookie)
	if err != nil || len(c.Value) > maxSecret {
		return ""
	}
	return c.Value
}

// SetGuest gives the browser the secret of a link for the pages below a path,
// until a time; the zero time is until it is closed.
func (s *Server) SetGuest(w http.ResponseWriter, path, secret string, until time.Time) {
	http.SetCookie(w, &http.Cookie{
		Name: guestCookie, Value: secret, Path: path, Expires: until,
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}
