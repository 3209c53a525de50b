package console

import "holdfast/internal/view"

// mostActs is how many acts that wait for the reader the first page lists by name.
const mostActs = 10

// awaitingActs lists the directives, lifts, decisions on payments of stand-in,
// lost sources, settlement files and resolutions of unknown outcomes that wait for the reader's consent,
// and expired payments to look after.
func (c *Console) awaitingActs(v *visit) (list []awaited) {
	acts := c.View.AwaitedActs(v.who())
	for _, a := range acts[:min(len(acts), mostActs)] {
		list = append(list, awaitedAct(v, a))
	}
	return list
}

func awaitedAct(v *visit, a view.AwaitedAct) awaited {
	switch a.Kind {
	case "exception":
		return awaited{a.Kind, a.ID + " · " + v.words.T("exceptions.how."+a.What), "/stand-in/exceptions?q=" + a.ID}
	case "settlement":
		return awaited{a.Kind, a.What, "/stand-in/settlements/" + a.ID}
	case "resolution":
		return awaited{a.Kind, v.words.T("outcome." + a.What), "/unknowns#waiting"}
	case "expired":
		return awaited{a.Kind, a.Directive + " · " + a.What, "/stand-in/queue?directive=" + a.Directive + "#expired"}
	case "lost":
		return awaited{a.Kind, a.Directive, "/stand-in#untold-" + a.Directive}
	case "close-out":
		return awaited{a.Kind, a.Directive, "/stand-in#account-" + a.Directive}
	}
	return awaited{a.Kind, a.ID + " " + v.words.T("directive.kind."+a.What), "/directives/" + a.ID}
}
