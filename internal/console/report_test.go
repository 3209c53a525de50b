package console

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/web"
)

func from(address string) *visit {
	return &visit{req: web.Request{Client: netip.MustParseAddr(address)}}
}

// One address cannot report without end, nor can many together, and both can again
// later.
func TestStrangersAreBounded(t *testing.T) {
	t.Parallel()
	s := newStrangers()
	for i := range reportBurst {
		if err := s.take(from("192.0.2.1"), past); err != nil {
			t.Fatalf("report %d: %v", i, err)
		}
	}
	if err := s.take(from("192.0.2.1"), past); holdfast.CodeOf(err) != holdfast.TooMany {
		t.Errorf("one more from the same address: %v", err)
	}
	if err := s.take(from("192.0.2.1"), past.Add(reportEvery)); err != nil {
		t.Errorf("later: %v", err)
	}
	var err error
	for i := 0; i < 2*reportsBurst && err == nil; i++ {
		err = s.take(from(fmt.Sprintf("192.0.2.%d", 2+i)), past.Add(time.Second))
	}
	if holdfast.CodeOf(err) != holdfast.TooMany {
		t.Errorf("many addresses together: %v", err)
	}
}

// Who has the right gets the form for staff; anybody else the one for strangers, if
// there is to be one.
func TestWhoReports(t *testing.T) {
	t.Parallel()
	who := func(rights ...access.Action) *visit {
		return &visit{req: web.Request{Who: access.Principal{Actor: holdfast.Actor{ID: "mei"}, Actions: rights}}}
	}
	open, shut := &Console{PublicReports: true}, &Console{}
	for name, tt := range map[string]struct {
		c     *Console
		v     *visit
		staff bool
		code  holdfast.Code
	}{
		"staff":                    {shut, who(access.ReportAlert), true, ""},
		"an account without":       {open, who(access.Read), false, ""},
		"a stranger":               {open, &visit{}, false, ""},
		"a stranger, shut":         {shut, &visit{}, false, holdfast.Unauthenticated},
		"an account without, shut": {shut, who(access.Read), false, holdfast.Forbidden},
	} {
		staff, err := tt.c.mayReport(tt.v)
		if staff != tt.staff || holdfast.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, %v", name, staff, err)
		}
	}
}
