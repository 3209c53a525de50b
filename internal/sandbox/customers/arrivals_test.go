package customers

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, china)

// takeUntil returns all arrivals before end.
func takeUntil(a *arrivals, end time.Time) (list []time.Time) {
	for {
		at, due := a.next()
		if !at.Before(end) {
			return list
		}
		if due {
			a.take()
			list = append(list, at)
		} else {
			a.setRate(at, a.rate)
		}
	}
}

func TestArrivalsArePoisson(t *testing.T) {
	t.Parallel()
	const rate, seconds = 100.0, 1000
	a := newArrivals(1, Flat, noon)
	a.setRate(noon, rate)
	list := takeUntil(a, noon.Add(seconds*time.Second))
	if n := float64(len(list)); math.Abs(n-rate*seconds) > 4*math.Sqrt(rate*seconds) {
		t.Errorf("%v arrivals in %d s at %v per second", n, seconds, rate)
	}
	// The counts of single seconds vary as much as their mean: neither even nor in
	// bursts.
	perSecond := make([]float64, seconds)
	for _, at := range list {
		perSecond[int(at.Sub(noon).Seconds())]++
	}
	variance := 0.0
	for _, n := range perSecond {
		variance += (n - rate) * (n - rate) / seconds
	}
	if variance < 0.8*rate || variance > 1.2*rate {
		t.Errorf("counts per second have variance %.1f around mean %v", variance, rate)
	}
	if !slices.IsSortedFunc(list, time.Time.Compare) {
		t.Error("arrivals are out of order")
	}
}

func TestSameSeedSameArrivals(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) []time.Time {
		a := newArrivals(seed, Daily, noon)
		a.setRate(noon, 10)
		return takeUntil(a, noon.Add(time.Minute))
	}
	if !slices.Equal(run(1), run(1)) || slices.Equal(run(1), run(2)) {
		t.Error("the seed does not decide the arrivals")
	}
}

// However often and whenever the rate is set, the number of arrivals is that of
// the exposure, and none is before the last change it could not have known.
func TestChangesOfRateBiasNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := newArrivals(rapid.Uint64().Draw(t, "seed"), Flat, noon)
		now, exposure, n := noon, 0.0, 0
		for range rapid.IntRange(1, 200).Draw(t, "changes") {
			rate := rapid.SampledFrom([]float64{0, 0.5, 50, 400}).Draw(t, "rate")
			a.setRate(now, rate)
			length := time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond
			end := now.Add(length)
			list := takeUntil(a, end)
			if len(list) > 0 && list[0].Before(now) {
				t.Fatalf("an arrival at %v, before the rate was set at %v", list[0], now)
			}
			n += len(list)
			exposure += rate * length.Seconds()
			now = end
		}
		if math.Abs(float64(n)-exposure) > 5*math.Sqrt(exposure)+5 {
			t.Errorf("%d arrivals for an exposure of %.1f", n, exposure)
		}
	})
}

func TestNoRateNoArrivals(t *testing.T) {
	t.Parallel()
	a := newArrivals(1, Flat, noon)
	if at, due := a.next(); due || !at.Equal(noon.Add(lookAhead)) {
		t.Errorf("next at %v, due %t", at, due)
	}
	if list := takeUntil(a, noon.Add(24*time.Hour)); len(list) > 0 {
		t.Errorf("%d arrivals", len(list))
	}
}

func TestDaily(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 3, 4, 0, 0, 0, 0, china)
	sum, least, most := 0.0, math.Inf(1), 0.0
	for m := range 24 * 60 {
		load := Daily(midnight.Add(time.Duration(m) * time.Minute))
		sum += load
		least, most = min(least, load), max(most, load)
	}
	if mean := sum / (24 * 60); math.Abs(mean-1) > 0.005 {
		t.Errorf("the mean of the day is %v", mean)
	}
	if least > 0.2 || most < 1.5 {
		t.Errorf("the day goes from %v to %v", least, most)
	}
	payDay := time.Date(2026, 3, 25, 10, 0, 0, 0, china)
	if got, usual := Daily(payDay), Daily(payDay.AddDate(0, 0, 1)); got != 2*usual {
		t.Errorf("pay day %v, usual %v", got, usual)
	}
	if Daily(payDay.UTC()) != Daily(payDay) {
		t.Error("the curve depends on the zone it is asked in")
	}
}
