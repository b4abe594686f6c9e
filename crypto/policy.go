package crypto

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Minimum lengths of NIST SP 800-63B-4, section 3.1.1.2, in characters.
const (
	MinLenSingleFactor = 15
	MinLenMFA          = 8
	minLenLegacy       = 6
)

// Policy says which new passwords are accepted. It follows NIST SP 800-63B-4:
// a minimum length, a comparison of the whole password with lists of common,
// expected and breached ones, and no rules about digits and capitals, which
// make passwords worse. The zero value is the standard's own policy with the
// embedded list of common passwords.
//
// Check new passwords only. Whoever signs in has chosen his password already;
// ask him to change it when it is known to have been breached, and never
// because time has passed.
type Policy struct {
	// MinLen is the least number of characters where the password is the only
	// factor. Defaults to 15, the standard's minimum, and may not be less.
	MinLen int

	// MinLenMFA is the least number where a second factor is always asked for.
	// Defaults to 8, the standard's minimum, and may not be less.
	MinLenMFA int

	// LegacyMinimumOfSix lowers both to 6 characters, for services that have
	// promised it to their customers. That is below every current standard: an
	// auditor will ask about it. It contradicts MinLen and MinLenMFA.
	LegacyMinimumOfSix bool

	// Blocklists are asked after the embedded list, in order. A [BreachFile]
	// is one.
	Blocklists []Blocklist
}

// A Blocklist knows passwords that must not be used.
type Blocklist interface {
	// Find returns why the password must not be used, or "" if it is not
	// listed. The password is in NFC. The reason is shown to the user.
	Find(ctx context.Context, password Secret) (reason string, err error)
}

// PolicyContext is what is known about the user whose password is checked.
type PolicyContext struct {
	// MFA says that this user always needs a second factor.
	MFA bool
	// Words are what an attacker tries first: the name of the service and of
	// the tenant, the user's name and e-mail address. The password may not be
	// one of them, whatever its capitals, nor one with digits put around it.
	// Parts of an e-mail address count as words of their own.
	Words []string
}

// Rule names why a password was refused.
type Rule string

// The rules, in the order they are checked.
const (
	RuleEncoding Rule = "encoding" // not UTF-8, or with a NUL
	RuleTooShort Rule = "too-short"
	RuleTooLong  Rule = "too-long"
	RulePattern  Rule = "pattern" // one piece repeated, or a row of the keyboard
	RuleContext  Rule = "context" // one of PolicyContext.Words
	RuleCommon   Rule = "common"  // in the embedded list
	RuleListed   Rule = "listed"  // in one of Policy.Blocklists
)

// PolicyError says why a password was refused, in words for the user who chose
// it. It does not contain the password.
type PolicyError struct {
	Rule   Rule
	Reason string
}

func (e *PolicyError) Error() string { return "password refused: " + e.Reason }

// Validate reports contradictions in the policy. Check does so too, but at the
// start of a service is the better moment.
func (p Policy) Validate() error {
	switch {
	case p.LegacyMinimumOfSix && (p.MinLen != 0 || p.MinLenMFA != 0):
		return errors.New("password policy sets a minimum and LegacyMinimumOfSix (set one of them)")
	case p.MinLen != 0 && p.MinLen < MinLenSingleFactor:
		return fmt.Errorf("password policy MinLen %d is below the %d of NIST SP 800-63B-4 (raise it, or name LegacyMinimumOfSix)", p.MinLen, MinLenSingleFactor)
	case p.MinLenMFA != 0 && p.MinLenMFA < MinLenMFA:
		return fmt.Errorf("password policy MinLenMFA %d is below the %d of NIST SP 800-63B-4 (raise it, or name LegacyMinimumOfSix)", p.MinLenMFA, MinLenMFA)
	case p.MinLen > 64 || p.MinLenMFA > 64:
		return errors.New("password policy minimum is above 64 characters (bcrypt reads 72 bytes: choose less)")
	}
	for _, b := range p.Blocklists {
		if b == nil {
			return errors.New("password policy has a nil blocklist (leave it out)")
		}
	}
	return nil
}

// minimum returns the least number of characters for a user.
func (p Policy) minimum(mfa bool) int {
	switch {
	case p.LegacyMinimumOfSix:
		return minLenLegacy
	case mfa:
		return max(p.MinLenMFA, MinLenMFA)
	}
	return max(p.MinLen, MinLenSingleFactor)
}

// Check returns nil if the password may be used, a [*PolicyError] if not, and
// another error if the policy contradicts itself or a list cannot be read. A
// list that cannot be read refuses: a check that was skipped is no check.
func (p Policy) Check(ctx context.Context, password Secret, about PolicyContext) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if !utf8.Valid(password.bytes()) {
		return &PolicyError{RuleEncoding, "it is not valid UTF-8 text"}
	}
	pw := norm.NFC.String(string(password.bytes()))
	if err := checkLength(pw, p.minimum(about.MFA)); err != nil {
		return err
	}
	if err := checkGuessable(pw, about.Words); err != nil {
		return err
	}
	normal := SecretString(pw)
	for _, list := range p.Blocklists {
		reason, err := list.Find(ctx, normal)
		if err != nil {
			return fmt.Errorf("check password against a blocklist: %w", err)
		}
		if reason != "" {
			return &PolicyError{RuleListed, reason}
		}
	}
	return nil
}

// checkLength counts code points, as the standard does, and bytes, as bcrypt does.
func checkLength(pw string, least int) error {
	if n := utf8.RuneCountInString(pw); n < least {
		return &PolicyError{RuleTooShort, fmt.Sprintf("it has %d characters, at least %d are needed", n, least)}
	}
	switch usable([]byte(pw)) {
	case ErrPasswordTooLong:
		return &PolicyError{RuleTooLong, fmt.Sprintf("it takes %d bytes, at most %d can be used (letters outside ASCII take 2 to 4 bytes each)", len(pw), maxPasswordBytes)}
	case ErrPasswordNUL:
		return &PolicyError{RuleEncoding, "it has a NUL character"}
	}
	return nil
}
