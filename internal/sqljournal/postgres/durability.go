package postgres

import (
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/journal"
)

// standing is what a server says of how it commits.
type standing struct {
	Encoding          string `json:"encoding"`
	Fsync             string `json:"fsync"`
	SynchronousCommit string `json:"synchronous_commit"`
	// Names is synchronous_standby_names.
	Names string `json:"names"`
	// Timeline is raised by each promotion: 8 hexadecimal digits.
	Timeline string    `json:"timeline"`
	Slots    int       `json:"slots"` // physical ones: each stands for a standby, connected or not
	Standbys []standby `json:"standbys"`
}

// standby is one that is connected. A server that does not show this account its
// standbys leaves all but their number out.
type standby struct {
	Name  *string `json:"name"`
	State *string `json:"state"`
	Sync  *string `json:"sync"`
}

// judge says whether a fail-over can lose what the server acknowledges. Hosts is
// how many the data source names: with more than one, somebody means to fail
// over. Fenced says that a cluster manager promotes only what has every
// acknowledged commit, and shuts the old primary out before it does.
//
// Without a manager only two set-ups are sound: one server and no standby at
// all, or commits that wait for every standby there is.
func judge(s standing, hosts int, fenced bool) journal.Durability {
	d := journal.Durability{Engine: "postgresql", Machines: 1}
	need, listed, ok := synchronous(s.Names)
	connected, visible := s.connected()
	switch {
	case !ok:
		d.Fault = journal.NotKnown
	case s.Fsync != "on" || s.SynchronousCommit != "on" && s.SynchronousCommit != "remote_apply":
		d.Fault = journal.NotSynced
	case !visible:
		d.Fault = journal.NotVisible
	case need == 0 && (len(connected) > 0 || s.Slots > 0 || hosts > 1):
		d.Fault = journal.NotSynchronous
	case need == 0:
	case fenced:
		d.Machines = 1 + need
	case need != len(listed) || !within(connected, listed) || s.Slots > len(listed):
		d.Fault = journal.SpareStandby
	default:
		d.Machines = 1 + need
	}
	d.MayConfirm = d.Fault == ""
	return d
}

// connected returns the names of the standbys that follow. A base backup being
// taken is none.
func (s standing) connected() (names []string, visible bool) {
	for _, b := range s.Standbys {
		if b.State == nil || b.Name == nil {
			return nil, false
		}
		if *b.State != "backup" {
			names = append(names, *b.Name)
		}
	}
	return names, true
}

// within reports whether every connected standby is a listed one. PostgreSQL
// compares names without regard to case.
func within(connected, listed []string) bool {
	for _, name := range connected {
		found := false
		for _, l := range listed {
			found = found || strings.EqualFold(l, name)
		}
		if !found {
			return false
		}
	}
	return true
}

// mostStandbys is the most that can follow a server: the limit of max_wal_senders
// (https://www.postgresql.org/docs/current/runtime-config-replication.html).
const mostStandbys = 262_143

// synchronous reads synchronous_standby_names: how many standbys a commit waits
// for, and which are listed. With "*", which lists any number, there is one more.
//
//	s1, s2             the first of these that is connected
//	FIRST 2 (s1, s2)   also written 2 (s1, s2)
//	ANY 1 (s1, s2)
func synchronous(names string) (need int, listed []string, ok bool) {
	text := strings.TrimSpace(names)
	if text == "" {
		return 0, nil, true
	}
	need = 1
	if open := strings.Index(text, "("); open >= 0 && !strings.HasPrefix(text, `"`) {
		rest, closed := strings.CutSuffix(text[open+1:], ")")
		words := strings.Fields(text[:open])
		if len(words) == 2 && (strings.EqualFold(words[0], "FIRST") || strings.EqualFold(words[0], "ANY")) {
			words = words[1:]
		}
		if !closed || len(words) != 1 {
			return 0, nil, false
		}
		n, err := strconv.Atoi(words[0])
		if err != nil || n < 1 || n > mostStandbys {
			return 0, nil, false
		}
		need, text = n, rest
	}
	for entry := range strings.SplitSeq(text, ",") {
		name := strings.TrimSpace(entry)
		if quoted, found := strings.CutPrefix(name, `"`); found {
			inner, closed := strings.CutSuffix(quoted, `"`)
			if !closed || inner == "" {
				return 0, nil, false // a comma or a quote inside quotes: nobody names a standby so
			}
			name = strings.ReplaceAll(inner, `""`, `"`)
		}
		if name == "" {
			return 0, nil, false
		}
		listed = append(listed, name)
	}
	if slices.Contains(listed, "*") {
		return need, make([]string, need+1), true // there is always room for one more
	}
	return need, listed, need <= len(listed)
}
