package console

import (
	"holdfast"
	"holdfast/internal/settlement"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

// settlementSamples are settlement files in every state.
func settlementSamples() map[string][]any {
	who := holdfast.Actor{Kind: holdfast.Account, ID: "bo", Name: "Bo"}
	m := settlement.Mapping{Name: "core-bank", Separator: ";", Identity: []string{"client", "key"}, Join: "/", Amount: "amount", Unit: settlement.Minor, Thousands: ",", Decimal: ",", Currency: "currency", Status: "status", Done: []string{"OK", "PAID"}, NotDone: []string{"FAIL"}, Ignored: []string{"VOID"}, Zone: "Asia/Shanghai", DayBegins: "23:00", Complete: true}
	file := settlement.File{ID: "s1", Name: "day.csv", State: settlement.Offered, Mapping: m, Day: "2026-11-26", From: past, Until: past, Rows: 9000, Refused: 2, Ignored: 1, Repeated: 1, By: who, At: past}
	offered := view.Settlement{File: file, Missing: []string{"east", "west"}, Progress: []view.SettlementPass{{Gate: "east", Page: 2, Pages: 5}}, Others: 8000}
	compared := offered
	compared.Missing, compared.Progress, compared.Changes, compared.TakesTwo, compared.Uncovered = nil, nil, 5, true, map[string]int{"src1": 3}
	var found []view.SettlementFound
	for i, f := range standin.FileFindings {
		compared.Tallies = append(compared.Tallies, standin.FileTally{Finding: f, Currency: "CNY", Tally: standin.Tally{Count: int64(i + 1), Amount: 900}})
		one := view.SettlementFound{Found: standin.Found{N: i, Line: i, Finding: f, Identity: "app/k", Amount: 900, Currency: "CNY", Was: []string{"declined", "pending", "delivered", "exception", "reversed", "unknown", "unknown", "unknown"}[i]}, Gate: "east", Carried: i%2 == 0}
		if f == standin.FileDiffers {
			one.Filed, one.FiledCur, one.Two = 901, "CNY", true
		}
		found = append(found, one)
	}
	asked := compared
	asked.State, asked.Note, asked.ConfirmedBy, asked.ConfirmedAt = settlement.Asked, "a note", &who, past
	ordered := asked
	ordered.State, ordered.Second, ordered.Answered, ordered.Missing = settlement.Ordered, &who, past, []string{"east"}
	done := ordered
	done.State, done.Missing = settlement.Done, nil
	withdrawn := offered
	withdrawn.State, withdrawn.Reason, withdrawn.Name = settlement.Withdrawn, "a reason", ""
	nothing := offered
	nothing.Missing = nil
	refusals := []view.SettlementRefusal{{Line: 7, Message: "a reason"}}
	all := view.Page[view.Settlement]{Items: []view.Settlement{offered, asked, ordered, done, withdrawn}, Total: 5}
	return map[string][]any{
		"settlements": {
			settlementsPage{Today: "2026-11-25", Edit: settlement.Mapping{Unit: settlement.Decimal}},
			settlementsPage{Page: all, Pages: listed, Mappings: []settlement.Mapping{m}, Edit: m, Today: "2026-11-25"},
			settlementsPage{Mappings: []settlement.Mapping{m}, Edit: settlement.Mapping{Separator: ",", Thousands: ".", Decimal: "."}},
			settlementsPage{Mappings: []settlement.Mapping{m}, Edit: settlement.Mapping{Separator: "tab", Thousands: " "}},
			settlementsPage{Mappings: []settlement.Mapping{m}, Edit: settlement.Mapping{Thousands: "'"}},
		},
		"settlement": {
			settlementPage{Settlement: offered}, settlementPage{Settlement: nothing},
			settlementPage{Settlement: compared, Found: found, Refusals: refusals, More: true},
			settlementPage{Settlement: asked, Found: found}, settlementPage{Settlement: asked, Mine: true},
			settlementPage{Settlement: ordered}, settlementPage{Settlement: done, Found: found}, settlementPage{Settlement: withdrawn},
		},
	}
}
