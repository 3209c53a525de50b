package console

import (
	"net/http"

	"holdfast/internal/access"
	"holdfast/internal/web"
)

// signInPage is the form to sign in.
type signInForm struct{ Next, Name string }

func (c *Console) signInPage(v *visit) error {
	next := v.query("next")
	if v.r.Method == http.MethodPost {
		next = v.form("next")
	}
	return c.show(v, "signin", v.words.T("signin.title"), false, signInForm{Next: web.LocalPath(next), Name: v.form("name")})
}

func (c *Console) signIn(v *visit) error {
	secret, _, err := c.Access.SignIn(v.r.Context(), access.Attempt{
		Account: v.form("name"), Password: v.form("password"), Client: v.req.Client, Replaces: c.web.SessionSecret(v.r),
	})
	if err != nil {
		return err
	}
	c.web.SetSession(v.w, secret)
	return v.seeOther(web.LocalPath(v.form("next")), "")
}

func (c *Console) signOut(v *visit) error {
	if secret := c.web.SessionSecret(v.r); secret != "" {
		if err := c.Access.SignOut(v.r.Context(), secret); err != nil {
			return err
		}
	}
	c.web.ClearSession(v.w)
	return v.seeOther("/sign-in", "")
}
