package inspect

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// Watertight's own functions do what the rules warn of: tenant() reads a table,
// because the keys are there, and the audit log's functions have rights that
// their callers do not. The warnings would be the same in every project, and hide
// those that are about it. So a function of ours is vouched for, as long as it is
// letter by letter what the migrations made: the tests of this repository are
// about that one. A function that somebody has changed is judged like any other.
//
//go:embed vouched.txt
var vouchedList string

// vouchedFor are the fingerprints of the list, and whether the application may
// call the function.
var vouchedFor = func() map[string]bool {
	known := map[string]bool{}
	for line := range strings.Lines(vouchedList) {
		if part := strings.SplitN(strings.TrimSpace(line), " ", 3); len(part) == 3 {
			known[part[0]] = part[1] == "app"
		}
	}
	return known
}()

// fingerprint of a function: all that decides what it does and with whose rights.
func (m *model) fingerprint(f *catalog.Function) string {
	owner := ""
	if role := m.cat.Role(f.Owner); role != nil {
		owner = role.Name
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %v %q %q %q", f.Name(), f.Language, owner, f.Definer, f.Volatility, f.Config, f.Source))
	return hex.EncodeToString(sum[:16])
}

// vouched says whether a function is ours, as we made it, and called by nobody but
// whom it is for. What has a tree for a body is not: trees differ from server to
// server.
func (m *model) vouched(f *catalog.Function) bool {
	if f.Schema != "watertight" || f.Tree != "" {
		return false
	}
	forApp, known := vouchedFor[m.fingerprint(f)]
	return known && (forApp || m.callable[f.OID] == "")
}
