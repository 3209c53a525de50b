package traffic

import "math"

// Wilson returns Wilson's score interval of a share for z standard deviations: 1.96 for
// 95 %. Of nothing, nothing is known.
func Wilson(good, of int64, z float64) (low, high float64) {
	if of == 0 {
		return 0, 1
	}
	n := float64(of)
	p := float64(good) / n
	middle := p + z*z/(2*n)
	spread := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	all := 1 + z*z/n
	return max(0, (middle-spread)/all), min(1, (middle+spread)/all)
}
