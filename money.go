package holdfast

import "strconv"

// Money is an amount of one currency in its minor unit (分, cent; yen has no
// smaller one). Holdfast never holds money as a fraction.
type Money struct {
	// Minor counts minor units. It may be negative only in differences.
	Minor int64 `json:"minor"`
	// Currency is the ISO 4217 code in capitals: CNY, TWD, USD.
	Currency string `json:"currency"`
}

func (m Money) String() string { return strconv.FormatInt(m.Minor, 10) + " " + m.Currency }
