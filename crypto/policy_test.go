package crypto_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/watertight-go/watertight/crypto"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	standard, legacy := crypto.Policy{}, crypto.Policy{LegacyMinimumOfSix: true}
	about := crypto.PolicyContext{Words: []string{"Acme Booking", "anna.kowalska@example.com", "Anna"}}
	mfa := about
	mfa.MFA = true
	for _, c := range []struct {
		policy   crypto.Policy
		about    crypto.PolicyContext
		password string
		rule     crypto.Rule // "" means accepted
	}{
		{standard, about, "correct horse battery", ""},
		{standard, about, "aaaaabbbbbcccccd", ""}, // no composition rules: letters alone will do
		{standard, about, "zażółć gęślą jaźń", ""},
		{standard, about, strings.Repeat("x7-", 24)[:64] + "Qz", ""},                              // the whole password is compared, not its parts,
		{standard, about, "6Xk2 pQ9v mm3T ww81 hh4R ss7L zz5N bb2V 9911 kkaa eeff ggtt jjrr", ""}, // 64 characters
		{standard, about, "fourteen chars", crypto.RuleTooShort},
		{standard, mfa, "horse bb", ""},
		{standard, mfa, "horse b", crypto.RuleTooShort},
		{legacy, about, "h0rs3b", ""},
		{legacy, about, "h0rs3", crypto.RuleTooShort},
		{standard, about, "zażółćżźćą", crypto.RuleTooShort}, // 10 characters in 18 bytes
		{standard, about, "ロロロ馬電池ホチキス正しい馬ネコ", ""},
		{standard, about, strings.Repeat("馬電池ホ", 7), crypto.RuleTooLong},
		{standard, about, "correct horse battery staple correct horse battery staple correct horse!", ""}, // exactly 72 bytes
		{standard, about, "correct horse battery staple correct horse battery staple correct horse!!", crypto.RuleTooLong},
		{standard, about, "correct horse\x00battery", crypto.RuleEncoding},
		{standard, about, "correct horse \xff battery", crypto.RuleEncoding},
		{standard, about, "aaaaaaaaaaaaaaaa", crypto.RulePattern},
		{standard, about, "abcabcabcabcabcab", crypto.RulePattern},
		{standard, about, "123456789012345", crypto.RulePattern},
		{standard, about, "zyxwvutsrqponmlk", crypto.RulePattern},
		{standard, about, "QwertyuiopAsdfg", crypto.RulePattern},
		{standard, about, "anna.kowalska@example.com", crypto.RuleContext},
		{standard, about, "Anna.Kowalska@EXAMPLE.com1984", crypto.RuleContext},
		{standard, mfa, "ANNA.kowalska", crypto.RuleContext},
		{standard, mfa, "acmebooking", crypto.RuleContext},
		{standard, mfa, "2026acmebooking99", crypto.RuleContext},
		{standard, mfa, "acmebooking and more", ""}, // the whole password counts, not its parts
		{legacy, about, "Anna2019", crypto.RuleContext},
		{standard, about, "1qaz2wsx3edc4rfv", crypto.RulePattern},
		{standard, about, "polniypizdec0211", crypto.RuleCommon}, // of the few common ones with 15 or more
		{standard, mfa, "Football", crypto.RuleCommon},
		{standard, mfa, "letmein1", crypto.RuleCommon},
		{legacy, about, "dragon", crypto.RuleCommon},
		{standard, about, "password1234567", crypto.RuleCommon},
		{standard, about, "1999dragon12345", crypto.RuleCommon},
		{standard, about, "dragon850193746", ""}, // nine random digits are not counting
	} {
		err := c.policy.Check(context.Background(), crypto.SecretString(c.password), c.about)
		var refused *crypto.PolicyError
		switch {
		case c.rule == "" && err != nil:
			t.Errorf("%q: %v, want it accepted", c.password, err)
		case c.rule != "" && (!errors.As(err, &refused) || refused.Rule != c.rule):
			t.Errorf("%q: %v, want rule %s", c.password, err, c.rule)
		case c.rule != "" && refused.Reason == "":
			t.Errorf("%q is refused without a reason", c.password)
		}
	}
}

func TestPolicyIsValidated(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]crypto.Policy{
		"14":             {MinLen: 14},
		"6":              {MinLen: 6},
		"7 with MFA":     {MinLenMFA: 7},
		"negative":       {MinLen: -1},
		"65":             {MinLen: 65},
		"legacy and 15":  {MinLen: 15, LegacyMinimumOfSix: true},
		"legacy and MFA": {MinLenMFA: 8, LegacyMinimumOfSix: true},
		"nil list":       {Blocklists: []crypto.Blocklist{nil}},
	} {
		if p.Validate() == nil || p.Check(context.Background(), crypto.SecretString("correct horse battery"), crypto.PolicyContext{}) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	strict := crypto.Policy{MinLen: 20, MinLenMFA: 12}
	var refused *crypto.PolicyError
	if err := strict.Check(context.Background(), crypto.SecretString("correct horse bat"), crypto.PolicyContext{}); !errors.As(err, &refused) || refused.Rule != crypto.RuleTooShort {
		t.Errorf("17 characters of 20: %v", err)
	}
}

type list struct {
	reason string
	err    error
}

func (l list) Find(context.Context, crypto.Secret) (string, error) { return l.reason, l.err }

func TestPolicyAsksBlocklists(t *testing.T) {
	t.Parallel()
	check := func(lists ...crypto.Blocklist) error {
		return crypto.Policy{Blocklists: lists}.Check(context.Background(), crypto.SecretString("correct horse battery"), crypto.PolicyContext{})
	}
	if err := check(list{}, list{}); err != nil {
		t.Errorf("not listed: %v", err)
	}
	var refused *crypto.PolicyError
	if err := check(list{}, list{reason: "it is our old one"}); !errors.As(err, &refused) || refused.Rule != crypto.RuleListed || refused.Reason != "it is our old one" {
		t.Errorf("listed: %v", err)
	}
	if err := check(list{err: errDown}); !errors.Is(err, errDown) || errors.As(err, &refused) && err == nil {
		t.Errorf("a list that cannot be read: %v, want its error", err)
	}
}
