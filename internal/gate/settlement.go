package gate

import (
	"context"

	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// takeFile takes a page of a settlement file. While another is being compared it is
// left: it comes again.
func (g *Gate) takeFile(p *standin.FilePage) {
	if p == nil {
		return
	}
	select {
	case g.files <- p:
	default:
	}
}

// compareFiles compares pages of settlement files until ctx ends, and leaves what
// there is to say to the next report.
func (g *Gate) compareFiles(ctx context.Context) error {
	for {
		var p *standin.FilePage
		select {
		case <-ctx.Done():
			return ctx.Err()
		case p = <-g.files:
		}
		w, err := g.compareFile(ctx, p)
		if err != nil {
			g.opt.Log.Warn("a page of a settlement file was not compared; it comes again", "file", p.File, "page", p.Page, "error", err)
			continue
		}
		g.outbox.file(w)
	}
}

// file leaves an answer to be reported.
func (o *outbox) file(w *standin.FileWord) {
	o.mu.Lock()
	o.filed = w
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// compareFile compares a page with what stand-in knows, and with the payments of
// unknown outcome. What is recorded of the latter is synced before it is said.
func (g *Gate) compareFile(ctx context.Context, p *standin.FilePage) (*standin.FileWord, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	w := &standin.FileWord{File: p.File, Carry: p.Carry, Page: p.Page}
	if g.opt.StandIn != nil {
		var err error
		if w, err = g.opt.StandIn.CompareFile(ctx, p); err != nil || w.Again {
			return w, err
		}
	}
	for _, r := range p.Rows {
		if f, known := g.compareUnknown(r, p); known {
			w.Add(f)
		}
	}
	if p.Carry {
		return w, g.outcomes.sync()
	}
	return w, nil
}

// ByFile is why an outcome is known: what a settlement file says.
const ByFile = "the primary's settlement file says so"

// compareUnknown says what a row means for a payment of unknown outcome.
func (g *Gate) compareUnknown(r standin.Row, p *standin.FilePage) (standin.Found, bool) {
	of, open := g.outcomes.record(r.Identity)
	if !open {
		return standin.Found{}, false
	}
	f := standin.Found{N: r.N, Line: r.Line, Identity: r.Identity, Amount: of.Amount, Currency: of.Currency, Was: payment.Unknown.String()}
	outcome := payment.NotDone
	switch {
	case of.Currency != "" && (of.Amount != r.Amount || of.Currency != r.Currency):
		f.Finding, f.Filed, f.FiledCur = standin.FileDiffers, r.Amount, r.Currency
		return f, true
	case r.Done:
		f.Finding, outcome = standin.FileSettles, payment.Done
	case !of.At.Before(p.Until):
		f.Finding = standin.FileOpen // it was sent after the file's day
		return f, true
	default:
		f.Finding = standin.FileDenies
	}
	f.Two = p.Above < 0 || r.Amount > p.Above
	f.Changed = !p.Carry || p.Second != "" || !f.Two
	if p.Carry && f.Changed {
		settled, err := g.settled(of, outcome, ByFile, outcome == payment.Done)
		if err != nil {
			g.opt.Log.Error("a settled outcome could not be written", "identity", of.Identity, "error", err)
		}
		f.Changed = settled && err == nil
		if f.Changed && outcome != payment.Done {
			g.Doubt(of) // another gate may have sent it after the file's day: the primary is asked
		}
	}
	return f, true
}
