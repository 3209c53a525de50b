// Package telemetry holds what the process says about itself: its log, its
// metrics and its version.
//
// Logs go through log/slog as text or JSON. Card numbers never reach them: every
// message and value passes payment.Mask, whatever it is. That masks too much
// rather than too little: any run of 12 digits or more goes, unless it belongs
// to a time, a duration, a holdfast.Hash or a holdfast.Head.
//
// Metrics are Prometheus metrics whose names begin with "holdfast_", beside
// those of the Go runtime and the process.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"

	"holdfast"
	"holdfast/internal/payment"
)

// NewLogger makes a logger that writes to w from a level on (debug, info, warn,
// error) in a format (text, json).
func NewLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "log level %q: write debug, info, warn or error", level).At("log.level")
	}
	opt := &slog.HandlerOptions{Level: least, ReplaceAttr: mask}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, opt)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opt)), nil
	default:
		return nil, holdfast.Errorf(holdfast.Invalid, "log format %q: write text or json", format).At("log.format")
	}
}

// mask hides card numbers in one attribute, the message included.
func mask(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindTime, slog.KindDuration, slog.KindBool:
		return a
	case slog.KindAny:
		a.Value = maskAny(a.Value.Any())
		return a
	}
	// Strings, and numbers too: a card number is one.
	if text := a.Value.String(); payment.Mask(text) != text {
		a.Value = slog.StringValue(payment.Mask(text))
	}
	return a
}

// maskAny turns a value into text, since what is inside it cannot be replaced.
func maskAny(v any) slog.Value {
	switch v := v.(type) {
	case nil, *slog.Source:
		return slog.AnyValue(v)
	case slog.Level: // the record's own
		return slog.AnyValue(v)
	case holdfast.Hash, holdfast.Head:
		return slog.StringValue(fmt.Sprint(v))
	case []byte:
		return slog.StringValue(payment.Mask(string(v)))
	default:
		return slog.StringValue(payment.Mask(fmt.Sprintf("%+v", v)))
	}
}
