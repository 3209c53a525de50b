package gate

import (
	"context"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// restored is a control plane whose journal came out of a backup: it does not
// hold what the gate has seen, and has less of the gate's account than it once
// took.
type restored struct {
	Control
	taken   uint64 // entries of the first account
	reports []Report
}

func (r *restored) Enrol(context.Context, Enrolment) (Enrolled, error) {
	return Enrolled{Every: time.Second, Reported: r.taken}, nil
}

func (r *restored) Beat(context.Context, Heartbeat) (Beat, error) {
	return Beat{}, holdfast.Errorf(holdfast.Damaged, "the gate has seen position 60; this journal ends at 50")
}

func (r *restored) Report(_ context.Context, report Report) (Reported, error) {
	first := len(r.reports) == 0
	r.reports = append(r.reports, report)
	if first && len(report.Entries) > 0 && report.Entries[0].Seq > r.taken+1 {
		return Reported{}, holdfast.Errorf(holdfast.Conflict, "entry %d is next", r.taken+1)
	}
	return Reported{Entries: report.Entries[len(report.Entries)-1].Seq}, nil
}

// A refused heartbeat costs the lease and raises the alarm. The session goes on,
// so that the restored journal's restrictions can come.
func TestHazardD_ARefusedHeartbeatEndsTheLeaseNotTheSession(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	enforce(t, g, set(10))
	beat(t, g, 10, time.Hour)
	for range 3 {
		if err := g.beatOnce(t.Context(), &restored{}, time.Second); err != nil {
			t.Fatalf("the session ends: %v", err)
		}
		if s := g.Status(); s.LeaseLeft != 0 || !strings.Contains(s.Alarm, "ends at 50") || !strings.Contains(s.Alarm, "holdfast gate accept") {
			t.Errorf("lease %v, alarm %q", s.LeaseLeft, s.Alarm)
		}
	}
	other := set(5, stopOf("theirs", "all"))
	other.Head.Epoch = 2
	if ack, err := g.Enforce(other); err == nil || ack != nil {
		t.Errorf("the restored journal's posture is acknowledged: %v, %v", ack, err)
	}
	if reasonOf(g, Static) != posture.Stopped {
		t.Error("the restored journal's stop is not in force")
	}
	must(t, g.Accept())
	if s := g.Status(); s.Alarm != "" {
		t.Errorf("the alarm stays: %q", s.Alarm)
	}
	if ack, err := g.Enforce(other); err != nil || ack == nil || ack.Posture != other.Head {
		t.Errorf("the accepted journal is refused: %v, %v", ack, err)
	}
}

// Entries that a lost part of the journal had taken are gone here: the gate begins
// a new account with what is open, which the restored node takes.
func TestARestoredNodeTakesANewAccount(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	for n, identity := range []string{"settled", "open"} {
		must(t, g.outcomes.unknown(attempt(identity, n), "no answer", wall))
	}
	settle(t, g.outcomes, attempt("settled", 0), payment.Done, true)
	must(t, g.outcomes.confirm(3))
	must(t, g.outcomes.unknown(attempt("new", 9), "no answer", wall))
	before := g.outcomes.id()

	node := &restored{taken: 1}
	if _, err := g.enrol(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if more, err := g.reportOnce(t.Context(), node); err != nil {
			t.Fatal(err)
		} else if !more {
			break
		}
	}
	if len(node.reports) != 2 || node.reports[0].Account != before || node.reports[1].Account == before {
		t.Fatalf("%d reports: %+v", len(node.reports), node.reports)
	}
	var told []string
	for _, e := range node.reports[1].Entries {
		told = append(told, e.Record.Identity)
	}
	if got := strings.Join(told, " "); got != "open new" {
		t.Errorf("the new account tells of %q", got)
	}
	if g.forgotten || pendingOf(g.outcomes) != "" {
		t.Errorf("%q is still to be told", pendingOf(g.outcomes))
	}
}
