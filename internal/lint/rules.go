package lint

import "slices"

// Rule is one entry of the catalogue.
type Rule struct {
	ID       string   `json:"rule"`
	Severity Severity `json:"severity"`
	// Age says that the calendar alone can break the rule.
	Age   bool `json:"age,omitempty"`
	check func(*judge)
}

// Groups lists the groups of rules; a rule's is told by its first digit.
var Groups = [...]string{"structure", "time", "people", "gates", "governance", "hygiene"}

// Group names what the rule looks at.
func (r Rule) Group() string { return Groups[r.ID[1]-'1'] }

// Rules returns the catalogue in the order of the ids.
func Rules() []Rule { return slices.Clone(rules) }

// Lookup returns the rule with an id.
func Lookup(id string) (Rule, bool) {
	if r := ruleByID[id]; r != nil {
		return *r, true
	}
	return Rule{}, false
}

var rules = []Rule{
	{ID: "L101", Severity: Error, check: (*judge).teamDepartments},
	{ID: "L102", Severity: Error, check: (*judge).registerEmpty},
	{ID: "L103", Severity: Error, check: (*judge).highRiskUnanswered},
	{ID: "L104", Severity: Warning, check: (*judge).mediumRiskUntreated},
	{ID: "L105", Severity: Error, check: (*judge).materialsEmpty},
	{ID: "L106", Severity: Error, check: (*judge).leakMissing},
	{ID: "L107", Severity: Error, check: (*judge).temporaryMissing},
	{ID: "L108", Severity: Error, check: (*judge).recoveryMissing},
	{ID: "L109", Severity: Error, check: (*judge).drillMissing},
	{ID: "L110", Severity: Error, check: (*judge).noNotice},
	{ID: "L111", Severity: Error, check: (*judge).noStop},
	{ID: "L112", Severity: Error, check: (*judge).noProbe},
	{ID: "L113", Severity: Error, check: (*judge).noRamp},
	{ID: "L114", Severity: Warning, check: (*judge).memberNotCalled},
	{ID: "L115", Severity: Warning, check: (*judge).stageEmpty},
	{ID: "L116", Severity: Warning, check: (*judge).levelNotMeasured},
	{ID: "L117", Severity: Warning, check: (*judge).closeOutMissing},
	{ID: "L118", Severity: Warning, check: (*judge).alertUnreachable},
	{ID: "L119", Severity: Warning, check: (*judge).branchUnreachable},
	{ID: "L120", Severity: Warning, check: (*judge).dependencyStartsLate},
	{ID: "L121", Severity: Warning, check: (*judge).obligationsMissing},
	{ID: "L122", Severity: Warning, check: (*judge).orphanTemplate},
	{ID: "L123", Severity: Warning, check: (*judge).orphanProbe},
	{ID: "L124", Severity: Note, check: (*judge).orphanMaterial},
	{ID: "L125", Severity: Note, check: (*judge).orphanMeasure},
	{ID: "L126", Severity: Note, check: (*judge).orphanParameter},
	{ID: "L127", Severity: Warning, check: (*judge).orphanRole},
	{ID: "L128", Severity: Note, check: (*judge).orphanAttachment},
	{ID: "L129", Severity: Error, check: (*judge).fileLost},
	{ID: "L130", Severity: Warning, check: (*judge).debriefUnsigned},

	{ID: "L201", Severity: Error, check: (*judge).worstCase},
	{ID: "L202", Severity: Error, check: (*judge).worstRecovery},
	{ID: "L203", Severity: Warning, check: (*judge).objectiveMissing},
	{ID: "L204", Severity: Warning, check: (*judge).taskUnlimited},
	{ID: "L205", Severity: Error, check: (*judge).takesTooLong},
	{ID: "L206", Severity: Warning, check: (*judge).taskOverStage},
	{ID: "L207", Severity: Error, check: (*judge).stageTooShort},
	{ID: "L208", Severity: Error, check: (*judge).escalationUnlimited},
	{ID: "L209", Severity: Error, check: (*judge).recoveryStepsTooLong},
	{ID: "L210", Severity: Warning, check: (*judge).obligationTooSoon},
	{ID: "L211", Severity: Warning, check: (*judge).temporaryTooShort},
	{ID: "L212", Severity: Warning, check: (*judge).graverIsSlower},
	{ID: "L213", Severity: Error, check: (*judge).rampStepUnreachable},
	{ID: "L214", Severity: Note, check: (*judge).bestCaseUnknown},

	{ID: "L301", Severity: Error, check: (*judge).roleVacant},
	{ID: "L302", Severity: Warning, check: (*judge).roleOneHolder},
	{ID: "L303", Severity: Warning, Age: true, check: (*judge).contactUnverified},
	{ID: "L304", Severity: Warning, check: (*judge).oneChannel},
	{ID: "L305", Severity: Error, check: (*judge).leaverNamed},
	{ID: "L306", Severity: Error, check: (*judge).makerIsChecker},
	{ID: "L307", Severity: Warning, check: (*judge).onePersonBothRoles},
	{ID: "L308", Severity: Warning, check: (*judge).deputyIsRole},
	{ID: "L309", Severity: Note, check: (*judge).noDeputy},
	{ID: "L310", Severity: Error, check: (*judge).noAuthority},
	{ID: "L311", Severity: Error, check: (*judge).cannotAcknowledge},
	{ID: "L312", Severity: Error, check: (*judge).channelNobodyHas},
	{ID: "L313", Severity: Warning, check: (*judge).sharedPhone},
	{ID: "L314", Severity: Warning, check: (*judge).unknownRoleHeld},
	{ID: "L315", Severity: Warning, check: (*judge).tooFewPeople},
	{ID: "L316", Severity: Warning, check: (*judge).notDistributed},
	{ID: "L317", Severity: Error, check: (*judge).partyUnknown},
	{ID: "L318", Severity: Error, check: (*judge).deputyLeft},

	{ID: "L401", Severity: Error, check: (*judge).channelUnknown},
	{ID: "L402", Severity: Error, check: (*judge).routeUnknown},
	{ID: "L403", Severity: Warning, check: (*judge).fieldUnread},
	{ID: "L404", Severity: Warning, check: (*judge).noGate},
	{ID: "L405", Severity: Warning, check: (*judge).gateObserves},
	{ID: "L406", Severity: Note, check: (*judge).gateStatic},
	{ID: "L407", Severity: Note, check: (*judge).stopPartial},
	{ID: "L408", Severity: Warning, check: (*judge).stopWithoutDrain},
	{ID: "L409", Severity: Warning, check: (*judge).rampNoHold},
	{ID: "L410", Severity: Warning, check: (*judge).rampBeginsHigh},
	{ID: "L411", Severity: Warning, check: (*judge).twoRamps},
	{ID: "L412", Severity: Error, check: (*judge).standInUnbounded},
	{ID: "L413", Severity: Error, check: (*judge).endpointUnknown},
	{ID: "L414", Severity: Note, check: (*judge).callsAgain},
	{ID: "L415", Severity: Error, check: (*judge).standInLimitsNothing},
	{ID: "L416", Severity: Warning, check: (*judge).standInPayerUnbounded},
	{ID: "L417", Severity: Warning, check: (*judge).limitIdle},
	{ID: "L418", Severity: Warning, check: (*judge).standInEndless},
	{ID: "L419", Severity: Warning, check: (*judge).standInPlannedOnly},
	{ID: "L420", Severity: Note, check: (*judge).standInAnyPayer},
	{ID: "L421", Severity: Warning, check: (*judge).noStandInToFallTo},
	{ID: "L422", Severity: Warning, check: (*judge).rerouteNowhere},
	{ID: "L423", Severity: Warning, check: (*judge).oneByOneNowhere},
	{ID: "L424", Severity: Note, check: (*judge).standInUntried},

	{ID: "L501", Severity: Error, check: (*judge).ladderMissing},
	{ID: "L502", Severity: Error, check: (*judge).oneApprover},
	{ID: "L503", Severity: Warning, check: (*judge).authorsApprove},
	{ID: "L504", Severity: Error, check: (*judge).reviewMissing},
	{ID: "L505", Severity: Warning, Age: true, check: (*judge).reviewOverdue},
	{ID: "L506", Severity: Note, Age: true, check: (*judge).reviewNear},
	{ID: "L507", Severity: Warning, check: (*judge).reviewFar},
	{ID: "L508", Severity: Error, check: (*judge).distributionEmpty},
	{ID: "L509", Severity: Warning, check: (*judge).ownerMissing},
	{ID: "L510", Severity: Error, check: (*judge).regulationUndated},
	{ID: "L511", Severity: Note, Age: true, check: (*judge).materialOld},
	{ID: "L512", Severity: Warning, check: (*judge).riskUndated},
	{ID: "L513", Severity: Warning, Age: true, check: (*judge).riskOld},
	{ID: "L514", Severity: Warning, Age: true, check: (*judge).checkOverdue},
	{ID: "L515", Severity: Warning, check: (*judge).drillRare},
	{ID: "L516", Severity: Warning, Age: true, check: (*judge).drillOverdue},
	{ID: "L517", Severity: Note, check: (*judge).memberNotDrilled},
	{ID: "L518", Severity: Warning, check: (*judge).triggerOpen},
	{ID: "L519", Severity: Warning, check: (*judge).obligationWithoutRule},
	{ID: ruleExpired, Severity: Warning, check: (*judge).byWaivers},
	{ID: ruleIdle, Severity: Note, check: (*judge).byWaivers},

	{ID: "L601", Severity: Error, check: (*judge).cardNumber},
	{ID: "L602", Severity: Error, check: (*judge).secret},
	{ID: "L603", Severity: Error, check: (*judge).blank},
	{ID: "L604", Severity: Warning, check: (*judge).vague},
	{ID: "L605", Severity: Warning, check: (*judge).languageMissing},
	{ID: "L606", Severity: Warning, check: (*judge).personalAddress},
	{ID: "L607", Severity: Note, check: (*judge).plainLink},
	{ID: "L608", Severity: Note, check: (*judge).sameTitle},
	{ID: "L609", Severity: Note, check: (*judge).longSubject},
}

var ruleByID map[string]*Rule

// The rules name functions that look rules up, so the table cannot be made before
// them.
func init() {
	ruleByID = make(map[string]*Rule, len(rules))
	for i := range rules {
		ruleByID[rules[i].ID] = &rules[i]
	}
}

// byWaivers stands for the rules that are applied to the waivers, once all
// findings are known.
func (*judge) byWaivers() {}
