package plan

import (
	"bytes"
	_ "embed"
)

//go:embed builtin.yaml
var builtin []byte

// Builtin returns the text of the plan that comes with Holdfast: a whole plan
// of a payment system's operator, in three languages, to start from.
func Builtin() []byte { return bytes.Clone(builtin) }
