package access

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast"
)

// TestGrants writes the whole table out a second time, by right instead of by
// role, so that no right moves unseen.
func TestGrants(t *testing.T) {
	want := map[Action][]Role{
		Read:           {Admin, Author, Commander, Duty, Superior, Viewer},
		ReadArchive:    {Admin, Author, Commander, Duty, Superior, Viewer},
		ReportAlert:    {Commander, Duty},
		Acknowledge:    {Admin, Author, Commander, Duty, Superior, Viewer},
		RunIncident:    {Commander, Duty},
		IssueDirective: {Commander, Duty, Superior},
		Approve:        {Commander, Superior},
		LiftDirective:  {Commander, Superior},
		RunRamp:        {Commander},
		Announce:       {Commander, Superior},
		ManageGates:    {Admin},
		DraftPlan:      {Author},
		ApprovePlan:    {Superior},
		PublishPlan:    {Admin, Superior},
		ManageRoster:   {Admin},
		ManageAccess:   {Admin},
		DeliverAlerts:  {Sender},
		OpenTrigger:    {Author, Commander, Duty, Sender, Superior},
	}
	for a, roles := range want {
		if got := granting(a); !slices.Equal(got, roles) {
			t.Errorf("%s comes with %v, want %v", a, got, roles)
		}
	}
	if len(AllActions()) != len(want) {
		t.Errorf("there are %d rights, the table has %d", len(AllActions()), len(want))
	}
}

func TestRequire(t *testing.T) {
	account := Account{Name: "mei", Roles: []Role{Duty}}.Principal()
	token := account
	token.Token, token.Actions = "7", Actions{Read}
	tests := []struct {
		name string
		by   Principal
		need Action
		code holdfast.Code
		says string
	}{
		{"has it", account, RunIncident, "", ""},
		{"lacks it", account, Approve, holdfast.Forbidden, "commander"},
		{"token lacks what its account has", token, RunIncident, holdfast.Forbidden, "scope"},
		{"nobody", Principal{}, Read, holdfast.Unauthenticated, "sign in"},
		{"Holdfast itself", Self("demo"), ManageAccess, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.by.Require(tt.need)
			wantCode(t, err, tt.code)
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not say %q", err, tt.says)
			}
			if tt.by.May(tt.need) != (err == nil) {
				t.Error("May and Require disagree")
			}
		})
	}
}

func TestActor(t *testing.T) {
	tests := []struct {
		account Account
		want    holdfast.Actor
	}{
		{Account{Name: "mei", Roles: []Role{Duty}}, holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "mei"}},
		{Account{Name: "mei", Display: "梅", Roles: []Role{Duty, Sender}}, holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "梅"}},
		{Account{Name: "am", Roles: []Role{Sender}}, holdfast.Actor{Kind: holdfast.Sender, ID: "am", Name: "am"}},
	}
	for _, tt := range tests {
		if got := tt.account.Principal().Actor; got != tt.want {
			t.Errorf("%+v acts as %+v, want %+v", tt.account, got, tt.want)
		}
	}
}

func TestRolesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOf(rapid.SampledFrom(Roles())).Draw(t, "some")
		more := rapid.SliceOf(rapid.SampledFrom(Roles())).Draw(t, "more")
		all := Grants(slices.Concat(some, more)...)
		for _, a := range AllActions() {
			if all.Has(a) != (Grants(some...).Has(a) || Grants(more...).Has(a)) {
				t.Fatalf("%s: the roles %v and %v do not add up", a, some, more)
			}
		}
		if !slices.IsSorted(all) {
			t.Fatal("the set is not sorted")
		}
	})
}
