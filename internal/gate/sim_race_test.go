//go:build race

package gate_test

func init() { underRace = true }
