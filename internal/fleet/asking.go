package fleet

import "holdfast/internal/gate"

// toldAsking keeps how far a gate is with asking about payments of unknown outcome. It is
// only shown, by the node that the gate reports to.
func (n *Node) toldAsking(r gate.Report) {
	if r.Asking == nil {
		return
	}
	told := map[string]gate.Asked{}
	for _, a := range (*r.Asking)[:min(len(*r.Asking), gate.MaxAsked)] {
		told[a.Identity] = a
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.asking == nil {
		n.asking = map[string]map[string]gate.Asked{}
	}
	n.asking[r.Gate] = told
}

// Asked returns how far a gate is with asking about a payment, as far as it has told this
// node.
func (n *Node) Asked(name, identity string) (a gate.Asked, told bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, told = n.asking[name][identity]
	return a, told
}
