//go:build race

package standin_test

// One goroutine at a time runs in a history: the detector finds nothing there, and
// makes it many times slower.
func init() { underRace = true }
