package plan

import (
	"holdfast"
	"holdfast/internal/expression"
)

// Component is a part of the payment system as the public knows it: the public
// status page says how it is.
type Component struct {
	ID   string        `json:"id" yaml:"id"`
	Name holdfast.Text `json:"name" yaml:"name"`
	// Scope is which payments it is: "all", or an expression over payment fields.
	Scope string `json:"scope" yaml:"scope"`
}

// Announcing says how announcements to the public are decided.
type Announcing struct {
	// SecondPerson means that nobody publishes what he wrote himself.
	SecondPerson bool `json:"second_person,omitempty" yaml:"second_person,omitempty"`
}

func (c *checker) components() {
	entries(c, "components", c.plan.Components, func(k Component) string { return k.ID }, func(path string, k Component) {
		c.text(path+".name", k.Name)
		if c.required(path+".scope", k.Scope) {
			_, err := expression.CompileScope(k.Scope)
			c.expression(path+".scope", err)
		}
	})
}
