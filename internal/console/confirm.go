package console

import (
	"time"

	"holdfast/internal/roster"
)

// confirmForm is the page behind the link in a message of verification. It needs
// no sign-in: who holds the link's secret got the message. Opening it confirms
// nothing, since machines that look into mail open links; pressing the button
// does, once.
type confirmForm struct {
	Ask, Key string
	// Name is whom the contact reaches.
	Name    string
	Contact roster.Contact
	// Expires is when the link works no more; Verified when it was used, if it was.
	Expires, Verified time.Time
}

func (c *Console) confirmPage(v *visit) error {
	key := v.query("key")
	if key == "" {
		key = v.form("key")
	}
	a, err := c.Roster.Link(v.path("ask"), key)
	if err != nil {
		return err
	}
	return c.show(v, "confirm", v.words.T("confirm.title"), false, confirmForm{
		Ask: a.ID, Key: key, Name: c.Roster.NameOf(a.Subject), Contact: a.Contact, Expires: a.Expires, Verified: a.Verified,
	})
}

func (c *Console) confirmContact(v *visit) error {
	if err := c.Roster.Confirm(v.r.Context(), v.path("ask"), v.form("key")); err != nil {
		return err
	}
	return c.confirmPage(v)
}
