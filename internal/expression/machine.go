package expression

import (
	"fmt"
	"sync"

	"github.com/expr-lang/expr/vm"
)

// machine is expr's virtual machine with the values it reads, used again and
// again. Between uses it holds none of them: they may be card numbers.
type machine struct {
	vm  vm.VM
	env map[string]any
}

var machines = sync.Pool{New: func() any { return &machine{env: map[string]any{}} }}

func (m *machine) run(p *vm.Program) (bool, error) {
	out, err := m.vm.Run(p, m.env)
	if err != nil {
		return false, err
	}
	yes, ok := out.(bool)
	if !ok {
		return false, fmt.Errorf("the result is %T, not true or false", out)
	}
	return yes, nil
}

func (m *machine) release() {
	clear(m.env)
	clear(m.vm.Stack[:cap(m.vm.Stack)])
	machines.Put(m)
}
