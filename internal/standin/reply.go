package standin

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"holdfast"
)

// Reply is what whoever asks on a route is answered when a payment of his is
// approved: what the primary would have said, as far as the gate can say it.
type Reply struct {
	// Route is the one that it is for; empty means every route without its own.
	Route string `json:"route,omitempty"`
	// Status is that of HTTP, 200 to 299.
	Status int `json:"status"`
	// Body is JSON in one line. {identity}, {amount} (in minor units) and {currency}
	// in its texts stand for the payment's.
	Body string `json:"body"`
}

const (
	maxReplies   = 64
	maxReplyBody = 4096
)

// Reply returns what is answered to approvals on a route.
func (p Profile) Reply(route string) (Reply, bool) {
	for _, name := range []string{route, ""} {
		if i := slices.IndexFunc(p.Replies, func(a Reply) bool { return a.Route == name }); i >= 0 {
			return p.Replies[i], true
		}
	}
	return Reply{}, false
}

// Fill returns the body for a payment. Whatever the identity is, it stays inside the
// text that it stands in.
func (a Reply) Fill(identity string, amount int64, currency string) []byte {
	return []byte(strings.NewReplacer("{identity}", inText(identity), "{amount}", strconv.FormatInt(amount, 10), "{currency}", inText(currency)).Replace(a.Body))
}

// inText writes a string as it stands between the quotes of JSON.
func inText(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic("standin: a string as JSON: " + err.Error()) // strings cannot fail
	}
	return string(text[1 : len(text)-1])
}

var placeholder = regexp.MustCompile(`\{[A-Za-z_-]+\}`)

func (c *checker) replies(list []Reply) {
	if len(list) > maxReplies {
		c.add("replies", holdfast.Errorf(holdfast.TooLarge, "a stand-in profile has at most %d answers", maxReplies))
		return
	}
	for i, a := range list {
		path := fmt.Sprintf("replies[%d]", i)
		if slices.ContainsFunc(list[:i], func(b Reply) bool { return b.Route == a.Route }) {
			c.add(path+".route", holdfast.Errorf(holdfast.Invalid, "two answers are for the route %q: keep one", a.Route))
		}
		if a.Status < 200 || a.Status > 299 {
			c.add(path+".status", holdfast.Errorf(holdfast.Invalid, "an approval is answered with a status of 200 to 299, not %d", a.Status))
		}
		// Amounts are given as numbers or in texts, the others only in texts.
		if len(a.Body) > maxReplyBody || strings.ContainsAny(a.Body, "\r\n") || !json.Valid(a.Fill(`a"`, 1, "XXX")) {
			c.add(path+".body", holdfast.Errorf(holdfast.Invalid, "the body of an answer is JSON in one line, at most %d bytes, with names in braces only inside its texts", maxReplyBody))
		}
		for _, name := range placeholder.FindAllString(a.Body, -1) {
			if !slices.Contains([]string{"{identity}", "{amount}", "{currency}"}, name) {
				c.add(path+".body", holdfast.Errorf(holdfast.Invalid, "%s stands for nothing in an answer: write one of {identity}, {amount}, {currency}", name))
			}
		}
	}
}
