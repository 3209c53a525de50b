package console

import (
	"strings"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/view"
)

type gatesPage struct{ Gates []view.Gate }

func (c *Console) gates(v *visit) error {
	return c.show(v, "gates", v.words.T("gates.title"), true, gatesPage{c.View.AllGates()})
}

type gatePage struct{ Gate view.Gate }

func (c *Console) gate(v *visit) error {
	g, err := c.View.Gate(v.path("name"))
	if err != nil {
		return err
	}
	return c.show(v, "gate", g.Name, true, gatePage{g})
}

func (c *Console) retire(v *visit) error {
	if err := c.Gates.Retire(v.r.Context(), v.by(), v.path("name"), v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/gates/"+v.path("name"), "done")
}

// cell keeps a spreadsheet from taking a text for a formula, and a card number
// that a client used as its key from leaving the system.
func cell(s string) string {
	s = payment.Mask(s)
	if s != "" && strings.IndexByte("=+-@\t\r\n", s[0]) >= 0 {
		return "'" + s
	}
	return s
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
