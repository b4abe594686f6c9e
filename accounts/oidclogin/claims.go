package oidclogin

import (
	"encoding/json"
	"slices"
)

// claims are those of an ID token beside the ones that go-oidc reads.
type claims struct {
	Subject         string `json:"sub"`
	Object          string `json:"oid"` // Entra ID
	AuthorizedParty string `json:"azp"`
	Email           string `json:"email"`
	EmailVerified   yes    `json:"email_verified"`
	DomainVerified  yes    `json:"xms_edov"` // Entra ID
	Name            string `json:"name"`
	HostedDomain    string `json:"hd"`  // Google
	Directory       string `json:"tid"` // Entra ID
	Methods         words  `json:"amr"`
	Level           string `json:"acr"`
}

func (c *claims) subject(claim string) string {
	if claim == "oid" {
		return c.Object
	}
	return c.Subject
}

func (c *claims) verifiedEmail() string {
	if c.EmailVerified || c.DomainVerified {
		return c.Email
	}
	return ""
}

// tells reports whether amr or acr has one of the values.
func (c *claims) tells(values []string) bool {
	return slices.ContainsFunc(values, func(v string) bool {
		return v != "" && (v == c.Level || slices.Contains(c.Methods, v))
	})
}

// yes is a boolean that some providers write as a string or a number. What is
// none of their forms of true is false.
type yes bool

func (y *yes) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", `"true"`, "1", `"1"`:
		*y = true
	}
	return nil
}

// words is a list of strings that some providers write as one string.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(w))
}
