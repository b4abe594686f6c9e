package faults

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// encrypt gives the server a certificate, and returns a URL of the application
// that insists on it.
func (w *world) encrypt(t testing.TB) (address string) {
	t.Helper()
	var folder, port string
	require.NoError(t, w.admin.QueryRow(t.Context(),
		"select current_setting('data_directory'), current_setting('port')").Scan(&folder, &port))
	cert, key := certificate(t)
	for name, text := range map[string][]byte{"server.crt": cert, "server.key": key} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		w.server.Give(t, path)
	}
	trusted := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(trusted, cert, 0o600))
	for _, sql := range []string{
		"alter system set ssl = on", "select pg_reload_conf()", "alter role watertight_app password 'over the network'",
	} {
		_, err := w.admin.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	address = "postgres://watertight_app:over%20the%20network@" + net.JoinHostPort("127.0.0.1", port) + "/" + w.Name
	address = withParam(t, address, "sslmode", "verify-full")
	return withParam(t, address, "sslrootcert", trusted)
}

// certificate is one that signs itself, for the loopback address.
func certificate(t testing.TB) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}
