package callout

import (
	"context"
	"time"

	"holdfast"
	"holdfast/internal/notify"
	"holdfast/internal/roster"
)

// Tester sends single messages that are marked as tests, to find out whether a
// channel works.
type Tester struct {
	Notices *notify.Service
	// Operator is the installation's name.
	Operator string
}

// testLimit is how long whoever tests waits for the receiver's answer.
const testLimit = 30 * time.Second

// Send sends one message to an address and returns what became of it after at most
// 30 s: final, unless it has to wait because the same person tests much.
func (t *Tester) Send(ctx context.Context, by holdfast.Actor, channel roster.Channel, address string, lang holdfast.Lang) (notify.Delivery, error) {
	if channel == roster.Phone {
		return notify.Delivery{}, holdfast.Errorf(holdfast.Invalid, "Holdfast does not dial: call %s and record that someone was reached", address).At("channel")
	}
	if e := roster.CheckAddress(channel, address); e != nil {
		return notify.Delivery{}, e
	}
	operator := t.Operator
	if operator == "" {
		operator = "Holdfast"
	}
	ctx, cancel := context.WithTimeout(ctx, testLimit)
	defer cancel()
	return t.Notices.Test(ctx, by, string(channel), address, operator, lang)
}
