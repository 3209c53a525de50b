// Package access says who may do what: accounts and their roles, the rights
// those give, the sessions of people and the tokens of programs.
//
// # Life cycle
//
//	account   created ──▶ enabled ⇄ disabled        never removed: its acts stay
//	token     issued ──▶ revoked, or past its expiry
//	session   signed in ──▶ ended: signed out, idle, too old, or its account was
//	          disabled, got a new password or had its sessions ended
//
// Accounts and tokens are facts, on the subjects account/<name> and token/<id>.
// The first account is an admin and is made once in a journal's life: the
// subject access/first sees to that on any number of control nodes.
//
// # What is kept where
//
// The verifier of a password (Argon2id, as a PHC string) is a document,
// credential/<account>/<id>, and not in a fact: the journal is append-only, and
// must not keep for ever what lets an old password be guessed at leisure. The
// fact account.password-set names the id, so the old password stops and the new
// one starts at one position of the journal. A verifier that is lost costs a new
// password, no more. The verifier a new password replaces is deleted.
//
// A session is a document, session/<SHA-256 of its secret>; the browser holds
// the secret. It records the append that last ended its account's sessions (or
// made the account), and counts only while that is still the last: one fact ends
// them all, on every node, wherever they are. Losing the document signs a person
// out.
//
// A token is shown once, as hf_<id>_<secret>: the id has 26 and the secret (256
// random bits) 52 digits and lower-case letters. The journal holds the SHA-256
// of the secret, which cannot be guessed back. A token acts for its account with
// those of its scopes that the account still has when it is used.
//
// # Rights
//
// Roles are least right by default and add up; [Grants] is the one table. Admin
// does not carry the acts of an incident. But who manages accounts can make
// himself any, or issue a token of another account: what holds him is that each
// such step is a fact under his name.
package access

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"holdfast"
)

// Account is who can sign in, or whose token can act.
type Account struct {
	Name string `json:"name"`
	// Display is for people to read; empty means the name.
	Display string `json:"display,omitempty"`
	Roles   []Role `json:"roles"`
	// Person links to a person of the roster; empty if the account is no one's,
	// as a program's. No two accounts are one person's, or one person could pass
	// for two where an act needs two.
	Person string `json:"person,omitempty"`
	// Lang is the language of its screens; empty leaves that to the browser.
	Lang     holdfast.Lang `json:"lang,omitempty"`
	Disabled bool          `json:"disabled,omitempty"`
	Created  time.Time     `json:"created"`
	// HasPassword reports whether a password was ever set.
	HasPassword bool `json:"has_password"`

	revision holdfast.Revision
	// credential is the id of the verifier in force.
	credential string
	// epoch is the append that made the account or last ended its sessions.
	epoch string
}

// Actions returns what the account's roles let it do; nothing if it is disabled.
func (a Account) Actions() Actions {
	if a.Disabled {
		return nil
	}
	return Grants(a.Roles...)
}

// Principal returns the account as a signed-in party.
func (a Account) Principal() Principal {
	kind := holdfast.Account
	if slices.Equal(a.Roles, []Role{Sender}) {
		kind = holdfast.Sender
	}
	return Principal{
		Actor:   holdfast.Actor{Kind: kind, ID: a.Name, Name: cmp.Or(a.Display, a.Name)},
		Account: a.Name, Person: a.Person, Lang: a.Lang,
		Actions: a.Actions(),
	}
}

const (
	// maxDisplay is the longest name for people to read, in characters.
	maxDisplay = 64
	// maxAccounts bounds the memory that accounts take.
	maxAccounts = 10_000
)

// checkRoles returns the roles sorted and without doubles.
func checkRoles(roles []Role) ([]Role, error) {
	if len(roles) == 0 {
		return nil, holdfast.Errorf(holdfast.Invalid, "an account needs a role; disable it if it shall do nothing").At("roles")
	}
	for _, r := range roles {
		if _, ok := grants[r]; !ok {
			return nil, holdfast.Errorf(holdfast.Invalid, "there is no account role %q; the roles are %s", r, words(Roles())).At("roles")
		}
	}
	sorted := slices.Clone(roles)
	slices.Sort(sorted)
	return slices.Compact(sorted), nil
}

func checkDisplay(s string) error {
	return checkLine("display", s, maxDisplay)
}

// checkLine refuses text that is not one printable line of at most limit
// characters.
func checkLine(field, s string, limit int) error {
	switch {
	case utf8.RuneCountInString(s) > limit:
		return holdfast.Errorf(holdfast.TooLarge, "the text has more than %d characters", limit).At(field)
	case !utf8.ValidString(s), strings.ContainsFunc(s, unicode.IsControl), s != strings.TrimSpace(s):
		return holdfast.Errorf(holdfast.Invalid, "the text must be one line, without control characters or space around it").At(field)
	}
	return nil
}

func checkLang(l holdfast.Lang) error {
	if l != "" && !slices.Contains(holdfast.Langs[:], l) {
		return holdfast.Errorf(holdfast.Invalid, "language %q: write one of %s, or nothing", l, words(holdfast.Langs[:])).At("lang")
	}
	return nil
}

func checkPerson(b *Book, account, person string) error {
	if person == "" {
		return nil
	}
	if !holdfast.ValidName(person) {
		return holdfast.Errorf(holdfast.Invalid, "%q cannot be a person's id: use lower-case letters, digits, '-', '_' and '.'", person).At("person")
	}
	for _, a := range b.accounts {
		if a.Person == person && a.Name != account {
			return holdfast.Errorf(holdfast.Conflict, "person %s has the account %s already; a person has one", person, a.Name).At("person")
		}
	}
	return nil
}

// words joins the words of a list for a sentence.
func words[S ~string](all []S) string {
	var b strings.Builder
	for i, w := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}
