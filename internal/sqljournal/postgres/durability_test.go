package postgres

import (
	"testing"

	"holdfast/internal/journal"
)

func TestJudge(t *testing.T) {
	text := func(s string) *string { return &s }
	standbys := func(names ...string) (list []standby) {
		for _, n := range names {
			list = append(list, standby{text(n), text("streaming"), text("sync")})
		}
		return list
	}
	sound := standing{Fsync: "on", SynchronousCommit: "on"}
	with := func(names string, following ...string) standing {
		s := sound
		s.Names, s.Standbys = names, standbys(following...)
		return s
	}
	change := func(s standing, f func(*standing)) standing { f(&s); return s }
	for what, c := range map[string]struct {
		s        standing
		hosts    int
		fenced   bool
		fault    journal.Fault
		machines int
	}{
		"one server":                        {sound, 1, false, "", 1},
		"one server whose fsync is off":     {change(sound, func(s *standing) { s.Fsync = "off" }), 1, false, journal.NotSynced, 1},
		"commits that are not flushed":      {change(sound, func(s *standing) { s.SynchronousCommit = "off" }), 1, false, journal.NotSynced, 1},
		"commits flushed here only":         {change(with("a", "a"), func(s *standing) { s.SynchronousCommit = "local" }), 2, false, journal.NotSynced, 1},
		"commits the standby only got":      {change(with("a", "a"), func(s *standing) { s.SynchronousCommit = "remote_write" }), 2, false, journal.NotSynced, 1},
		"commits applied at the standby":    {change(with("a", "a"), func(s *standing) { s.SynchronousCommit = "remote_apply" }), 2, false, "", 2},
		"a base backup being taken":         {change(sound, func(s *standing) { s.Standbys = []standby{{text("b"), text("backup"), text("async")}} }), 1, false, "", 1},
		"a standby nobody waits for":        {with("", "a"), 1, false, journal.NotSynchronous, 1},
		"such a one, cut off":               {change(sound, func(s *standing) { s.Slots = 1 }), 1, false, journal.NotSynchronous, 1},
		"two hosts, no standby":             {sound, 2, false, journal.NotSynchronous, 1},
		"the same behind a manager":         {sound, 2, true, journal.NotSynchronous, 1},
		"one listed":                        {with("a", "A"), 2, false, "", 2},
		"one listed, cut off":               {with("a"), 2, false, "", 2},
		"first of two":                      {with("a, b", "a", "b"), 3, false, journal.SpareStandby, 1},
		"any of two":                        {with("ANY 1 (a, b)", "a", "b"), 3, false, journal.SpareStandby, 1},
		"any of two, behind a manager":      {with("ANY 1 (a, b)", "a", "b"), 3, true, "", 2},
		"both of two":                       {with("FIRST 2 (a, b)", "a", "b"), 3, false, "", 3},
		"both, old spelling":                {with("2(a,b)", "a", "b"), 3, false, "", 3},
		"both, any":                         {with("any 2 (a, b)", "a", "b"), 3, false, "", 3},
		"quoted":                            {with(`FIRST 1 ("db (2)")`, "db (2)"), 2, false, "", 2},
		"quoted alone":                      {with(`"db-2"`, "db-2"), 2, false, "", 2},
		"one listed and a spare":            {with("a", "a", "b"), 2, false, journal.SpareStandby, 1},
		"one listed and the slot of two":    {change(with("a", "a"), func(s *standing) { s.Slots = 2 }), 2, false, journal.SpareStandby, 1},
		"any standby at all":                {with("*", "a"), 2, false, journal.SpareStandby, 1},
		"any two at all":                    {with("2 (*)", "a", "b"), 2, false, journal.SpareStandby, 1},
		"more than are listed":              {with("3 (a, b)", "a", "b"), 2, false, journal.NotKnown, 1},
		"nonsense":                          {with("SOME 3 (a"), 2, false, journal.NotKnown, 1},
		"an empty name":                     {with("a,,b"), 2, false, journal.NotKnown, 1},
		"standbys this account may not see": {change(with("a"), func(s *standing) { s.Standbys = []standby{{}} }), 2, false, journal.NotVisible, 1},
	} {
		got := judge(c.s, c.hosts, c.fenced)
		want := journal.Durability{Engine: "postgresql", Machines: c.machines, MayConfirm: c.fault == "", Fault: c.fault}
		if got != want {
			t.Errorf("%s: %+v, not %+v", what, got, want)
		}
	}
}

func FuzzSynchronous(f *testing.F) {
	for _, s := range []string{"", "a", "a,b", "FIRST 2 (a, b)", "ANY 1 (*)", `"x ""y""", z`, "2(a,b)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, names string) {
		need, listed, ok := synchronous(names)
		if ok && (need < 0 || need > len(listed)) {
			t.Fatalf("%q asks for %d of %d", names, need, len(listed))
		}
	})
}

// TestParse shows what a data source becomes.
func TestParse(t *testing.T) {
	for source, want := range map[string]int{
		"postgres://u@db1/x":               1,
		"postgres://u@db1,db2:5433/x":      2,
		"host=db1,db1 port=5432,5433":      2,
		"host=/run/a,/run/b dbname=x":      2,
		"postgres://u@db1/x?sslmode=allow": 1,
	} {
		config, err := Parse(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if n := hosts(config); n != want {
			t.Errorf("%s names %d hosts, not %d", source, n, want)
		}
		if config.RuntimeParams["synchronous_commit"] != "on" || config.ValidateConnect == nil {
			t.Errorf("%s: the session's settings are missing", source)
		}
	}
	if _, err := Parse("postgres://%zz"); err == nil {
		t.Error("nonsense was read as a data source")
	}
}
