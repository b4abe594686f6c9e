package middleware

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// ours are the proxies: the balancer in 10.0.0.0/8 and the edge.
var ours = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8:1::/48")}

func clientOf(t testing.TB, header, remote string, values ...string) string {
	t.Helper()
	m := &Middleware{cfg: Config{TrustedProxies: ours, ForwardedHeader: header}}
	r := &http.Request{RemoteAddr: remote, Header: http.Header{header: values}}
	a := m.clientIP(r)
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func TestClientIP(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		remote string
		xff    []string
		want   string
	}{
		"no proxy":                 {"203.0.113.9:4711", nil, "203.0.113.9"},
		"forged without a proxy":   {"203.0.113.9:4711", []string{"198.51.100.1"}, "203.0.113.9"},
		"one proxy":                {"10.0.0.1:80", []string{"198.51.100.1"}, "198.51.100.1"},
		"forged in front":          {"10.0.0.1:80", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"},
		"forged as a proxy":        {"10.0.0.1:80", []string{"10.9.9.9, 198.51.100.1"}, "198.51.100.1"},
		"forged in a line before":  {"10.0.0.1:80", []string{"1.1.1.1", "198.51.100.1"}, "198.51.100.1"},
		"two proxies":              {"10.0.0.1:80", []string{"1.1.1.1, 198.51.100.1, 192.0.2.1"}, "198.51.100.1"},
		"proxies only":             {"10.0.0.1:80", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"no header":                {"10.0.0.1:80", nil, "10.0.0.1"},
		"rubbish at the right":     {"10.0.0.1:80", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		"rubbish behind a proxy":   {"10.0.0.1:80", []string{"198.51.100.1, ?, 192.0.2.1"}, "192.0.2.1"},
		"empty":                    {"10.0.0.1:80", []string{""}, "10.0.0.1"},
		"with a port":              {"10.0.0.1:80", []string{"198.51.100.1:5000"}, "198.51.100.1"},
		"v6":                       {"[2001:db8:1::1]:80", []string{"2001:db8:2::9"}, "2001:db8:2::9"},
		"v6 with brackets":         {"10.0.0.1:80", []string{"[2001:db8:2::9]:443"}, "2001:db8:2::9"},
		"v4 in v6 is v4":           {"[::ffff:10.0.0.1]:80", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"a zone is dropped":        {"10.0.0.1:80", []string{"fe80::1%eth0"}, "fe80::1"},
		"a socket has no address":  {"@", []string{"198.51.100.1"}, ""},
		"neighbour of the network": {"11.0.0.1:80", []string{"198.51.100.1"}, "11.0.0.1"},
	} {
		require.Equal(t, c.want, clientOf(t, xForwardedFor, c.remote, c.xff...), name)
	}
}

func TestForwarded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values []string
		want   string
	}{
		"plain":               {[]string{"for=198.51.100.1"}, "198.51.100.1"},
		"with parameters":     {[]string{"by=10.0.0.1;FOR=198.51.100.1;proto=https"}, "198.51.100.1"},
		"v6 is quoted":        {[]string{`for="[2001:db8:2::9]:4711"`}, "2001:db8:2::9"},
		"from the right":      {[]string{"for=1.1.1.1, for=198.51.100.1, for=192.0.2.1"}, "198.51.100.1"},
		"lines":               {[]string{"for=1.1.1.1", "for=198.51.100.1"}, "198.51.100.1"},
		"a comma in a string": {[]string{`for=1.1.1.1, for=198.51.100.1;host="a,for=9.9.9.9"`}, "198.51.100.1"},
		"unknown":             {[]string{"for=198.51.100.1, for=unknown"}, "10.0.0.1"},
		"obfuscated":          {[]string{"for=_hidden"}, "10.0.0.1"},
		"no for":              {[]string{"for=1.1.1.1, proto=https"}, "10.0.0.1"},
		// What the client sent stands before what the proxy appends.
		"an open string":   {[]string{`for=1.1.1.1;x="` + `, for=198.51.100.1`}, "10.0.0.1"},
		"an open escape":   {[]string{`for=1.1.1.1;x="\` + `, for=198.51.100.1`}, "10.0.0.1"},
		"swallowed quotes": {[]string{`for=1.1.1.1;x="` + `, for="[2001:db8:2::9]"`}, "10.0.0.1"},
	} {
		require.Equal(t, c.want, clientOf(t, forwarded, "10.0.0.1:80", c.values...), name)
	}
	require.Equal(t, "10.0.0.1", clientOf(t, forwarded, "10.0.0.1:80"), "the other header is not read")
}

// FuzzClientIP: whatever the client sends, and the proxy appends to, the result
// is what the proxy saw, or the proxy itself.
func FuzzClientIP(f *testing.F) {
	for _, seed := range []string{"", "1.1.1.1", "10.0.0.9, 1.1.1.1", `for=1.1.1.1;x="`, `for="\`, "for=1.1.1.1, for=10.0.0.2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		const seen = "198.51.100.1"
		for header, appended := range map[string]string{xForwardedFor: seen, forwarded: "for=" + seen} {
			got := clientOf(t, header, "10.0.0.1:80", sent+", "+appended)
			if got != seen && (header == xForwardedFor || got != "10.0.0.1") {
				t.Errorf("%s %q gave %s", header, sent, got)
			}
		}
	})
}
