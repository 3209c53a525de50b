package e2e_test

// standInProfile adds a limit to the stand-in of the plan and takes it out again, by
// clicks alone, removes its planned terms, and reads what is left in the plan's text.
func (w *world) standInProfile(b *browser, draft string) {
	w.t.Helper()
	const limits = "temporary[0].profile.unplanned.limits"
	b.open(draft + "/chapters/temporary?at=temporary%5B0%5D")
	entries := `[id="f-` + limits + `"] > .form-entry`
	before := b.count(entries)
	b.press("button[value='add " + limits + "']")
	b.waitFor("[name='" + limits + "[5].over']")
	b.fill("[name='"+limits+"[5].over']", "payer")
	b.fill("[name='"+limits+"[5].currency']", "CNY")
	b.fill("[name='"+limits+"[5].amount']", "30000")
	b.press("form[data-autosave] .savebar button.main")
	b.waitFor(".note.good")
	b.shoot("54-stand-in-form")
	if got := b.count(entries); got != before+1 {
		w.t.Errorf("%d limits after one was added to %d", got, before)
	}
	b.open(draft + "/read#chapter-temporary")
	b.reveal(".profile table")
	b.shoot("55-stand-in-text")
	b.open(draft + "/chapters/temporary?at=temporary%5B0%5D")
	b.press("button[value='remove " + limits + "[5]']")
	b.waitFor(".undo button")
	if got := b.count(entries); got != before {
		w.t.Errorf("%d limits after that one was removed; there were %d", got, before)
	}
}
