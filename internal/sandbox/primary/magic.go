package primary

import "holdfast/internal/sandbox/fault"

// Magic amounts let a person, or a probe that must fail, ask for one outcome by
// hand. They act on payments from test accounts only, so that no simulated
// customer and no random test meets one by chance. In minor units:
//
//	9901  declined: insufficient funds      9905  not done, no answer
//	9902  declined: account blocked         9906  done, answered 5 s later
//	9903  503 at once                       9907  done, answered with 100 more
//	9904  done, no answer                   9908  done twice, answered once
var magicFaults = map[int64]fault.Fault{
	9901: {Kind: magicInsufficient},
	9902: {Kind: magicBlocked},
	9903: {Kind: fault.Error, Status: 503},
	9904: {Kind: fault.AnswerLost},
	9905: {Kind: fault.RequestLost},
	9906: {Kind: fault.LateAnswer, DelayMS: 5000},
	9907: {Kind: fault.WrongAnswer, Field: "amount", Delta: 100},
	9908: {Kind: fault.EffectTwice},
}

// Declines are no faults; these kinds exist for magic amounts only.
const (
	magicInsufficient fault.Kind = "magic insufficient-funds"
	magicBlocked      fault.Kind = "magic account-blocked"
)

// magic returns what the amount asks for.
func magic(a ask, test bool) fault.Hits {
	f, ok := magicFaults[a.amount]
	if !ok || !test {
		return nil
	}
	return fault.Hits{fault.Once(f)}
}

func asksFor(hits fault.Hits, k fault.Kind) bool {
	_, ok := hits.First(k)
	return ok
}
