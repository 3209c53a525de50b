package customers

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"holdfast/internal/sandbox/told"
)

// act is what a customer does next.
type act int

const (
	stop act = iota
	send
	inquire
)

// news is what a customer makes of one answer, or of none.
type news int

const (
	nothing  news = iota // none, or none that can be read
	wait                 // told to wait
	unseen               // an inquiry says that the key was never seen
	done                 // told done
	declined             // told that it was not done and will not be
	refused              // a gate did not forward this attempt; of others it says nothing
)

// heard is an answer as the customer understands it.
type heard struct {
	news   news
	answer told.Answer
	reason string
	// after is how long he was asked to wait (Retry-After); 0 if he was not.
	after time.Duration
}

// maxAnswer bounds the body of an answer, in bytes.
const maxAnswer = 64 << 10

// understand reads an answer to a request of the kind.
func understand(asked act, status int, body []byte) heard {
	var b struct {
		told.Answer
		Status  json.RawMessage `json:"status"` // text in an answer, a number in a problem
		Code    string          `json:"code"`
		Reason  string          `json:"reason"` // a gate's word for code
		Outcome string          `json:"outcome"`
		Attempt string          `json:"attempt"` // a gate's word on this attempt alone
	}
	readable := json.Unmarshal(body, &b) == nil
	why := cmp.Or(b.Code, b.Reason)
	switch {
	case status >= 200 && status < 300 && !readable:
		return heard{news: nothing, reason: "unreadable"}
	case status == http.StatusAccepted:
		return heard{news: wait, reason: "accepted"}
	case status == http.StatusOK || status == http.StatusCreated:
		return understandStatus(string(b.Status), b.Answer, why)
	case asked == inquire && status == http.StatusNotFound:
		return heard{news: unseen, reason: "never seen"}
	case asked == inquire && status == http.StatusPaymentRequired: // a gate that declined it for good
		return heard{news: declined, reason: why}
	case asked == inquire:
		return heard{news: nothing, reason: http.StatusText(status)}
	case readable && b.Outcome == "not-done":
		return heard{news: declined, reason: why}
	case readable && b.Attempt == "not-forwarded" && b.Outcome == "":
		return heard{news: refused, reason: why}
	}
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return heard{news: wait, reason: why}
	}
	if status >= 400 && status < 500 && b.Outcome == "" {
		return heard{news: declined, reason: why}
	}
	return heard{news: nothing, reason: http.StatusText(status)}
}

// understandStatus knows the words of both payment systems.
func understandStatus(status string, answer told.Answer, code string) heard {
	switch status {
	case `"succeeded"`, `"approved"`, `"settled"`:
		return heard{news: done, answer: answer}
	case `"declined"`, `"refused"`:
		return heard{news: declined, reason: code}
	case `"processing"`, `"pending"`, `"queued"`:
		return heard{news: wait, reason: "processing"}
	}
	return heard{news: nothing, reason: "unreadable"}
}

// retryAfter reads a Retry-After header in seconds; a date or nonsense is 0.
func retryAfter(value string) time.Duration {
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// customer is one intention with what its customer knows.
type customer struct {
	told.Intention
	state told.State
	// doubt is when he first had cause to inquire, in this process.
	doubt time.Time
	sent  int // requests that would move money
	waits int // waits since the first doubt
	// unseen says that the primary knew of no attempt after the last that it could
	// have got.
	unseen bool
	next   act
	at     time.Time // when to do it
}

// hears decides what a customer does after one more answer: draw, 0 to 1, is for
// the jitter of his wait. It returns him as he is then, and what to write down if
// that is something new.
func (c customer) hears(h heard, p Patience, draw float64, now time.Time) (customer, *told.Event) {
	event := told.Event{Identity: c.Identity, At: now, Reason: h.reason}
	only := c.sent == 1 && c.state == told.Begun && c.doubt.IsZero()
	if h.news == refused && (only || c.unseen) {
		h.news = declined
	}
	c.unseen = h.news == unseen || c.unseen && h.news == refused
	switch h.news {
	case done:
		event.Event, event.Answer, event.Reason = told.Done, &h.answer, ""
	case declined:
		event.Event = told.Declined
	case wait, refused:
		event.Event = told.Pending
	default:
		event.Event = told.Doubt
	}
	c.next = stop
	if !event.Event.Final() {
		if c.doubt.IsZero() {
			c.doubt = now
		}
		c = c.plan(h, p, draw, now)
		if c.at.Sub(c.doubt) > p.Budget {
			c.next, event.Event, event.Reason = stop, told.GaveUp, ""
		}
	}
	if event.Event == c.state {
		return c, nil
	}
	c.state = event.Event
	return c, &event
}

// plan chooses the next request and its time: not before he was asked to, unless
// that is longer than he ever waits.
func (c customer) plan(h heard, p Patience, draw float64, now time.Time) customer {
	if h.news == unseen && c.sent <= p.Retries {
		c.next, c.at = send, now
		return c
	}
	pause := p.Longest
	if c.waits < 30 { // beyond, doubling would overflow
		pause = min(pause, p.First<<c.waits)
	}
	c.waits++
	least := float64(min(h.after, p.Longest)) * (1 + 0.2*draw) // not all at the same moment
	c.next, c.at = inquire, now.Add(time.Duration(max(least, float64(pause)*(0.8+0.4*draw))))
	return c
}
