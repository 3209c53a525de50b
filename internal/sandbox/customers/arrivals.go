package customers

import (
	"math/rand/v2"
	"time"
)

// arrivals is a Poisson process whose rate changes with the time of day and by
// hand. It works in exposure: the next arrival is due once the rate, summed over
// time, has used up a number drawn from the exponential distribution. So a change
// of rate in the middle of a wait acts at once and biases nothing.
type arrivals struct {
	draw  *rand.Rand
	curve func(time.Time) float64
	base  time.Time
	rate  float64       // per second
	at    time.Duration // since base: how far exposure is used up
	left  float64       // exposure until the next arrival
}

// lookAhead bounds the search for the next arrival.
const lookAhead = time.Minute

func newArrivals(seed uint64, curve func(time.Time) float64, now time.Time) *arrivals {
	a := &arrivals{draw: rand.New(rand.NewPCG(seed, 0)), curve: curve, base: now}
	a.left = a.draw.ExpFloat64()
	return a
}

// walk goes from a.at, in steps within which the rate counts as constant, until
// stop or until the exposure left is used up. It returns where it came to, the
// exposure then left, and whether an arrival is due there.
func (a *arrivals) walk(stop time.Duration) (at time.Duration, left float64, due bool) {
	at, left = a.at, a.left
	for at < stop {
		rate := a.rate * a.curve(a.base.Add(at))
		end := min(stop, at.Truncate(time.Second)+time.Second)
		exposure := rate * (end - at).Seconds()
		if left <= exposure && rate > 0 {
			return min(end, at+time.Duration(left/rate*float64(time.Second))), 0, true
		}
		left -= exposure
		at = end
	}
	return stop, left, false
}

// next returns when the next arrival is due; or, with due false, when to ask
// again.
func (a *arrivals) next() (at time.Time, due bool) {
	offset, _, due := a.walk(a.at + lookAhead)
	return a.base.Add(offset), due
}

// take takes the arrival that next returned.
func (a *arrivals) take() {
	if at, _, due := a.walk(a.at + lookAhead); due {
		a.at, a.left = at, a.draw.ExpFloat64()
	}
}

// setRate changes the rate from now on. All arrivals due by now must have been
// taken.
func (a *arrivals) setRate(now time.Time, perSecond float64) {
	if to := now.Sub(a.base); to > a.at {
		a.at, a.left, _ = a.walk(to)
	}
	a.rate = perSecond
}

// Flat is the curve of a day without hours.
func Flat(time.Time) float64 { return 1 }

// china is where the simulated customers live; there is no summer time.
var china = time.FixedZone("UTC+8", 8*60*60)

// day is the load by hour against the mean of the day, which is 1.
var day = [24]float64{
	0.35, 0.20, 0.12, 0.10, 0.12, 0.25, 0.55, 0.90, 1.15, 1.30, 1.40, 1.60,
	1.75, 1.45, 1.25, 1.25, 1.30, 1.45, 1.70, 1.75, 1.55, 1.25, 0.85, 0.41,
}

// Daily is the curve of a day with its nights and meal times, in UTC+8; on pay
// days, the 10th and 25th, there is twice as much between 9 and 12 o'clock.
func Daily(t time.Time) float64 {
	t = t.In(china)
	this, next := day[t.Hour()], day[(t.Hour()+1)%24]
	part := float64(t.Minute()*60+t.Second()) / 3600
	load := this + (next-this)*part
	if d := t.Day(); (d == 10 || d == 25) && t.Hour() >= 9 && t.Hour() < 12 {
		load *= 2
	}
	return load
}
