package view

import (
	"testing"
	"time"

	"holdfast/internal/reconciliation"
	"holdfast/internal/settlement"
	"holdfast/internal/standin"
)

// An exception is shown with the terms that decided, as far as they bear on it, and with
// what a settlement file says, recorded or compared only.
func TestExceptionEvidence(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		by, id := w.standIn()
		c, err := by.Profile.Compile(by.Planned)
		w.must(err)
		m := settlement.Mapping{Name: "core", Identity: []string{"order"}, Amount: "amount", Unit: settlement.Minor, CurrencyIs: "CNY", Zone: "UTC"}
		w.must(w.Source.Settlement.SaveMapping(w.Context(), mei, m))
		file, err := w.Source.Settlement.Offer(w.Context(), mei, "core", "1999-12-31", "day.csv", []byte("order,amount\nexhausted,900\n"))
		w.must(err)
		at := time.Now()
		e := func(identity string, why standin.Why) standin.OpenException {
			return standin.OpenException{
				Identity: identity, Directive: id, Kind: standin.Payment, Amount: 900, Currency: "CNY", Why: why, Decided: at, Since: at.Add(time.Hour),
				Approved: true, Attempts: 1, Pending: at, Version: c.Version.String(),
			}
		}
		limits := 0
		for _, l := range termsOf(by).Terms.Limits {
			if l.Currency == "" || l.Currency == "CNY" {
				limits++
			}
		}
		refused, exhausted, absent, other, declined, queued := e("refused", standin.PrimaryRefused), e("exhausted", standin.Exhausted), e("absent", standin.FileAbsent), e("other", standin.Expired), e("declined", standin.DoneThoughDeclined), e("queued", standin.NotSendable)
		f := by.Profile.Forwarding
		exhausted.Attempts = f.Attempts + 1
		absent.Filed = &standin.Filed{File: file}
		other.Version, other.Directive = "00ff", id
		declined.Approved, declined.Pending = false, time.Time{}
		queued.Approved, queued.Queued, queued.Attempts, queued.Until = false, true, 0, at.Add(7*time.Minute)
		nobody, elsewhere := e("nobody", standin.Expired), e("exhausted", standin.Expired)
		nobody.Directive, elsewhere.Directive, elsewhere.Since = "d99", "d99", at.Add(2*time.Hour)
		_, err = w.Reconciliation.Told(w.Context(), "east", standin.Summary{Source: "s1", At: at, Shards: 1, Of: []standin.ShardSummary{{
			Epoch: 1, Standing: []standin.Standing{{Directive: id, Opened: at}}, Open: []standin.OpenException{refused, exhausted, absent, other, declined, queued, nobody},
		}}})
		w.must(err)
		_, err = w.Reconciliation.Told(w.Context(), "west", standin.Summary{Source: "s2", At: at, Shards: 1, Of: []standin.ShardSummary{{
			Epoch: 1, Standing: []standin.Standing{{Directive: "d99", Opened: at}}, Open: []standin.OpenException{elsewhere},
		}}})
		w.must(err)
		var said *standin.FileWord
		for range 4 { // the file is read, its page given, and answered
			w.sleep(time.Second)
			page, err := w.Source.Settlement.Told(w.Context(), "east", "b1", said)
			w.must(err)
			if page == nil {
				continue
			}
			said = &standin.FileWord{File: page.File, Page: page.Page, Source: "s1", Of: 1, Shards: []int{0}}
			for _, r := range page.Rows {
				said.Add(standin.Found{N: r.N, Line: r.Line, Finding: standin.FileOpen, Identity: r.Identity, Directive: id, Amount: 900, Currency: "CNY", Was: standin.Exceptional.String()})
			}
		}
		got := map[string]Exception{}
		list := w.Exceptions(ExceptionQuery{}, 0, 50)
		for _, one := range list.Items {
			if one.Source == "s2" {
				if one.File != nil || one.Decision != nil {
					t.Errorf("the file is shown at another payment of this identity: %+v", one.File)
				}
				continue
			}
			got[one.Identity] = one
		}
		if n := nulls(t, list); len(n) > 0 {
			t.Errorf("null: %v", n)
		}
		for identity, want := range map[string]ExceptionTerms{
			"refused":   {Same: true, Attempts: f.Attempts, Expires: at.Add(f.Expiry)},
			"exhausted": {Same: true, Attempts: 2 * f.Attempts, Expires: at.Add(f.Expiry)},
			"absent":    {Same: true, Attempts: f.Attempts, Expires: at.Add(f.Expiry)},
			"other":     {Same: false, Attempts: f.Attempts, Expires: at.Add(f.Expiry)},
			"declined":  {Same: true, Attempts: f.Attempts},
			"queued":    {Same: true, Attempts: f.Attempts, Expires: at.Add(7 * time.Minute)},
		} {
			terms := got[identity].Terms
			if terms == nil || terms.Same != want.Same || terms.Attempts != want.Attempts || !terms.Expires.Equal(want.Expires) || terms.Inquiries != f.Inquiries || terms.Profile != by.Profile.ID || terms.Title != by.Title {
				t.Errorf("%s: %+v, want %+v", identity, terms, want)
				continue
			}
			if n := len(terms.Limits); got[identity].Approved && n != limits || !got[identity].Approved && n > 0 {
				t.Errorf("%s: %d limits of %d", identity, n, limits)
			}
		}
		if got["nobody"].Terms != nil || got["refused"].File != nil {
			t.Errorf("of a directive that is not known: %+v, of no file: %+v", got["nobody"].Terms, got["refused"].File)
		}
		if f := got["absent"].File; f == nil || *f != (ExceptionFile{ID: file, Name: "day.csv", Day: "1999-12-31", Recorded: true}) {
			t.Errorf("the file lacks it: %+v", f)
		}
		if f := got["exhausted"].File; f == nil || *f != (ExceptionFile{ID: file, Name: "day.csv", Day: "1999-12-31", Line: 2, Amount: 900, Currency: "CNY"}) {
			t.Errorf("the file says that it was not done: %+v", f)
		}

		// What people decide, also what fails, hides nothing of it.
		var decision string
		for _, o := range list.Items {
			if o.Identity == "exhausted" && o.Source == "s1" {
				decision, err = w.Reconciliation.Resolve(w.Context(), mei, reconciliation.Form{Identity: o.Identity, Source: o.Source, How: standin.Retry, Note: "once more"})
				w.must(err)
			}
		}
		shown := func(when string, q ExceptionQuery) {
			t.Helper()
			q.Directive = id
			for _, one := range w.Exceptions(q, 0, 50).Items {
				if one.Identity != "exhausted" || one.Source != "s1" {
					continue
				}
				if one.Decision == nil || one.Decision.ID != decision || one.File == nil || one.File.Line != 2 {
					t.Errorf("%s: decided %+v, the file says %+v", when, one.Decision, one.File)
				}
				return
			}
			t.Errorf("%s it is not shown", when)
		}
		shown("ordered", ExceptionQuery{})
		_, err = w.Reconciliation.Told(w.Context(), "east", standin.Summary{Source: "s1", At: at, Shards: 1, Carried: []standin.Carried{{ID: decision, Refused: "the key is gone"}}, Of: []standin.ShardSummary{{
			Epoch: 1, Standing: []standin.Standing{{Directive: id, Opened: at}}, Open: []standin.OpenException{exhausted},
		}}})
		w.must(err)
		shown("failed", ExceptionQuery{Decided: true})
	})
}
