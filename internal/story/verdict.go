package story

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/client"
	"holdfast/internal/enrolment"
	"holdfast/internal/payment"
	"holdfast/internal/sandbox/checker"
	"holdfast/internal/view"
)

type unknown = enrolment.Unknown

// settled returns the payments that became unknown in this story and were settled.
func (s *story) settled(ctx context.Context) (list []unknown, err error) {
	for offset := "0"; ; {
		page, err := client.Get[view.Page[unknown]](ctx, s.duty, "/unknowns?settled=1&limit=500&offset="+offset)
		if err != nil {
			return nil, err
		}
		for _, u := range page.Items {
			if u.Since.After(s.begun) {
				list = append(list, u)
			}
		}
		if page.Next == 0 {
			return list, nil
		}
		offset = strconv.Itoa(page.Next)
	}
}

// settle lets no more customers arrive and waits for those who are under way.
func (s *story) settle(ctx context.Context) error {
	if err := s.world.Do(ctx, http.MethodPut, "/traffic", map[string]float64{"rate": 0}, nil); err != nil {
		return err
	}
	s.say("No more customers arrive for the moment, so that the books can be compared.")
	last := -1
	return s.until(ctx, "an answer for every customer", func(ctx context.Context) (bool, error) {
		stats, err := s.stats(ctx)
		if open := stats.Traffic.Open; err == nil && (last < 0 || open == 0 || open < last/2) {
			last = open
			s.say("Customers under way or in doubt: %d.", open)
		}
		return err == nil && stats.Traffic.Open == 0, err
	})
}

func (s *story) verdict(ctx context.Context) error {
	report, err := s.check(ctx)
	if err != nil {
		return err
	}
	s.Report = report
	settled, err := s.settled(ctx)
	if err != nil {
		return err
	}
	open, err := client.Get[view.Page[unknown]](ctx, s.duty, "/unknowns")
	if err != nil {
		return err
	}
	s.Unknown = len(settled)
	s.say("%d customers' intentions against %d effects in the ledger of truth:", report.Intentions, report.Effects)
	s.say("lost %d, doubled %d, wrong %d, denied %d; stood in for %d, of which the primary lacks %d.",
		report.Lost.Count, report.Doubled.Count, report.Wrong.Count, report.Denied.Count, report.StoodIn, report.Owed.Count)
	s.say("Unknown at the gates: %d, settled %d, open %d. Customers in doubt and told later: %d; never told: %d.",
		len(settled)+open.Total, len(settled), open.Total, report.Resolved.Count, report.Unknown.Count)
	for _, u := range settled {
		s.say("  %s at %s: %s (%s)", u.Record.Identity, u.Gate, u.Outcome, u.How)
	}
	return judge(report, settled, open.Total, s.begun)
}

// judge says whether the story has ended as it must: nothing lost, doubled, wrong,
// denied or owed to the primary; no outcome unknown at a gate; and each customer of this story who was
// never told has a payment that Holdfast lists with the outcome that is true.
func judge(r checker.Report, settled []unknown, open int, begun time.Time) error {
	var faults []string
	for _, c := range []struct {
		name  string
		class checker.Class
	}{{"lost", r.Lost}, {"doubled", r.Doubled}, {"wrong", r.Wrong}, {"denied", r.Denied}, {"owed to the primary", r.Owed}} {
		if c.class.Count > 0 {
			faults = append(faults, strconv.Itoa(c.class.Count)+" "+c.name)
		}
	}
	if open > 0 {
		faults = append(faults, strconv.Itoa(open)+" of unknown outcome at the gates")
	}
	outcomes := map[string]payment.Outcome{}
	for _, u := range settled {
		outcomes[u.Record.Identity] = u.Outcome
	}
	unresolved := r.Unknown.Count - len(r.Unknown.Items) // those the list has no room for
	for _, item := range r.Unknown.Items {
		want := payment.NotDone
		if len(item.Effects) > 0 {
			want = payment.Done
		}
		if item.Begun.After(begun) && outcomes[item.Identity] != want {
			unresolved++
		}
	}
	if unresolved > 0 {
		faults = append(faults, strconv.Itoa(unresolved)+" unknown and not resolved")
	}
	if len(faults) > 0 {
		return holdfast.Errorf(holdfast.Conflict, "the books do not agree: %s", strings.Join(faults, ", "))
	}
	return nil
}
