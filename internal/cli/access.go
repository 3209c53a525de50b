package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/api"
)

func (s *shell) account() *cobra.Command {
	return group("account", "Who can sign in, and what they may do", s.accountList(), s.accountCreate(), s.accountChange(), s.accountPassword())
}

func (s *shell) accountList() *cobra.Command {
	return s.api("GET /accounts", "list", "List accounts", func(c *call) error {
		return show(c, nil, func(p *page, v []access.Account) {
			p.row("ACCOUNT", "ROLES", "PERSON", "DISABLED", "CREATED", "DISPLAY")
			for _, a := range v {
				p.row(a.Name, words(a.Roles), a.Person, a.Disabled, a.Created, a.Display)
			}
		})
	})
}

func words[S ~string](list []S) string {
	var b strings.Builder
	for i, w := range list {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(w))
	}
	return b.String()
}

func (s *shell) accountCreate() *cobra.Command {
	var in api.NewAccount
	var roles []string
	var secret passwordFlags
	cmd := s.api("POST /accounts", "create ACCOUNT", "Create an account; without a password it can only hold tokens", func(c *call) (err error) {
		in.Name = c.args[0]
		for _, r := range roles {
			in.Roles = append(in.Roles, access.Role(r))
		}
		if secret.given(s) {
			if in.Password, err = secret.read(s); err != nil {
				return err
			}
		}
		return c.act(in, "account %s is made", in.Name)
	})
	cmd.Flags().StringVar(&in.Display, "display", "", "the name for people to read")
	cmd.Flags().StringSliceVar(&roles, "role", nil, "viewer, duty, commander, admin or sender; may be repeated")
	cmd.Flags().StringVar(&in.Person, "person", "", "the person of the roster it belongs to")
	cmd.Flags().StringVar((*string)(&in.Lang), "language", "", "the language of its screens")
	secret.flags(cmd)
	return required(cmd, "role")
}

func (s *shell) accountChange() *cobra.Command {
	var display, person, language string
	var roles []string
	var disabled bool
	cmd := s.api("PATCH /accounts/{name}", "change ACCOUNT", "Change an account: only what is given", func(c *call) error {
		var in access.Changes
		given := func(flag string) bool { return c.cmd.Flags().Changed(flag) }
		if given("display") {
			in.Display = &display
		}
		if given("person") {
			in.Person = &person
		}
		if given("language") {
			in.Lang = (*holdfast.Lang)(&language)
		}
		if given("disabled") {
			in.Disabled = &disabled
		}
		if given("role") {
			list := make([]access.Role, len(roles))
			for i, r := range roles {
				list[i] = access.Role(r)
			}
			in.Roles = &list
		}
		return c.act(in, "account %s is changed", c.args[0])
	})
	f := cmd.Flags()
	f.StringVar(&display, "display", "", "the name for people to read")
	f.StringSliceVar(&roles, "role", nil, "the roles it has from now on; may be repeated")
	f.StringVar(&person, "person", "", "the person of the roster it belongs to")
	f.StringVar(&language, "language", "", "the language of its screens")
	f.BoolVar(&disabled, "disabled", false, "whether it may act at all")
	return cmd
}

func (s *shell) accountPassword() *cobra.Command {
	var secret passwordFlags
	cmd := s.api("POST /accounts/{name}/password", "password ACCOUNT", "Set a password; the account's sessions end", func(c *call) error {
		password, err := secret.read(s)
		if err != nil {
			return err
		}
		return c.act(api.Password{Password: password}, "the password of %s is set", c.args[0])
	})
	secret.flags(cmd)
	return cmd
}

func (s *shell) token() *cobra.Command {
	return group("token", "API tokens, with which programs act for an account", s.tokenList(), s.tokenIssue(), s.tokenRevoke())
}

func (s *shell) tokenList() *cobra.Command {
	cmd := s.api("GET /tokens", "list", "List the tokens of your account, or of another", func(c *call) error {
		return show(c.pass("account"), nil, func(p *page, v []access.Token) {
			p.row("TOKEN", "ACCOUNT", "ISSUED", "EXPIRES", "REVOKED", "NAME", "SCOPES")
			for _, t := range v {
				p.row(t.ID, t.Account, t.Issued, t.Expires, t.Revoked, t.Name, words(t.Scopes))
			}
		})
	})
	cmd.Flags().String("account", "", "the account, if it is not yours")
	return cmd
}

func (s *shell) tokenIssue() *cobra.Command {
	var in api.NewToken
	var scopes []string
	var life time.Duration
	cmd := s.api("POST /tokens", "issue NAME", "Issue a token, which is shown once", func(c *call) error {
		in.Name = c.args[0]
		for _, scope := range scopes {
			in.Scopes = append(in.Scopes, access.Action(scope))
		}
		if life != 0 {
			in.Expires = s.Now().Add(life).UTC()
		}
		return show(c, in, func(p *page, v api.Issued) { p.line("%s", v.Token) })
	})
	cmd.Flags().StringVar(&in.Account, "account", "", "the account it acts for, if it is not yours")
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "a right it carries, such as read; may be repeated")
	cmd.Flags().DurationVar(&life, "life", 0, "how long it counts, such as 720h (default: until it is revoked)")
	return required(cmd, "scope")
}

func (s *shell) tokenRevoke() *cobra.Command {
	return s.api("POST /tokens/{id}/revoke", "revoke TOKEN", "Revoke a token, by its id", func(c *call) error {
		return c.act(nil, "token %s counts no longer", c.args[0])
	})
}
