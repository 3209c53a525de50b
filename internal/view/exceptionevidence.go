package view

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/settlement"
	"holdfast/internal/standin"
)

// ExceptionTerms are what the plan approved, as far as it bears on one exception.
type ExceptionTerms struct {
	// Temporary is the plan's solution, with its title; Profile the id of its profile.
	Temporary string        `json:"temporary"`
	Title     holdfast.Text `json:"title"`
	Profile   string        `json:"profile"`
	Planned   bool          `json:"planned"`
	// Same: the shard decided by these very terms; else by others, and they say nothing of
	// this payment.
	Same bool `json:"same"`
	// Limits are those that an approval in its currency had to keep; none of what was not
	// approved, or reverses a payment.
	Limits []standin.Limit `json:"limits"`
	// Attempts and Inquiries are how many the profile allows; each time that people have it
	// sent again it allows as many attempts more.
	Attempts  int `json:"attempts"`
	Inquiries int `json:"inquiries"`
	// Expires is when it was to be with the primary; zero of what was declined.
	Expires time.Time `json:"expires,omitzero"`
	// SecondAbove is the amount, in minor units, above which two people resolve it.
	SecondAbove int64 `json:"second_above"`
}

// ExceptionFile is what a settlement file of the primary says of an exception.
type ExceptionFile struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Day is the file's, in the zone of its mapping.
	Day string `json:"day,omitempty"`
	// Line is that of the file; 0 if it does not have the payment.
	Line int `json:"line,omitempty"`
	// Amount is in minor units, as the file has it.
	Amount   int64  `json:"amount"`
	Currency string `json:"currency,omitempty"`
	Done     bool   `json:"done"`
	// Recorded: it is the reason of the exception; else the file was compared, and what it
	// says was not carried out.
	Recorded bool `json:"recorded"`
}

// evidence returns what adds to an exception what is known here of its directive and of
// settlement files. Call both under the state's lock.
func (s *Source) evidence() func(Exception) Exception {
	terms := map[string]*decidedBy{}
	found := s.filedOf()
	return func(e Exception) Exception {
		by, known := terms[e.Directive]
		if !known {
			by = s.decidedBy(e.Directive)
			terms[e.Directive] = by
		}
		if by != nil {
			e.Terms, e.Owner = by.of(e.OpenException), by.owner
			if e.Queued {
				e.Owner = s.queueOwner(e.Directive)
			}
		}
		if e.Filed != nil {
			e.File = &ExceptionFile{ID: e.Filed.File, Line: e.Filed.Line, Amount: e.Filed.Amount, Currency: e.Filed.Currency, Done: e.Filed.Done, Recorded: true}
			if f, there := s.Settlement.Nouns.Book.File(e.Filed.File); there {
				e.File.Name, e.File.Day = f.Name, f.Day
			}
		} else if f, there := found[filedKey{e.Source, e.Directive, e.Identity}]; there {
			e.File = &f
		}
		return e
	}
}

// filedKey names an exception: the same identity may be one of another advice source, or of
// another directive.
type filedKey struct{ source, directive, identity string }

// filedOf lists what settlement files say of payments that are exceptions: the newest file
// that was not withdrawn, as far as gates told of single payments.
func (s *Source) filedOf() map[filedKey]ExceptionFile {
	list := map[filedKey]ExceptionFile{}
	for _, f := range slices.Backward(s.Settlement.Nouns.Book.All()) {
		if f.State == settlement.Withdrawn {
			continue
		}
		for _, a := range slices.Concat(f.Compared, f.Carried) {
			for _, one := range a.Found {
				if one.Was != standin.Exceptional.String() {
					continue
				}
				said := ExceptionFile{ID: f.ID, Name: f.Name, Day: f.Day, Line: one.Line, Amount: one.Amount, Currency: one.Currency, Done: one.Finding != standin.FileOpen}
				if one.FiledCur != "" {
					said.Amount, said.Currency = one.Filed, one.FiledCur
				}
				list[filedKey{a.Source, one.Directive, one.Identity}] = said
			}
		}
	}
	return list
}

// decidedBy is a directive's profile, and the version of its terms.
type decidedBy struct {
	terms   ExceptionTerms
	version string
	owner   Named
	profile standin.Profile
	limits  []standin.Limit
}

func (s *Source) decidedBy(id string) *decidedBy {
	d := s.Directives.Directive(id)
	if d == nil || d.StandIn == nil {
		return nil
	}
	in := d.StandIn
	by := &decidedBy{profile: in.Profile, owner: s.roleName(in.Role), terms: ExceptionTerms{
		Temporary: in.Temporary, Title: in.Title, Profile: in.Profile.ID, Planned: in.Planned,
		Attempts: in.Profile.Forwarding.Attempts, Inquiries: in.Profile.Forwarding.Inquiries, SecondAbove: in.Profile.SecondAbove,
	}}
	if c, err := in.Profile.Compile(in.Planned); err == nil {
		by.version = c.Version.String()
	}
	by.limits = termsOf(in).Terms.Limits
	return by
}

// of returns the terms as they bear on one exception.
func (by *decidedBy) of(e standin.OpenException) *ExceptionTerms {
	t := by.terms
	t.Limits, t.Same = []standin.Limit{}, e.Version == by.version
	if f := by.profile.Forwarding; f.Attempts > 0 {
		t.Attempts *= max(1, (e.Attempts+f.Attempts-1)/f.Attempts)
	}
	switch {
	case e.Pending.IsZero():
	case e.Queued && e.Attempts == 0:
		t.Expires = e.Until
	default:
		t.Expires = e.Pending.Add(by.profile.Forwarding.Expiry)
	}
	if e.Approved && e.Kind != standin.Reversal {
		for _, l := range by.limits {
			if l.Currency == "" || l.Currency == e.Currency {
				t.Limits = append(t.Limits, l)
			}
		}
	}
	return &t
}
