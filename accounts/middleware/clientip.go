package middleware

import (
	"net/http"
	"net/netip"
	"strings"
)

const (
	xForwardedFor = "X-Forwarded-For"
	forwarded     = "Forwarded"
)

// Proxies are the networks of a team's own proxies.
type Proxies []netip.Prefix

// Has reports whether the address is a proxy's.
func (p Proxies) Has(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// Client returns the address of the client behind the proxies. hops is what the
// proxies wrote, the nearest one's entry last; a hop that is no address is
// zero. Without a proxy at the other end of the connection hops is the client's
// own invention and is not looked at.
//
// It walks from the right, over the proxies, to the first address that is none.
// At an entry that is no address it stops at the last proxy, which is the
// farthest point that somebody of ours has seen.
func (p Proxies) Client(peer netip.Addr, hops []netip.Addr) netip.Addr {
	client := peer
	for i := len(hops) - 1; i >= 0 && p.Has(client) && hops[i].IsValid(); i-- {
		client = hops[i]
	}
	return client
}

// ParseHops reads the values of an X-Forwarded-For header.
func ParseHops(values []string) []netip.Addr {
	var hops []netip.Addr
	for _, v := range values {
		for entry := range strings.SplitSeq(v, ",") {
			hops = append(hops, ParseAddr(entry))
		}
	}
	return hops
}

// ParseAddr reads an address with or without port and brackets, without its
// zone; what is none gives the zero Addr.
func ParseAddr(s string) netip.Addr {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		return a.Unmap().WithZone("")
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

func (m *Middleware) clientIP(r *http.Request) netip.Addr {
	peer := ParseAddr(r.RemoteAddr)
	proxies := Proxies(m.cfg.TrustedProxies)
	if !proxies.Has(peer) {
		return peer
	}
	values := r.Header.Values(m.cfg.ForwardedHeader)
	if m.cfg.ForwardedHeader == forwarded {
		return proxies.Client(peer, parseForwarded(values))
	}
	return proxies.Client(peer, ParseHops(values))
}

// parseForwarded reads the for parameters of Forwarded headers (RFC 7239,
// section 4). An element without one, or with "unknown" or an obfuscated name,
// is a hop without address.
func parseForwarded(values []string) []netip.Addr {
	var hops []netip.Addr
	for _, v := range values {
		elements, ok := splitOutsideQuotes(v, ',')
		if !ok {
			// A string that the client left open would swallow what the proxy
			// wrote behind it, and leave the client's own address standing.
			hops = append(hops, netip.Addr{})
			continue
		}
		for _, element := range elements {
			hops = append(hops, forwardedFor(element))
		}
	}
	return hops
}

func forwardedFor(element string) (hop netip.Addr) {
	pairs, _ := splitOutsideQuotes(element, ';')
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if strings.EqualFold(strings.TrimSpace(name), "for") {
			hop = ParseAddr(strings.Trim(strings.TrimSpace(value), `"`))
		}
	}
	return hop
}

// splitOutsideQuotes splits at sep where it is not inside a quoted string
// (RFC 9110, section 5.6.4). A string without its end is not ok.
func splitOutsideQuotes(s string, sep byte) (parts []string, ok bool) {
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:]), !quoted
}
