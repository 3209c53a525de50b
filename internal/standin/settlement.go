package standin

import (
	"time"

	"holdfast"
	"holdfast/internal/payment"
)

// Row is a line of the primary's settlement file: the primary's own word on one
// payment.
type Row struct {
	// N is its number among the rows that could be read, Line that of its line in the file, both
	// from 1.
	N        int    `json:"n"`
	Line     int    `json:"line"`
	Identity string `json:"identity"`
	Amount   int64  `json:"amount"` // in minor units, without a sign
	Currency string `json:"currency"`
	// Done: the money moved; else the primary says that it did not.
	Done bool `json:"done,omitempty"`
}

// FilePage is a part of a settlement file that a gate compares with what it knows,
// or carries out once people have confirmed it. Pages come in their order.
type FilePage struct {
	File string `json:"file"`
	// Carry: what the rows say is recorded; else they are only compared.
	Carry bool  `json:"carry,omitempty"`
	Page  int   `json:"page"`
	Pages int   `json:"pages"`
	Rows  []Row `json:"rows,omitempty"`
	// From and Until are the file's day. What was sent after it, a file cannot deny.
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Complete says that the file has every payment that the primary did on that day: one
	// that was delivered then and is not in it was not done.
	Complete bool `json:"complete,omitempty"`
	// Above is the amount, in minor units, above which settling a payment that no profile
	// of stand-in knows takes two people; -1 asks for two always.
	Above int64 `json:"above"`
	// By and Second confirmed it; Note is why.
	By     string `json:"by,omitempty"`
	Second string `json:"second,omitempty"`
	Note   string `json:"note,omitempty"`
}

// FileFinding is what a row means for what is known here.
type FileFinding string

const (
	// FileAgrees: both say the same, or people have decided on it already.
	FileAgrees FileFinding = "agrees"
	// FileSettles: it was open here, and the file says that it was done.
	FileSettles FileFinding = "settles"
	// FileDenies: it is of unknown outcome, and the file says that it was not done.
	FileDenies FileFinding = "denies"
	// FileContradicts: it was delivered, and the file says that it was not done.
	FileContradicts FileFinding = "contradicts"
	// FileDiffers: the file names another amount or currency.
	FileDiffers FileFinding = "differs"
	// FileLacks: it was delivered on the file's day, and the file does not have it.
	FileLacks FileFinding = "lacks"
	// FileDoneAnyway: it was declined or reversed here, or expired in the queue, and the file
	// says that it was done.
	FileDoneAnyway FileFinding = "done-anyway"
	// FileOpen: it is open here, and the file says that it was not done: forwarding, or
	// people, go on with it.
	FileOpen FileFinding = "open"
)

// FileFindings lists them as screens do.
var FileFindings = [...]FileFinding{FileAgrees, FileSettles, FileDenies, FileContradicts, FileDiffers, FileLacks, FileDoneAnyway, FileOpen}

// Changes reports whether something is recorded for such a row.
func (f FileFinding) Changes() bool { return f != FileAgrees && f != FileOpen }

// Found is what a row, or its absence, means for one payment.
type Found struct {
	// N is the row's number, Line that of its line; 0 if the file lacks it.
	N         int         `json:"n,omitempty"`
	Line      int         `json:"line,omitempty"`
	Finding   FileFinding `json:"finding"`
	Identity  string      `json:"identity"`
	Directive string      `json:"directive,omitempty"`
	Amount    int64       `json:"amount"` // as it is known here
	Currency  string      `json:"currency,omitempty"`
	// Was is where it stood here: a class of stand-in, or unknown.
	Was string `json:"was"`
	// Filed is the amount in the file where that differs.
	Filed    int64  `json:"filed,omitempty"`
	FiledCur string `json:"filed_currency,omitempty"`
	// Two: its amount takes two people.
	Two bool `json:"two,omitempty"`
	// Changed: something was, or would be, recorded.
	Changed bool `json:"changed,omitempty"`
}

// FileTally counts findings in a currency.
type FileTally struct {
	Finding  FileFinding `json:"finding"`
	Currency string      `json:"currency,omitempty"`
	Tally
}

// FileWord is a gate's answer to a page.
type FileWord struct {
	File  string `json:"file"`
	Carry bool   `json:"carry,omitempty"`
	Page  int    `json:"page"`
	// Again asks to begin anew: this process has not seen the pages before.
	Again bool `json:"again,omitempty"`
	// Known is how many rows the gate knows something of.
	Known   int         `json:"known"`
	Tallies []FileTally `json:"tallies,omitempty"`
	// Found are those that people want to see, at most MaxFound of a page.
	Found []Found `json:"found,omitempty"`
	// Two is how many take two people, Changed how many were recorded.
	Two     int `json:"two,omitempty"`
	Changed int `json:"changed,omitempty"`
	// Shards, on the last page, are those of Source that were compared, of Of.
	Source string `json:"source,omitempty"`
	Shards []int  `json:"shards,omitempty"`
	Of     int    `json:"of,omitempty"`
}

const (
	// PageRows is the most rows of a page, MaxFound the most findings of an answer.
	PageRows       = 2000
	MaxFound       = 200
	maxFileTallies = 1000
	// MaxFilePages bounds the pages of a file.
	MaxFilePages = 1000
	// fileSlack is how far from the ends of the file's day the absence of a payment
	// says nothing: the primary's clock, or its cut-off, may be another one.
	fileSlack = 15 * time.Minute
)

// Add counts a finding.
func (w *FileWord) Add(f Found) {
	w.Known++
	if f.Two {
		w.Two++
	}
	if f.Changed {
		w.Changed++
	}
	i := 0
	for i < len(w.Tallies) && (w.Tallies[i].Finding != f.Finding || w.Tallies[i].Currency != f.Currency) {
		i++
	}
	if i == len(w.Tallies) {
		w.Tallies = append(w.Tallies, FileTally{Finding: f.Finding, Currency: f.Currency})
	}
	w.Tallies[i].add(1, f.Amount)
	if f.Finding != FileAgrees && len(w.Found) < MaxFound {
		w.Found = append(w.Found, f)
	}
}

// Compare says what a row means for what the shard knows of its payment, and the
// records that carry it out; ok is false if the shard has not decided on it. above is the amount
// above which a directive asks for two people: what takes two is left as it is
// where only one confirmed the file.
func Compare(s *State, r Row, p *FilePage, above func(directive string) (int64, bool), now time.Time) (f Found, records []Record, ok bool) {
	i, at := s.items[r.Identity], max(At(now), s.last)
	if i == nil {
		return f, nil, false
	}
	f = Found{N: r.N, Line: r.Line, Identity: r.Identity, Directive: i.Directive, Amount: i.Amount, Currency: i.Currency, Was: i.Class.String()}
	f.Finding, records = s.compare(i, r, p, at)
	if f.Finding == FileDiffers {
		f.Filed, f.FiledCur = r.Amount, r.Currency
	}
	if limit, known := above(i.Directive); f.Finding == FileSettles {
		f.Two = !known || i.Amount > limit
	}
	if f.Two && p.Carry && p.Second == "" {
		records = nil
	}
	f.Changed = len(records) > 0
	return f, records, true
}

// compare judges a row of a payment that was decided on.
func (s *State) compare(i *Item, r Row, p *FilePage, at Instant) (FileFinding, []Record) {
	if r.Done && (r.Amount != i.Amount || r.Currency != i.Currency) {
		switch {
		case i.overruled(FileAmount):
			return FileAgrees, nil
		case i.void():
		case i.Class == Pending || i.Class == Sent:
			return FileDiffers, []Record{&Excepted{Identity: i.Identity, Why: FileAmount, Filed: filed(r, p), At: at}}
		default:
			return FileDiffers, nil
		}
	}
	switch {
	case r.Done && i.Class == Pending, r.Done && i.Class == Exceptional && !i.unresolved():
		return FileSettles, []Record{&LateAnswer{Identity: i.Identity, Done: true, At: at}}
	case r.Done && i.Class == Exceptional:
		return FileSettles, []Record{&Resolved{Identity: i.Identity, How: Confirm, By: p.By, Second: p.Second, Note: p.Note, At: at}}
	case r.Done && i.void() && !i.contradicted():
		return FileDoneAnyway, []Record{&LateAnswer{Identity: i.Identity, Done: true, Filed: filed(r, p), At: at}}
	case r.Done:
		return FileAgrees, nil
	case i.Class == Sent && At(p.Until) > i.Settled && !s.takenBack(i) && !i.overruled(FileNotDone):
		return FileContradicts, []Record{&Excepted{Identity: i.Identity, Why: FileNotDone, Filed: filed(r, p), At: at}}
	case i.Class == Pending || i.Class == Exceptional && i.unresolved():
		return FileOpen, nil
	}
	return FileAgrees, nil
}

// overruled reports whether people have decided on the same word of a file before.
func (i *Item) overruled(why Why) bool {
	return i.Exception != nil && i.Exception.Why == why && i.Exception.How != 0
}

// takenBack reports whether a delivered reversal explains that the primary does not
// count the payment as done.
func (s *State) takenBack(i *Item) bool {
	r := s.items[i.Reversal]
	return r != nil && r.Class == Sent
}

// Lacking lists the payments that were delivered on the day of a complete file and
// that it does not have, with the records that carry it out: sent on that day for the first time
// as well, since what was only told then may stand in the file of a day before. Refunds and reversals are not looked for.
func Lacking(s *State, p *FilePage, has func(identity string) bool, now time.Time) (list []Found, records []Record) {
	if !p.Complete {
		return nil, nil
	}
	at := max(At(now), s.last)
	from, until := At(p.From.Add(fileSlack)), At(p.Until.Add(-fileSlack))
	for _, i := range s.items {
		if i.Class != Sent || i.Kind != Payment || i.First < from || i.Settled > until || has(i.Identity) || s.takenBack(i) || i.overruled(FileAbsent) {
			continue
		}
		list = append(list, Found{Finding: FileLacks, Identity: i.Identity, Directive: i.Directive, Amount: i.Amount, Currency: i.Currency, Was: i.Class.String(), Changed: true})
		records = append(records, &Excepted{Identity: i.Identity, Why: FileAbsent, Filed: &Filed{File: p.File}, At: at})
	}
	return list, records
}

// Check refuses a page that no control node sends.
func (p *FilePage) Check() error {
	bad := !holdfast.ValidName(p.File) || p.Page < 0 || p.Pages < 1 || p.Pages > MaxFilePages || p.Page >= p.Pages || len(p.Rows) > PageRows ||
		p.From.IsZero() || !p.From.Before(p.Until) || len(p.By) > longest || len(p.Second) > longest || len(p.Note) > longest || p.Carry && (p.By == "" || p.Note == "" || p.By == p.Second)
	for _, r := range p.Rows {
		bad = bad || r.N < 1 || r.Line < 0 || r.Identity == "" || len(r.Identity) > payment.MaxIdentity || r.Amount < 0 || r.Amount > payment.MaxAmount || !currency(r.Currency)
	}
	if bad {
		return holdfast.Errorf(holdfast.Invalid, "a page of a settlement file cannot be read")
	}
	return nil
}

// Check refuses an answer that no gate gives.
func (w *FileWord) Check() error {
	bad := !holdfast.ValidName(w.File) || w.Page < 0 || w.Page >= MaxFilePages || w.Known < 0 || w.Two < 0 || w.Changed < 0 || len(w.Tallies) > maxFileTallies ||
		len(w.Found) > MaxFound || w.Of < 0 || w.Of > MaxShards || len(w.Shards) > w.Of || w.Source != "" && !holdfast.ValidName(w.Source)
	for _, t := range w.Tallies {
		bad = bad || !t.Finding.known() || !currency(t.Currency) || !t.readable()
	}
	for _, f := range w.Found {
		bad = bad || !f.Finding.known() || f.Line < 0 || f.Identity == "" || len(f.Identity) > payment.MaxIdentity || !named(f.Directive) || !currency(f.Currency) || !currency(f.FiledCur) || len(f.Was) > 20
	}
	for _, n := range w.Shards {
		bad = bad || n < 0 || n >= w.Of
	}
	if bad {
		return holdfast.Errorf(holdfast.Invalid, "what a gate says of a settlement file cannot be read")
	}
	return nil
}

func (f FileFinding) known() bool {
	for _, k := range FileFindings {
		if f == k {
			return true
		}
	}
	return false
}
