package leaktest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/watertight-go/watertight/tenancy"
)

// A signer makes the tokens of Watertight's own context. It is written from the
// format, not from package tenancy, so that the two check each other:
//
//	w1.KEY.TENANT.EXPIRY.BINDING.ACTION.CLAIMS.MAC
//
// MAC is HMAC-SHA-256 over what stands before it, "|" and what the token is
// bound to: here the backend's process number.
type signer struct{ key tenancy.ContextKey }

// token admits to the tenant for ten minutes, in one session only.
func (s signer) token(tenant string, pid uint32) string {
	claims := base64.StdEncoding.EncodeToString([]byte(`{"user":"00000000-0000-4000-8000-00000000a77a","email":"attack@leaktest.example","ip":"127.0.0.1","kind":"user","role":"admin","version":"leaktest"}`))
	head := fmt.Sprintf("w1.%s.%s.%d.s.leaktest.%s", s.key.ID(), tenant, time.Now().Add(10*time.Minute).Unix(), claims)
	secret := s.key.Secret()
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte(head + "|" + strconv.FormatUint(uint64(pid), 10)))
	return head + "." + hex.EncodeToString(mac.Sum(nil))
}
