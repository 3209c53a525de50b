package console

import (
	"holdfast"
	"holdfast/internal/authority"
	"holdfast/internal/plan"
	"holdfast/internal/view"
)

func authoritySamples() []any {
	said := &authority.Word{Reason: "a reason", By: holdfast.Actor{Kind: holdfast.Account, ID: "bo", Name: "Bo"}, At: past}
	glass := view.Glass{Glass: authority.Glass{ID: "g1", Broken: authority.Broken{Person: "mei", Reason: "a reason", Incident: "INC-1", Directives: []string{"stop", "lift"}, Until: future, AnswerBy: future}, At: past}, Name: "Mei", SuperiorName: role, Active: true}
	over, right, wrong := glass, glass, glass
	over.ID, over.Active, over.Ended, over.Overdue, over.Issued = "g2", false, said, true, []string{"d1"}
	right.ID, right.Active, right.Judged = "g3", false, &authority.Judged{Right: true, Word: *said, Late: true}
	wrong.ID, wrong.Active, wrong.Judged = "g4", false, &authority.Judged{Word: *said}
	given := view.Delegation{Delegation: authority.Delegation{ID: "d1", Given: authority.Given{From: "mei", To: "bo", Since: past, Until: future, Reason: "leave"}}, FromName: "Mei", ToName: "Bo", Active: true, ByActor: mei}
	ended, later := given, given
	ended.ID, ended.Active, ended.Ended, ended.RoleNames = "d2", false, said, []view.Named{role}
	later.ID, later.Active = "d3", false
	own := view.Person{RoleNames: []view.Named{role}}
	own.ID, own.Name, own.Account = "mei", "Mei", "mei"
	rows := []view.AuthorityRow{
		{Role: role, Authority: plan.Authority{Directives: []string{"stop", "limit", "lift"}, Level: 1, Alone: true, Scope: `channel == "qr"`}, People: []view.Holder{{Name: "Mei", Account: true}, {Name: "Bo", For: "Mei"}}},
		{Role: role, Authority: plan.Authority{Directives: []string{"stop"}, Level: 3}},
	}
	return []any{
		authorityPage{},
		authorityPage{
			Authority: view.Authority{Plan: "p", Revision: 2, Rows: rows, Terms: &plan.BreakGlass{}}, Glasses: []view.Glass{glass, over, right, wrong},
			Delegations: []view.Delegation{given, ended, later}, Others: true, People: []view.Person{own}, Own: own, Incident: "INC-1", All: true,
		},
		authorityPage{Authority: view.Authority{Plan: "p", Revision: 3, Terms: &plan.BreakGlass{}}, Own: own, People: []view.Person{own}},
	}
}
