package debrief

import (
	"strconv"
)

// nextID is the id of the entry after n others.
func nextID(prefix string, n int) string { return prefix + strconv.Itoa(n+1) }
