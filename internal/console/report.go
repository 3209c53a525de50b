package console

import (
	"net/http"
	"regexp"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/alert"
)

// How often strangers may report: one address once in reportEvery on average, all
// together once in reportsEvery. An office behind one address has the burst.
const (
	reportEvery, reportBurst   = 30 * time.Second, 8
	reportsEvery, reportsBurst = 3 * time.Second, 60
)

// strangers bounds what comes from the page that anybody may report on.
type strangers struct{ each, all *access.Limiter }

func newStrangers() strangers {
	return strangers{access.NewLimiter(reportEvery, reportBurst, maxGuests), access.NewLimiter(reportsEvery, reportsBurst, 1)}
}

func (s strangers) take(v *visit, now time.Time) error {
	if err := s.each.Take(access.ClientKey(v.req.Client), now); err != nil {
		return err
	}
	if err := s.all.Take("all", now); err != nil {
		return holdfast.Errorf(holdfast.TooMany, "very many people report now, and this report was not taken; send it again in a few minutes, or call").Because(err)
	}
	return nil
}

// Public is who reports without an account.
var Public = holdfast.Actor{Kind: holdfast.Sender, ID: "public"}

// reportForm is what a person saw, or a customer told; on the page for strangers,
// what they write themselves.
type reportForm struct {
	Summary, Detail, Caller, Seen string
	// Staff is for who has an account: with the caller, and when he noticed it.
	Staff bool
	// Sent is the number under which a report was taken.
	Sent string
}

// mayReport says which form a reader gets.
func (c *Console) mayReport(v *visit) (staff bool, err error) {
	switch {
	case v.who().May(access.ReportAlert):
		return true, nil
	case c.PublicReports:
		return false, nil
	}
	return false, v.who().Require(access.ReportAlert)
}

var sentNumber = regexp.MustCompile(`^[0-9a-f]{16}$`)

func (c *Console) reportPage(v *visit) error {
	staff, err := c.mayReport(v)
	if err != nil {
		return err
	}
	own := reportForm{Summary: v.form("summary"), Detail: v.form("detail"), Caller: v.form("caller"), Seen: v.form("seen"), Staff: staff}
	if sent := v.query("sent"); sentNumber.MatchString(sent) {
		own.Sent = sent
	}
	return c.show(v, "report", v.words.T("report.title"), false, own)
}

func (c *Console) report(v *visit) error {
	staff, err := c.mayReport(v)
	if err != nil {
		return err
	}
	seen, err := seenAt(v)
	if err != nil {
		return err
	}
	r := alert.Report{Summary: v.form("summary"), Detail: v.form("detail"), Caller: v.form("caller"), Seen: seen, Public: !staff}
	if !staff {
		if err := c.strangers.take(v, c.Desk.Now()); err != nil {
			return err
		}
		id, err := c.Alerts.Report(v.r.Context(), Public, r)
		if err != nil {
			return err
		}
		http.Redirect(v.w, v.r, "/report?sent="+id, http.StatusSeeOther)
		return nil
	}
	id, err := c.Alerts.Report(v.r.Context(), v.by(), r)
	if err != nil {
		return err
	}
	if v.form("suspect") == "" {
		return v.seeOther("/alerts/"+id, "reported")
	}
	opened, err := c.Response.Suspect(v.r.Context(), v.by(), v.form("summary"), []string{id})
	if err != nil {
		return v.seeOther("/alerts/"+id, "reported") // the plan's rules may have opened one already
	}
	return v.seeOther("/incidents/"+opened, "reported")
}

// seenAt reads when it was noticed, in the reader's zone; zero means now.
func seenAt(v *visit) (time.Time, error) {
	text := v.form("seen")
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if at, err := time.ParseInLocation(layout, text, v.zone); err == nil {
			return at, nil
		}
	}
	return time.Time{}, holdfast.Errorf(holdfast.Invalid, "%q is not a time: write date and time", text).At("seen")
}
