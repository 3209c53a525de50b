package plan

import (
	"slices"
	"strings"

	"holdfast"
)

// Packs are the regulators' rules that come with Holdfast; package obligation has
// them.
var Packs = [...]string{"cn-cac", "cn-pboc", "eu-dora", "eu-gdpr", "hk-hkma", "in-rbi", "pci", "sg-mas", "tw-csma", "tw-fsc"}

// Reporting says which regulators' rules bind the operator, beside those that the
// plan spells out itself as obligations.
type Reporting struct {
	// Packs are some of [Packs].
	Packs []string `json:"packs,omitempty" yaml:"packs,omitempty"`
	// Role reports what they demand.
	Role string `json:"role,omitempty" yaml:"role,omitempty"`
}

func (c *checker) reporting() {
	r := c.plan.Reporting
	for i, pack := range r.Packs {
		path := at("reporting.packs", i)
		switch {
		case !slices.Contains(Packs[:], pack):
			c.add(path, "P015", holdfast.Errorf(holdfast.Invalid, "rules %q are not known: write some of %s", pack, strings.Join(Packs[:], ", ")))
		case slices.Index(r.Packs, pack) < i:
			c.add(path, "P014", holdfast.Errorf(holdfast.Invalid, "the rules %q stand in the list twice: remove one", pack))
		}
	}
	if len(r.Packs) > 0 || r.Role != "" {
		c.knownRole("reporting.role", r.Role)
	}
}
