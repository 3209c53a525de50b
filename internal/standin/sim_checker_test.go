package standin_test

import (
	"context"
	"fmt"
	"time"

	"holdfast/internal/standin"
)

// audit is the independent checker. It looks at three things only: what customers
// were told, what the source holds, and what the primary did. It shares the
// decoder with the fold, and nothing else.
type audit struct {
	w    *world
	read []uint64
	// Of each identity, as the records say.
	decided  map[string]*standin.Decision
	home     map[string]int // the shard that decided
	attempts map[string]int
	gone     map[string]string // settled, and how
	open     map[string]bool   // handed to people
	cared    map[string]bool   // expired, and looked after
	toldOK   map[string]bool
	toldNo   map[string]bool

	outstanding map[string]standin.Tally // by "" and by payer
	perDay      map[string]int           // payee and day
	excluded    map[string]bool
	queued      map[string]standin.Tally // what waits, by "" and by payer
	order       map[standin.Digest][]string
}

func newAudit(w *world) *audit {
	return &audit{
		w: w, read: make([]uint64, w.shards), decided: map[string]*standin.Decision{}, home: map[string]int{}, attempts: map[string]int{}, gone: map[string]string{},
		open: map[string]bool{}, cared: map[string]bool{}, toldOK: map[string]bool{}, toldNo: map[string]bool{}, outstanding: map[string]standin.Tally{}, perDay: map[string]int{},
		excluded: map[string]bool{}, queued: map[string]standin.Tally{}, order: map[standin.Digest][]string{},
	}
}

// look reads what is new in the source.
func (a *audit) look() {
	for n := range a.read {
		packs, err := a.w.source.Read(context.Background(), n, a.read[n], 100)
		a.w.must(err)
		for _, p := range packs {
			records, err := standin.Decode(p.Body)
			a.w.must(err)
			for _, r := range records {
				a.see(n, r)
			}
			a.read[n] = p.Revision()
		}
	}
}

func (a *audit) see(n int, r standin.Record) {
	switch r := r.(type) {
	case *standin.Excluded:
		if a.decided[r.Identity] == nil {
			a.excluded[r.Identity] = true
		}
	case *standin.LateAnswer:
		delete(a.excluded, r.Identity)
		if d := a.decided[r.Identity]; d != nil && r.Done && a.home[r.Identity] == n && d.Verdict != standin.Declined && a.gone[r.Identity] != "reversed" && a.gone[r.Identity] != "declined" && a.gone[r.Identity] != "expired" {
			a.settle(r.Identity, "delivered")
		}
	case *standin.Decision:
		a.home[r.Identity] = n
		a.decision(r)
	case *standin.Attempt:
		if a.gone[r.Identity] != "" {
			a.w.fail("%s is sent though it is %s", r.Identity, a.gone[r.Identity])
		}
		if d := a.decided[r.Identity]; d != nil && d.Verdict == standin.Queued && a.attempts[r.Identity] == 0 && r.At >= d.Until {
			a.w.fail("%s is sent though it has expired", r.Identity)
		}
		if !r.Inquiry {
			a.turn(n, r.Identity)
			a.attempts[r.Identity]++
		}
	case *standin.Delivered:
		a.settle(r.Identity, "delivered")
	case *standin.TurnedDown:
		a.settle(r.Identity, "declined")
	case *standin.Lapsed:
		if d := a.decided[r.Identity]; a.attempts[r.Identity] > 0 || r.At < d.Until {
			a.w.fail("%s expired though it was sent, or was to wait longer", r.Identity)
		}
		a.settle(r.Identity, "expired")
	case *standin.LookedAfter:
		if a.gone[r.Identity] != "expired" || a.cared[r.Identity] {
			a.w.fail("%s is looked after though it is %s, or was before", r.Identity, a.gone[r.Identity])
		}
		a.cared[r.Identity] = true
	case *standin.Withdrew:
		a.settle(r.Identity, "reversed")
	case *standin.Excepted:
		a.open[r.Identity] = true
	case *standin.Resolved:
		delete(a.open, r.Identity)
		switch r.How {
		case standin.Confirm:
			a.settle(r.Identity, "delivered")
		case standin.Reverse:
			a.settle(r.Identity, "reversed")
		case standin.Accept, standin.WriteOff:
			a.settle(r.Identity, "accepted")
		}
	}
}

func (a *audit) decision(d *standin.Decision) {
	if a.decided[d.Identity] != nil {
		a.w.fail("%s was decided twice", d.Identity)
	}
	if a.excluded[d.Identity] {
		a.w.fail("%s was decided though it is not known what the primary did with it", d.Identity)
	}
	a.decided[d.Identity] = d
	if d.Verdict == standin.Declined {
		a.cancel(d.Identity)
		return
	}
	a.order[d.Payer] = append(a.order[d.Payer], d.Identity)
	if d.Verdict == standin.Queued {
		a.waits(d, 1)
		return
	}
	if d.Kind == standin.Reversal {
		if o := a.decided[d.Original]; o != nil && (o.Verdict == standin.Declined || a.attempts[d.Original] == 0 && !a.open[d.Original]) && a.gone[d.Original] == "" {
			a.settle(d.Original, "reversed")
			a.settle(d.Identity, "reversed")
		}
		return
	}
	a.limits(d)
}

// cancel ends reversals of what was never approved, if they were not sent.
func (a *audit) cancel(original string) {
	for id, d := range a.decided {
		if d.Original == original && d.Verdict == standin.Approved && a.attempts[id] == 0 && a.gone[id] == "" && !a.open[id] {
			a.settle(id, "reversed")
		}
	}
}

// limits checks what an approval comes to, over all shards.
func (a *audit) limits(d *standin.Decision) {
	w := a.w
	if d.Amount > w.each {
		w.fail("%s: %d is over the limit of a payment", d.Identity, d.Amount)
	}
	for _, who := range [...]string{"", d.Payer.String()} {
		t := a.outstanding[who]
		t.Count, t.Amount = t.Count+1, t.Amount+d.Amount
		a.outstanding[who] = t
		if most := map[bool]int64{true: w.whole, false: w.payer}[who == ""]; t.Amount > most {
			w.fail("%s: %d outstanding of %q, and %d is the limit", d.Identity, t.Amount, who, most)
		}
	}
	day := fmt.Sprint(d.Payee, d.At.Time().Truncate(24*time.Hour))
	if a.perDay[day]++; a.perDay[day] > w.payee {
		w.fail("%s: %d payments of a payee in a day", d.Identity, a.perDay[day])
	}
}

func (a *audit) settle(identity, how string) {
	d := a.decided[identity]
	if d == nil || d.Verdict == standin.Declined {
		return
	}
	before := a.gone[identity]
	a.gone[identity] = how
	delete(a.open, identity)
	if how == "reversed" || how == "declined" || how == "expired" {
		a.cancel(identity)
	}
	if d.Verdict == standin.Queued {
		if before == "" {
			a.waits(d, -1)
		}
		return
	}
	if before != "" || d.Kind == standin.Reversal {
		return
	}
	for _, who := range [...]string{"", d.Payer.String()} {
		t := a.outstanding[who]
		a.outstanding[who] = standin.Tally{Count: t.Count - 1, Amount: t.Amount - d.Amount}
	}
}

// waits counts what waits in the queue, over all shards.
func (a *audit) waits(d *standin.Decision, sign int64) {
	for _, who := range [...]string{"", d.Payer.String()} {
		t := a.queued[who]
		t.Count += sign
		a.queued[who] = t
		if most := map[bool]int{true: a.w.queuedAll, false: a.w.queuedEach}[who == ""]; t.Count > int64(most) {
			a.w.fail("%s: %d wait of %q, and %d may", d.Identity, t.Count, who, most)
		}
	}
}

// turn checks that nothing of a payer is sent before what was decided earlier, unless that
// is settled, or for people.
func (a *audit) turn(n int, identity string) {
	d := a.decided[identity]
	if d == nil || d.Kind != standin.Payment || a.attempts[identity] > 0 {
		return
	}
	for _, earlier := range a.order[d.Payer] {
		if earlier == d.Identity {
			return
		}
		if e := a.decided[earlier]; a.home[earlier] == n && e.Kind == standin.Payment && a.gone[earlier] == "" && !a.open[earlier] {
			a.w.fail("%s is sent before %s of the same payer", d.Identity, earlier)
		}
	}
}

// sent checks that what may have reached the primary before is marked.
func (a *audit) sent(identity string, repeat bool) {
	if repeat != (a.attempts[identity] > 1) {
		a.w.fail("%s: attempt %d is marked as a repeat: %v", identity, a.attempts[identity], repeat)
	}
}

// told checks an answer against the source at the moment it is given.
func (a *audit) told(r *standin.Request, answer standin.Answer) {
	id := r.Payment.Identity
	d := a.decided[id]
	switch answer.Verdict {
	case standin.Approved:
		a.toldOK[id] = true
		if d == nil || d.Verdict != standin.Approved || d.Fingerprint != r.Fingerprint() {
			a.w.fail("%s was told that it is approved, and the source does not have it", id)
		}
	case standin.Queued:
		if d == nil || d.Verdict != standin.Queued || d.Fingerprint != r.Fingerprint() {
			a.w.fail("%s was told that it waits, and the source does not have it", id)
		}
	case standin.Done:
		if w := a.w; d != nil && w.primary.effects[id] != 1 {
			w.fail("%s was told that it is done, and the primary did it %d times", id, w.primary.effects[id])
		}
	case standin.Declined:
		a.toldNo[id] = true
		if d == nil {
			a.w.fail("%s was told that it is declined for good, and the source does not have it", id)
		}
	}
	if a.toldOK[id] && a.toldNo[id] {
		a.w.fail("%s was told both", id)
	}
}

// end checks a world in which everything has come to rest.
func (a *audit) end() {
	w := a.w
	a.look()
	for id, n := range w.primary.effects {
		if n > 1 {
			w.fail("%s was done %d times", id, n)
		}
		if d := a.decided[id]; d != nil && d.Verdict != standin.Declined && a.gone[id] == "reversed" && !w.undone[id] {
			w.fail("%s was done, and is reversed here", id)
		}
	}
	for id := range a.toldOK {
		switch how := a.gone[id]; {
		case how == "":
			w.fail("%s was approved, and is lost", id)
		case how == "delivered" && w.primary.effects[id] != 1:
			w.fail("%s was approved and the primary did it %d times", id, w.primary.effects[id])
		}
	}
	if t := a.outstanding[""]; t != (standin.Tally{}) {
		w.fail("%+v is outstanding at the end", t)
	}
	for id, d := range a.decided {
		how := a.gone[id]
		if d.Verdict == standin.Queued && (how == "" || (how == "delivered") != (w.primary.effects[id] == 1) && !w.undone[id]) {
			w.fail("%s was queued, is %q, and the primary did it %d times", id, how, w.primary.effects[id])
		}
	}
	a.balances()
}

// balances counts approvals again and compares.
func (a *audit) balances() {
	type key struct {
		directive string
		kind      standin.Kind
		how       string
	}
	count := map[key]standin.Tally{}
	for id, d := range a.decided {
		if d.Verdict == standin.Declined {
			continue
		}
		all, prefix := "approved", ""
		if d.Verdict == standin.Queued {
			all, prefix = "queued", "queue "
		}
		hows := []string{all, prefix + a.gone[id]}
		if a.cared[id] {
			hows = append(hows, "looked after")
		}
		for _, how := range hows {
			k := key{d.Directive, d.Kind, how}
			t := count[k]
			count[k] = standin.Tally{Count: t.Count + 1, Amount: t.Amount + d.Amount}
		}
	}
	got := map[key]standin.Tally{}
	for _, b := range a.w.balances() {
		for how, t := range map[string]standin.Tally{"approved": b.Approved, "delivered": b.Delivered, "reversed": b.Reversed, "accepted": b.Exception, "": b.Pending,
			"queued": b.Queue.Queued, "queue delivered": b.Queue.Done, "queue declined": b.Queue.Declined, "queue expired": b.Queue.Expired, "queue reversed": b.Queue.Withdrawn, "queue ": b.Queue.Waiting, "looked after": b.Queue.LookedAfter} {
			k := key{b.Directive, b.Kind, how}
			sum := got[k]
			got[k] = standin.Tally{Count: sum.Count + t.Count, Amount: sum.Amount + t.Amount}
		}
	}
	for k, want := range count {
		if got[k] != want {
			a.w.fail("%+v: the state has %+v, the records %+v", k, got[k], want)
		}
	}
}
