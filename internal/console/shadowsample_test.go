package console

import (
	"time"

	"holdfast/internal/standin"
	"holdfast/internal/trial"
	"holdfast/internal/view"
)

func shadowSamples() []any {
	two, one := standin.Tally{Count: 2, Amount: 4100}, standin.Tally{Count: 1, Amount: 900}
	found := trial.Found{
		Profile: "small", Version: "00ff", Share: 0.01, Since: past, Last: past, Gates: []string{"east", "west"}, Dropped: 3,
		Lines: []standin.TrialLine{
			{Currency: "CNY", Band: 3, Done: two, NotDone: one, Unknown: one},
			{Currency: "CNY", Band: 5, Reason: "over-payment", Done: one, NotDone: two},
			{Currency: "CNY", Band: 5, Reason: "something newer", Done: one},
			{Reason: "no-limit", Done: standin.Tally{Count: 1}},
		},
	}
	planned := trial.Found{Profile: "gone", Planned: true, Version: "01ff", Share: 0.5, Since: past, Last: past, Gates: []string{"east"}, Lines: []standin.TrialLine{{Currency: "CNY", Band: 3, Unknown: one}}}
	empty := view.ShadowTrial{Report: trial.Judge(trial.Found{Profile: "new", Version: "02ff", Share: 0.01}), Title: word, Current: true, Outage: time.Hour}
	return []any{
		shadowPage{},
		shadowPage{view.Shadow{
			At: past, Untried: []view.Untried{{Temporary: "a", Title: word}, {Temporary: "b", Title: word}},
			Trials: []view.ShadowTrial{
				{Report: trial.Judge(found), Title: word, Current: true, Outage: time.Hour, Limits: []standin.Limit{{Over: standin.Whole, Currency: "CNY", Amount: 900}, {Over: standin.EachPayee, Count: 3, Window: time.Hour}}},
				{Report: trial.Judge(planned)}, empty,
			},
		}},
	}
}
