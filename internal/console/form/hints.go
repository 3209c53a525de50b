package form

// hinted names the fields where a newcomer would not know what to write; the text
// has the key "hint." and the name.
var hinted = map[string]bool{
	"plan.id": true, "plan.title": true, "plan.language": true, "plan.purpose": true, "plan.scope": true, "plan.team": true,
	"governance.approval": true, "governance.valid_for": true, "governance.distribution": true, "governance.acknowledge_within": true, "governance.remind_every": true, "governance.review_by": true, "governance.deputies_after": true,
	"approvalstep.mode": true,
	"role.duties":       true, "role.authority": true, "authority.level": true, "authority.alone": true, "authority.scope": true,
	"governance.break_glass": true, "breakglass.lasts": true, "breakglass.superior": true, "breakglass.answer_within": true,
	"risk.likelihood": true, "risk.impact": true, "risk.levels": true, "material.cited": true,
	"plan.measures": true, "measure.id": true, "measure.unit": true, "measure.from": true, "measure.figure": true, "level.bands": true, "level.automatic": true, "band.ends": true, "level.criteria": true, "level.enter": true, "level.recover_within": true,
	"alertrule.match": true, "alertrule.level": true, "alertrule.group_by": true, "alertrule.tell": true, "alertrule.watchdog": true,
	"stage.limit": true, "stage.alongside": true, "task.limit": true, "task.take_within": true, "procedure.shift": true, "procedure.debrief": true, "debrief.sign": true, "debrief.within": true, "task.takes": true, "task.means": true, "task.after": true, "task.branches": true, "task.evidence": true,
	"branch.when": true, "notice.acknowledge": true, "notice.within": true, "notice.lapse": true, "notice.escalate": true, "directive.scope": true, "directive.temporary": true, "directive.pre_authorised": true, "directive.drain": true,
	"webhook.endpoint": true, "webhook.automatic": true, "webhook.repeatable": true, "wait.until": true, "wait.holds_for": true, "task.checklist": true,
	"temporary.longest": true, "temporary.profile": true, "profile.planned": true, "profile.unplanned": true, "profile.snapshot_age": true, "profile.zone": true, "profile.cut_off": true, "profile.keep_declines": true, "profile.one_by_one": true, "profile.second_above": true, "profile.shadow_percent": true,
	"terms.eligible": true, "terms.limits": true, "terms.queue": true, "deferral.deferrable": true, "deferral.expires": true, "deferral.limits": true, "deferral.responsible": true, "forwarding.timeout": true, "forwarding.pause": true, "forwarding.attempts": true, "forwarding.expiry": true, "forwarding.retention": true, "forwarding.inquiries": true,
	"dependencystep.after": true, "parameter.planned": true, "recovery.within": true, "recovery.close_out": true, "recoverystep.people": true,
	"probe.url": true, "probe.expect": true, "probe.times": true, "step.percent": true, "step.hold": true,
	"drillplan.every_months": true, "template.body": true, "obligation.from": true, "contact.party": true,
}

// Hinted reports whether a field has a text that helps to fill it in.
func Hinted(name string) bool { return hinted[name] }
