package enforcement

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/crypto"
)

// B12: passwords have a minimum length and follow the policies of OWASP and
// NIST SP 800-63.
func TestB12PasswordPolicy(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	about := crypto.PolicyContext{Words: []string{"Watertight", "anna@alpha.example"}}
	check := func(p crypto.Policy, about crypto.PolicyContext, password string) error {
		return p.Check(ctx, crypto.SecretString(password), about)
	}
	standard := crypto.Policy{}

	// Each refusal gives its reason.
	for password, reason := range map[string]string{
		"fourteen chars":                  "it has 14 characters, at least 15 are needed",
		"aaaaaaaaaaaaaaaa":                "it is one piece repeated",
		"123456789012345":                 "it is a sequence of letters or digits, or a row of the keyboard",
		"password1234567":                 "it is one of the most common passwords with counted or repeated digits around it",
		"anna@alpha.example":              "it is the name of the service, the company or the user, or one with digits around it",
		"a password with a NUL\x00 in it": "it has a NUL character",
	} {
		require.EqualError(t, check(standard, about, password), "password refused: "+reason)
	}

	// With a second factor 8 characters are enough, and common ones are refused.
	mfa := about
	mfa.MFA = true
	require.ErrorContains(t, check(standard, mfa, "seven77"), "at least 8")
	require.ErrorContains(t, check(standard, mfa, "Football"), "among the most common")
	require.NoError(t, check(standard, mfa, "horse bb"))

	// The minimum cannot be lowered by a number. The old promise of six
	// characters has to be asked for by its name.
	require.ErrorContains(t, check(crypto.Policy{MinLen: 6}, about, "correct horse battery"), "below the 15 of NIST")
	require.ErrorContains(t, check(crypto.Policy{LegacyMinimumOfSix: true}, about, "horse"), "at least 6")
	require.NoError(t, check(crypto.Policy{LegacyMinimumOfSix: true}, about, "horse8"))

	// The control: a long password of plain words is fine. No digits, capitals
	// or signs are demanded.
	require.NoError(t, check(standard, about, "correct horse battery"))
}
