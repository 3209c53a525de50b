package console

import (
	"strings"

	"holdfast"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

// The screens of third parties.

type partiesPage struct{ Parties []view.Party }

func (c *Console) parties(v *visit) error {
	return c.show(v, "parties", v.words.T("duty.parties"), true, partiesPage{c.View.Parties()})
}

type partyPage struct {
	Party   view.Party
	History record
}

func (c *Console) party(v *visit) error {
	p, err := c.View.Party(v.path("id"))
	if err != nil {
		return err
	}
	own := partyPage{p, c.historyOf(holdfast.NewSubject("party", p.ID), "/parties/"+p.ID)}
	return c.show(v, "party", p.Name, false, own)
}

type partyForm struct {
	draftForm
	Party roster.Party
	Kinds []roster.PartyKind
}

// ContactRows is the part of the form that is about contacts.
func (f partyForm) ContactRows() contactRows { return contactRows{f.draftForm, f.Party.Contacts} }

func (c *Console) partyNew(v *visit) error {
	p := roster.Party{Contacts: []roster.Contact{{Channel: roster.Phone}, {Channel: roster.SMTP}}}
	return c.partyForm(v, c.newDraftForm(v, true, "", "/parties/-new", "/parties"), p)
}

func (c *Console) partyEdit(v *visit) error {
	p, err := c.View.Party(v.path("id"))
	if err != nil {
		return err
	}
	at := "/parties/" + p.ID
	f := c.newDraftForm(v, false, holdfast.NewSubject("party", p.ID), at+"/edit", at)
	if overtaken(v) {
		own := partyOf(v)
		own.Contacts = withVerified(roster.Person{Contacts: own.Contacts}, roster.Person{Contacts: p.Contacts}).Contacts
		f.Overtaken = roster.Compare(p.Party, own)
	}
	return c.partyForm(v, f, p.Party)
}

func (c *Console) partyForm(v *visit, f draftForm, p roster.Party) error {
	if typed(v) {
		p = partyOf(v)
	}
	title := v.words.T("staff.new-party")
	if !f.New {
		title = p.Name
	}
	return c.show(v, "partyform", title, false, partyForm{f, p, roster.PartyKinds[:]})
}

// partyOf reads the form of a party.
func partyOf(v *visit) roster.Party {
	field := func(name string) string { return strings.TrimSpace(v.form(name)) }
	p := roster.Party{
		ID: field("id"), Name: field("name"), Kind: roster.PartyKind(field("kind")), Lang: holdfast.Lang(field("lang")), Contract: field("contract"), Contacts: contactsOf(v),
	}
	if id := v.path("id"); id != "" {
		p.ID = id
	}
	return p
}

func (c *Console) saveParty(v *visit) error {
	if verb, _, _ := v.pressed(); verb != "save" {
		if v.path("id") == "" {
			return c.partyNew(v)
		}
		return c.partyEdit(v)
	}
	base, err := v.revisionOf("base")
	if err != nil {
		return err
	}
	p := partyOf(v)
	p.Contacts = filled(p.Contacts)
	if err := c.Roster.SaveParty(v.r.Context(), v.by(), p, base); err != nil {
		return err
	}
	return v.seeOther("/parties/"+p.ID, "saved")
}

func (c *Console) verifyParty(v *visit) error {
	return c.verifyAt(v, holdfast.NewSubject("party", v.path("id")), "/parties/"+v.path("id"))
}

func (c *Console) testParty(v *visit) error { return c.testAt(v, "/parties/"+v.path("id")) }

func (c *Console) reachedParty(v *visit) error {
	return c.reachedAt(v, holdfast.NewSubject("party", v.path("id")), "/parties/"+v.path("id"))
}

func (c *Console) restoreParty(v *visit) error {
	return c.restoreAt(v, holdfast.NewSubject("party", v.path("id")), "/parties/"+v.path("id"))
}

func (c *Console) removeParty(v *visit) error {
	if err := c.Roster.RemoveParty(v.r.Context(), v.by(), v.path("id"), v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/parties", "removed")
}
