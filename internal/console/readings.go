package console

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"holdfast/internal/access"
	"holdfast/internal/callout"
	"holdfast/internal/draft"
	"holdfast/internal/plan"
)

// readingNews is what a revision changes for its reader since the one that he has
// read last.
type readingNews struct {
	Before      int
	Own, Others []plan.Change
}

// tell adds who has read the revision, and what it changes for the reader if he has
// still to acknowledge it.
func (own *planPage) tell(c *Console, v *visit) error {
	person := c.readerID(v)
	for _, o := range own.Readings {
		if o.At.IsZero() {
			own.Unread++
		} else {
			own.Read++
		}
	}
	own.Owes = owesReading(own.Readings, person)
	latest := c.View.PlanRevisions("", 0, 1).Items
	own.May = len(latest) > 0 && own.Plan.Revision == latest[0].Revision && own.Unread > 0 && v.who().May(access.PublishPlan)
	if !own.Owes {
		return nil
	}
	before, mine, others, err := c.Drafts.ChangesFor(own.Plan.ID, own.Plan.Revision, person)
	if before > 0 {
		own.News = &readingNews{before, mine, others}
	}
	return err
}

// owesReading reports whether the reader has still to acknowledge a revision.
func owesReading(list []draft.Owed, person string) bool {
	return slices.ContainsFunc(list, func(o draft.Owed) bool { return o.Person == person && o.At.IsZero() })
}

// acknowledgePlan states that the reader has read a revision.
func (c *Console) acknowledgePlan(v *visit) error {
	n, err := v.revision()
	if err != nil {
		return err
	}
	p, err := c.View.Plan(n)
	if err != nil {
		return err
	}
	if err := c.Drafts.Acknowledge(v.r.Context(), v.by(), p.ID, p.Revision, v.who().Person); err != nil {
		return err
	}
	return v.seeOther("/plan/"+strconv.Itoa(p.Revision), "acknowledged")
}

// remindReaders has one reader reminded, or all who have not acknowledged.
func (c *Console) remindReaders(v *visit) error {
	n, err := v.revision()
	if err != nil {
		return err
	}
	p, err := c.View.Plan(n)
	if err != nil {
		return err
	}
	if _, err := c.Drafts.Remind(v.r.Context(), v.by(), p.ID, p.Revision, v.form("person")); err != nil {
		return err
	}
	return v.seeOther("/plan/"+strconv.Itoa(p.Revision), "reminded")
}

// readForm is the page behind the link of a reader without an account. Opening it
// acknowledges nothing, since machines that look into mail open links; pressing the
// button does, once. Then it shows the plan no more. As with an outside reviewer, the
// first request brings the secret in the address, and from then on a cookie has it
// that is sent to this page only, until the browser is closed.
type readForm struct {
	Plan     plan.Published
	Address  string
	Reader   draft.Owed
	News     *readingNews
	Content  *plan.Plan
	Accepted bool
}

// readLink finds what the link in the address, or the cookie, leads to. Whoever has no
// working one may try so often and no more.
func (c *Console) readLink(v *visit) (a callout.Admitted, key string, err error) {
	v.req.Who = access.Principal{} // whoever he is signed in as elsewhere does not count here
	key = cmp.Or(v.query("key"), c.web.GuestSecret(v.r))
	n, err := v.revision()
	if err != nil {
		return a, key, err
	}
	a, err = c.Readers.Admit(v.path("plan"), n, v.path("person"), key)
	if busy := c.guests.bound(v, v.readAddress(), err, c.Desk.Now()); busy != nil {
		err = busy
	}
	return a, key, err
}

func (v *visit) readAddress() string {
	return "/read/" + v.path("plan") + "/" + v.path("n") + "/" + v.path("person")
}

func (c *Console) readPage(v *visit) error {
	a, key, err := c.readLink(v)
	if err != nil {
		return err
	}
	if v.query("key") != "" {
		c.web.SetGuest(v.w, v.readAddress(), key, time.Time{})
		http.Redirect(v.w, v.r, v.readAddress(), http.StatusSeeOther)
		return nil
	}
	p := a.Revision.Plan()
	own := readForm{Plan: a.Revision.Published, Address: v.readAddress(), Reader: a.Reader, Content: p, Accepted: !a.Reader.At.IsZero()}
	if a.Before > 0 {
		own.News = &readingNews{a.Before, a.Own, a.Others}
	}
	return c.show(v, "read", v.words.T("reading.page"), false, own)
}

func (c *Console) acknowledgeRead(v *visit) error {
	a, key, err := c.readLink(v)
	if err != nil {
		return err
	}
	if err := c.Readers.Acknowledge(v.r.Context(), a.Revision.ID, a.Revision.Number, a.Reader.Person, key); err != nil {
		return err
	}
	return v.seeOther(v.readAddress(), "")
}
