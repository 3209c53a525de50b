package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"holdfast"
)

// hosts are the names and addresses of the node.
type hosts struct {
	names     map[string]bool
	addresses map[netip.Addr]bool
}

func newHosts(list []string) (hosts, error) {
	h := hosts{map[string]bool{}, map[netip.Addr]bool{}}
	for _, text := range list {
		name := canonical(text)
		if a, err := netip.ParseAddr(name); err == nil {
			h.addresses[bare(a)] = true
			continue
		}
		if name == "" || strings.ContainsAny(name, "/:@*? ") {
			return hosts{}, holdfast.Errorf(holdfast.Invalid, "%q is not a host name or an address; write it without scheme and port", text).At("allowed_hosts")
		}
		h.names[name] = true
	}
	return h, nil
}

// know reports whether the request names the node as its own. The addresses that
// need no listing cannot be rebound: they are addresses, not names, and
// browsers resolve localhost themselves.
func (h hosts) know(r *http.Request) bool {
	name := canonical(hostOf(r.Host))
	a, err := netip.ParseAddr(name)
	if err != nil {
		return name == "localhost" || strings.HasSuffix(name, ".localhost") || h.names[name]
	}
	a = bare(a)
	return a.IsLoopback() || h.addresses[a] || a == arrival(r)
}

// arrival is the address the connection came in on.
func arrival(r *http.Request) netip.Addr {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return netip.Addr{}
	}
	at, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return netip.Addr{}
	}
	return bare(at.Addr())
}

func bare(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// hostOf drops the port, if there is one.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
}

func canonical(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }
