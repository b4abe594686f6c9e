// Package oidclogin turns an ID token of an OpenID Connect provider into a
// verified identity: Google Workspace, Entra ID, or any other that publishes
// its keys.
//
//	google, err := oidclogin.New(ctx, oidclogin.Config{
//		Issuer:   "https://accounts.google.com",
//		ClientID: clientID,
//		Domains:  []string{"alpha.example"},
//	})
//	// At the callback, after the code was exchanged with the PKCE verifier:
//	id, err := google.Verify(ctx, rawIDToken, nonce)
//
// It does that one thing, at the sign-in. Sending the browser to the provider,
// the state, PKCE and the exchange of the code are golang.org/x/oauth2's; issue
// a session afterwards, an ID token is none. Verify with the provider that the
// sign-in was begun with, never with the one that the token names.
//
// # What is checked
//
// Signature, by a key that the provider publishes and an asymmetric algorithm;
// issuer, exactly; audience: the client and nobody else, and azp if it is there;
// expiry, nbf, and that the token was issued within the last ten minutes; nonce,
// which must not be empty; and the allow rule of the Config. One of them failing
// is [middleware.ErrUnauthenticated].
//
// # Who it is
//
// An account is the pair of issuer and subject, and nothing else. An e-mail
// address is not: addresses are given to somebody else, and providers let
// administrators write any into a profile. Bind accounts by Config.User, which
// gets both; the default derives the account's id from them, see [UserID]. The
// e-mail is passed on only if the provider says that it verified it, for display
// and for the audit log.
//
// # Google Workspace
//
// Issuer https://accounts.google.com. Domains are compared with the claim hd,
// which Google sets for accounts that a Workspace manages. The part of the
// address behind the @ proves nothing: anybody can have a private Google account
// with an address in somebody's domain.
//
// # Entra ID
//
// Issuer https://login.microsoftonline.com/DIRECTORY/v2.0 with the directory's
// id. The endpoints common, organizations and consumers are refused: there the
// issuer is a pattern that every directory in the world fits, so everybody who
// opens an account at Microsoft would be let in. For several customers make one
// Provider for each directory, with the Tenant that it speaks for; otherwise the
// administrator of one customer's directory could speak for another's people.
//
// The e-mail claim of Entra ID is whatever the directory's administrator wrote
// into the profile, and has been used to take accounts over (nOAuth, 2023). It
// carries no email_verified; the optional claim xms_edov, which says that the
// domain's owner verified it, counts instead. The subject differs for each
// client ID; oid, the object's id in its directory, is the same for all of a
// directory's applications, so Config.Subject may be set to "oid" there.
//
// # Limits
//
// A provider can be asked whether the person is still there only by a new
// sign-in. When an account is closed at the provider, sessions end when they
// end. The provider is trusted with everything about its own accounts.
package oidclogin
