package reconciliation

import (
	"errors"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/standin"
)

func TestSay(t *testing.T) {
	t.Parallel()
	left := standin.NewAlarm(standin.AlarmLeft, "advices are left", start, "route", "pay", "key", "k{2}")
	for name, test := range map[string]struct {
		lang      holdfast.Lang
		alarm     standin.Alarm
		has, lack string
	}{
		"known":                  {holdfast.En, left, "route pay, sealed with the key k{2}", "advices are left"},
		"in traditional Chinese": {holdfast.ZhHant, left, "路由 pay 以金鑰 k{2} 封存", "advices"},
		"in simplified Chinese":  {holdfast.ZhHans, left, "路由 pay 以密钥 k{2} 封存", "advices"},
		"with a cause":           {holdfast.En, standin.AlarmOf(standin.AlarmSource, holdfast.Errorf(holdfast.Unavailable, "dial 10.0.0.7 as %s", "gate"), start), "it cannot be reached or read now", "10.0.0.7"},
		"with one in Chinese":    {holdfast.ZhHant, standin.AlarmOf(standin.AlarmDoubt, errors.New("dial 10.0.0.7"), start), "閘門內部錯誤", "10.0.0.7"},
		"with another's cause":   {holdfast.ZhHans, standin.NewAlarm(standin.AlarmSource, "s", start, "cause", "melted"), "原因：melted", "standing-in"},
		"of another version":     {holdfast.ZhHans, standin.NewAlarm("melted", "it melted", start, "at", "noon"), "melted（闸门的原文：it melted）", "standing-in"},
		"with too few params":    {holdfast.En, standin.NewAlarm(standin.AlarmOpen, "it stays closed", start, "cause", "x"), "open: it stays closed", "{"},
		"with more params":       {holdfast.En, standin.NewAlarm(standin.AlarmPayers, "p", start, "cause", "line 7", "more", "x"), "stays in use: line 7", "{"},
	} {
		if got := Say(locale.For(test.lang), test.alarm); !strings.Contains(got, test.has) || strings.Contains(got, test.lack) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
