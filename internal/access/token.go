package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Token lets a program act for an account.
type Token struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	// Name says what the token is for.
	Name string `json:"name"`
	// Scopes bounds what it may do; the account's rights bound it further.
	Scopes Actions   `json:"scopes"`
	Issued time.Time `json:"issued"`
	// Expires is zero for a token that lasts until it is revoked.
	Expires time.Time `json:"expires,omitzero"`
	// Revoked is zero for a token that was not.
	Revoked time.Time `json:"revoked,omitzero"`

	digest   holdfast.Hash
	revision holdfast.Revision
}

// Live reports whether the token counts at a time.
func (t Token) Live(now time.Time) bool {
	return t.Revoked.IsZero() && (t.Expires.IsZero() || now.Before(t.Expires))
}

// NewToken is what it takes to issue a token.
type NewToken struct {
	Account string
	Name    string
	Scopes  Actions
	// Expires is zero for a token that lasts until it is revoked.
	Expires time.Time
}

const (
	// maxTokenName is in characters.
	maxTokenName = 64
	// maxTokens is how many live tokens one account may have.
	maxTokens = 100
)

// issue makes a token. It takes the right to manage access, unless the account
// itself asks in a session. No token begets one that may do more than itself.
func issue(b *Book, by Principal, n NewToken, id, secret string, now time.Time) ([]journal.Draft, error) {
	if !by.owns(n.Account) {
		if err := by.Require(ManageAccess); err != nil {
			return nil, err
		}
	}
	a, err := b.find(n.Account)
	if err != nil {
		return nil, err
	}
	if err := checkLine("name", n.Name, maxTokenName); err != nil {
		return nil, err
	}
	if n.Name == "" {
		return nil, holdfast.Errorf(holdfast.Invalid, "a token needs a name that says what it is for").At("name")
	}
	scopes, err := checkScopes(by, a, n.Scopes)
	if err != nil {
		return nil, err
	}
	if !n.Expires.IsZero() && !now.Before(n.Expires) {
		return nil, holdfast.Errorf(holdfast.Invalid, "the token would have expired already; choose a later time, or none").At("expires")
	}
	if b.live(n.Account, now) >= maxTokens {
		return nil, holdfast.Errorf(holdfast.Conflict, "account %s has %d tokens, the most there can be; revoke one first", n.Account, maxTokens)
	}
	return []journal.Draft{journal.NewDraft(tokenSubject(id), 0, kindIssued, issued{
		Account: n.Account, Name: n.Name, Scopes: scopes, Expires: n.Expires.UTC(), SHA256: digest(secret),
	})}, nil
}

func checkScopes(by Principal, a Account, scopes Actions) (Actions, error) {
	if len(scopes) == 0 {
		return nil, holdfast.Errorf(holdfast.Invalid, "a token needs a scope; account %s has the rights %s", a.Name, words(a.Actions())).At("scopes")
	}
	for _, s := range scopes {
		if !a.Actions().Has(s) {
			return nil, holdfast.Errorf(holdfast.Invalid, "account %s does not have the right %q itself; it has %s", a.Name, s, words(a.Actions())).At("scopes")
		}
		if by.Token != "" && !by.May(s) {
			return nil, holdfast.Errorf(holdfast.Forbidden, "a token cannot issue one with the right %s, which it does not carry itself", s).At("scopes")
		}
	}
	sorted := slices.Clone(scopes)
	slices.Sort(sorted)
	return slices.Compact(sorted), nil
}

// revoke ends a token. Revoking one that was revoked changes nothing.
func revoke(b *Book, by Principal, id string) ([]journal.Draft, error) {
	t, ok := b.tokens[id]
	if !by.owns(t.Account) && by.Token != id {
		if err := by.Require(ManageAccess); err != nil {
			return nil, err
		}
	}
	if !ok {
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no token %q", id)
	}
	if !t.Revoked.IsZero() {
		return nil, nil
	}
	return []journal.Draft{journal.NewDraft(tokenSubject(id), t.revision, kindRevoked, struct{}{})}, nil
}

func (b *Book) live(account string, now time.Time) int {
	n := 0
	for _, t := range b.tokens {
		if t.Account == account && t.Live(now) {
			n++
		}
	}
	return n
}

// byToken returns who stands behind the text of a token. Which part of the text
// is wrong, and whether there is such a token, is not told apart.
func (b *Book) byToken(text string, now time.Time) (Principal, error) {
	id, secret, ok := parseToken(text)
	t := b.tokens[id] // the zero token for none; nothing has a digest of zero
	sum := digest(secret)
	if !ok || subtle.ConstantTimeCompare(sum[:], t.digest[:]) != 1 {
		return Principal{}, holdfast.Errorf(holdfast.Unauthenticated, "the token is not valid")
	}
	a := b.accounts[t.Account]
	if !t.Live(now) || a.Disabled {
		return Principal{}, holdfast.Errorf(holdfast.Unauthenticated, "the token %s counts no longer: it expired, was revoked, or its account is disabled", t.ID)
	}
	p := a.Principal()
	p.Actor.Via, p.Token = t.ID, t.ID
	p.Actions = t.Scopes.and(a.Actions())
	return p, nil
}

const tokenPrefix = "hf_"

func formatToken(id, secret string) string { return tokenPrefix + id + "_" + secret }

// parseToken takes the text of a token apart. It says only whether the form is
// right.
func parseToken(text string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok {
		return "", "", false
	}
	id, secret, ok = strings.Cut(rest, "_")
	return id, secret, ok && isRandom(id, idLength) && isRandom(secret, secretLength)
}

const (
	idLength     = 26 // of holdfast.NewID
	secretLength = 52 // of holdfast.Secret
)

// isRandom reports whether s has the form of a random text of that length.
func isRandom(s string, length int) bool {
	if len(s) != length {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

func digest(secret string) holdfast.Hash { return sha256.Sum256([]byte(secret)) }
