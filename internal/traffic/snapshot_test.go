package traffic

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/payment"
)

func TestSnapshotFormat(t *testing.T) {
	s := Snapshot{Boot: "b", Sequence: 7, Second: 1_700_000_000, Folded: 2, Rows: []Row{
		{Key: paid(), Cell: Cell{Count: 12, Amount: 60000, Latency: Latency{9, 3}}},
		{Key: Key{Route: "inquire", Kind: payment.Inquiry, Verdict: "forward", Reason: "x", Outcome: payment.Unknown}, Cell: Cell{Count: 1}},
	}}
	const want = `{"boot":"b","sequence":7,"second":1700000000,"folded":2,"rows":[` +
		`["pay","card","visa","payment","forward","","done","CNY",12,60000,[9,3]],` +
		`["inquire","","","inquiry","forward","x","unknown","",1,0,[]]]}`
	got, err := json.Marshal(s)
	if err != nil || string(got) != want {
		t.Errorf("got\n%s, %v\nwant\n%s", got, err, want)
	}
	var back Snapshot
	if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("read back as %+v, %v", back, err)
	}
	if empty, _ := json.Marshal(NewCounter(0).Take(5)); !strings.HasSuffix(string(empty), `"second":5,"rows":[],"payers":{}}`) {
		t.Errorf("a second without payments is %s", empty)
	}
}

func TestSnapshotThatCannotBeRead(t *testing.T) {
	for _, row := range []string{
		`{}`, `[]`, `5`,
		`["pay","card","visa","payment","forward","","done","CNY",12,60000]`,
		`["pay","card","visa","payment","forward","","done","CNY",12,60000,[],0]`,
		`["pay","card","visa","payments","forward","","done","CNY",12,60000,[]]`,
		`["pay","card","visa","payment","forward","","did","CNY",12,60000,[]]`,
		`["pay","card","visa","payment","forward","","done","CNY","12",60000,[]]`,
		`["pay","card","visa","payment","forward","","done","CNY",12,0.5,[]]`,
		`["pay","card","visa","payment","forward","","done","CNY",12,5,[0,0,0,0,0,0,0,0,0]]`,
	} {
		var s Snapshot
		if err := json.Unmarshal([]byte(`{"rows":[`+row+`]}`), &s); err == nil {
			t.Errorf("%s was read as %+v", row, s.Rows)
		}
	}
}

func TestCheck(t *testing.T) {
	good := func() Snapshot {
		return Snapshot{Boot: "b", Sequence: 1, Second: 1, Rows: []Row{{Key: paid(), Cell: Cell{Count: 2, Latency: Latency{1, 1}}}}}
	}
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*Snapshot){
		"no boot":         func(s *Snapshot) { s.Boot = "" },
		"long boot":       func(s *Snapshot) { s.Boot = strings.Repeat("b", 65) },
		"no sequence":     func(s *Snapshot) { s.Sequence = 0 },
		"no second":       func(s *Snapshot) { s.Second = 0 },
		"folded":          func(s *Snapshot) { s.Folded = -1 },
		"rows":            func(s *Snapshot) { s.Rows = make([]Row, maxRows+1) },
		"kind":            func(s *Snapshot) { s.Rows[0].Kind = 4 },
		"outcome":         func(s *Snapshot) { s.Rows[0].Outcome = 4 },
		"long value":      func(s *Snapshot) { s.Rows[0].Reason = strings.Repeat("b", 65) },
		"not text":        func(s *Snapshot) { s.Rows[0].Currency = "\xff" },
		"amount":          func(s *Snapshot) { s.Rows[0].Amount = -1 },
		"count":           func(s *Snapshot) { s.Rows[0].Count = 1 },
		"latency":         func(s *Snapshot) { s.Rows[0].Latency = Latency{3, -1} },
		"many latencies":  func(s *Snapshot) { s.Rows[0].Latency = Latency{math.MaxInt64, math.MaxInt64} },
		"half a register": func(s *Snapshot) { s.Payers.by[PayerFailed] = packed{1} },
		"empty register":  func(s *Snapshot) { s.Payers.by[PayerFailed] = packed{1, 0x20} },
		"same register":   func(s *Snapshot) { s.Payers.by[PayerFailed] = packed{1, 1, 1, 2} },
		"count below all": func(s *Snapshot) { s.Rows[0].Count, s.Rows[0].Latency = -1, Latency{} },
	} {
		s := good()
		change(&s)
		if err := s.Check(); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// What is read and passes Check is taken by a Series, and is written as it was.
func FuzzSnapshot(f *testing.F) {
	f.Add([]byte(`{"boot":"b","sequence":7,"second":1700000000,"folded":2,"rows":[["pay","card","visa","payment","forward","","done","CNY",12,60000,[9,3]]]}`))
	f.Add([]byte(`{"boot":"b","sequence":1,"second":5,"rows":[["pay","c","v","refund","decline","stopped","not-done","",1,9223372036854775807,[1]]]}`))
	f.Add([]byte(`{"boot":"b","sequence":1,"second":5,"rows":[["pay","c","v","payment","forward","","done","",1,0,[1]]],"answers":[[0,1,1]]}`))
	f.Add([]byte(`{"boot":"b","sequence":1,"second":5,"rows":[["pay","c","v","payment","forward","","done","",0,0,[]]],"answers":[[0,1,1]]}`))
	f.Add([]byte(`{"boot":"b","sequence":1,"second":5,"rows":[],"parts":[["code","51","pay","qr","","","not-done",3,[1]]]}`))
	f.Add([]byte(`{"boot":"b","sequence":1,"second":5,"rows":[],"payers":{"declined":"ACEB4g==","unknown":"AUM=","unread":true}}`))
	f.Add([]byte(`{"rows":[[null,null,null,"other",null,null,null,null,null,null,null]]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Snapshot
		if json.Unmarshal(b, &s) != nil || s.Check() != nil {
			return
		}
		written, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Snapshot
		if err := json.Unmarshal(written, &back); err != nil || !reflect.DeepEqual(back, s) {
			t.Fatalf("%+v was written as %s and read as %+v, %v", s, written, back, err)
		}
		series := NewSeries()
		if err := series.Add(s.Second, "east-1", s); err != nil {
			t.Fatal(err)
		}
		got, err := series.Totals(Query{From: s.Second, To: s.Second + 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var sum int64
		for i := range s.Rows {
			sum = plus(sum, s.Rows[i].Count)
		}
		// Rows that count no payment hold answers to those of the second before.
		if len(got.Groups) != int(min(1, sum)) || len(got.Groups) == 1 && got.Groups[0].Count != sum {
			t.Fatalf("%d payments became %+v", sum, got.Groups)
		}
	})
}
