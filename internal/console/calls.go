package console

import (
	"net/url"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/callout"
	"holdfast/internal/incident"
	"holdfast/internal/view"
)

// callsPage answers: whom do I call, in which order, and who was reached?
type callsPage struct {
	Incident view.Incident
	Lists    []view.CallList
	Printed  time.Time
}

func (c *Console) calls(v *visit) error {
	in, err := c.View.Incident(v.path("id"))
	if err != nil {
		return err
	}
	own := callsPage{Incident: in, Printed: c.Desk.Now()}
	if own.Lists, err = c.View.Calls(in.ID); err != nil {
		return err
	}
	p := c.page(v, v.words.T("calls.title")+" · "+in.ID, own)
	p.PrintFoot = v.words.T("calls.foot", "id", in.ID, "time", v.words.Time(own.Printed, v.zone))
	return c.showPage(v, "calls", p)
}

// recordCall records what came of a call: the time of the call is now unless another
// is given.
func (c *Console) recordCall(v *visit) error {
	var at time.Time
	if text := v.form("at"); text != "" {
		var err error
		if at, err = time.ParseInLocation("2006-01-02T15:04", text, v.zone); err != nil {
			return holdfast.Errorf(holdfast.Invalid, "%q is not a time", text).At("at")
		}
	}
	call := incident.Called{Task: v.form("task"), Person: v.form("person"), Number: v.form("number"), Result: v.form("result"), At: at, Note: v.form("note")}
	if err := c.Caller.Record(v.r.Context(), v.by(), v.path("id"), call); err != nil {
		return err
	}
	return v.seeOther("/incidents/"+url.PathEscape(v.path("id"))+"/calls", "done")
}

// acknowledgeByCode takes the reply code that somebody gave, for himself or another.
func (c *Console) acknowledgeByCode(v *visit) error {
	_, err := c.Acks.AcknowledgeByCode(v.r.Context(), v.by(), v.path("id"), v.form("code"), v.form("note"))
	return v.act(err)
}

// ackForm is the page behind the link in a notice. It needs no sign-in: who holds the
// link's secret got the message. Opening it acknowledges nothing, since machines that
// look into mail open links; pressing the button does, once.
type ackForm struct {
	callout.AckPage
	Key, Address string
	// Link leads to the incident's page, for those with an account.
	Link string
}

func (c *Console) ackLink(v *visit) (own ackForm, err error) {
	v.req.Who = access.Principal{} // whoever he is signed in as elsewhere does not count here
	if own.Key = v.query("key"); own.Key == "" {
		own.Key = v.form("key")
	}
	own.AckPage, err = c.Acks.Admit(v.path("notice"), own.Key)
	own.Address, own.Link = "/acknowledge/"+url.PathEscape(v.path("notice")), "/incidents/"+url.PathEscape(own.Incident)
	if busy := c.guests.bound(v, own.Address, err, c.Desk.Now()); busy != nil {
		err = busy
	}
	return own, err
}

func (c *Console) ackPage(v *visit) error {
	own, err := c.ackLink(v)
	if err != nil {
		return err
	}
	return c.show(v, "acknowledge", v.words.T("acknowledge.title"), false, own)
}

func (c *Console) ackNotice(v *visit) error {
	own, err := c.ackLink(v)
	if err != nil {
		return err
	}
	if own.At.IsZero() {
		if err := c.Acks.Acknowledge(v.r.Context(), own.Notice.ID, own.Key); err != nil {
			return err
		}
	}
	return c.ackPage(v)
}
