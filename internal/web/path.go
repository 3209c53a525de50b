package web

import (
	"net/url"
	"path"
	"strings"
	"unicode"
)

// maxPath is the longest path to go back to, in bytes.
const maxPath = 2000

// LocalPath returns next, if it is a path on this server that a browser may be
// sent to, with its query; else "/". Whatever a browser could take for another
// server's address is refused: "//host", "/\host", "/<tab>/host".
func LocalPath(next string) string {
	if len(next) > maxPath || !strings.HasPrefix(next, "/") || strings.Contains(next, `\`) ||
		strings.ContainsFunc(next, func(c rune) bool { return unicode.IsControl(c) || c == unicode.ReplacementChar }) {
		return "/"
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return "/"
	}
	local := u.EscapedPath()
	if local != path.Clean(local) || strings.HasPrefix(local, "//") {
		return "/" // no page of ours has such a path
	}
	if u.RawQuery != "" {
		local += "?" + u.RawQuery
	}
	if len(local) > maxPath {
		return "/" // escaping has made it longer
	}
	return local
}
