package httpgate

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
	"holdfast/internal/traffic"
)

// metrics are a gate's Prometheus metrics:
//
//	holdfast_gate_requests_total{route,kind,channel,method,verdict,reason,outcome,currency}
//	holdfast_gate_amount_minor_units_total{the same}
//	holdfast_gate_request_seconds{route}      histogram; until the answer's head
//	holdfast_gate_connections, _connections_refused_total{limit}
//	holdfast_gate_primary_up{address}, _primary_overflow_total, _access_log_lost_total
//	holdfast_gate_shadow_total{profile,shadow,reason,primary,currency}, _shadow_dropped_total{profile}
//	holdfast_gate_in_flight, _unresolved, _lease_seconds, _posture_position, _closed, _alarm
//
// A verdict is forward, decline or probe. Channel, method and currency come from
// requests: whoever writes requests chooses them. So at most maxSeries label
// sets are told apart; what is one too many is counted under "other", and so is
// what looks like a card number. An amount of no known currency counts as 0.
type metrics struct {
	server  *Server
	seconds *prometheus.HistogramVec

	mu    sync.RWMutex
	cells map[traffic.Key]*cell
}

type cell struct {
	count, amount atomic.Int64
	seconds       prometheus.Observer // of the route
}

// maxSeries is how many label sets come from requests before they are folded.
// Folded ones are as many as the settings allow: routes by verdicts by outcomes.
const maxSeries = 1000

func newMetrics(s *Server) *metrics {
	bounds := make([]float64, len(traffic.Latencies))
	for i, ms := range traffic.Latencies {
		bounds[i] = float64(ms) / 1000
	}
	return &metrics{
		server: s, cells: map[traffic.Key]*cell{},
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "holdfast_gate_request_seconds", Help: "Time from a request's arrival to the head of the primary's answer.", Buckets: bounds,
		}, []string{"route"}),
	}
}

// Metrics returns the gate's metrics for a registry.
func (s *Server) Metrics() prometheus.Collector { return s.metrics }

// count counts one request. A negative time was not measured.
func (m *metrics) count(p *payment.Payment, v posture.Verdict, o payment.Outcome, took time.Duration) {
	verdict := p.Apart()
	if verdict == "" {
		verdict = v.Action.String()
	}
	c := m.cell(traffic.Key{
		Route: p.Route, Kind: p.Kind, Channel: p.Channel, Method: p.Method,
		Verdict: verdict, Reason: gate.ReasonOf(p, v), Outcome: o, Currency: p.Currency,
	})
	c.count.Add(1)
	if p.Read.Has(payment.Amount) && p.Read.Has(payment.Currency) {
		c.amount.Add(p.Amount)
	}
	if took >= 0 {
		c.seconds.Observe(took.Seconds())
	}
}

func (m *metrics) cell(k traffic.Key) *cell {
	m.mu.RLock()
	c := m.cells[k]
	m.mu.RUnlock()
	if c != nil {
		return c
	}
	k.Channel, k.Method = label(k.Channel), label(k.Method)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cells[k] == nil && len(m.cells) >= maxSeries {
		k.Channel, k.Method, k.Currency = traffic.Other, traffic.Other, traffic.Other
	}
	c = m.cells[k]
	if c == nil {
		c = &cell{seconds: m.seconds.WithLabelValues(k.Route)}
		m.cells[k] = c
	}
	return c
}

// label is a text from a request as it may be shown.
func label(s string) string {
	if len(s) > traffic.MaxText || !utf8.ValidString(s) || payment.Mask(s) != s {
		return traffic.Other
	}
	return strings.Clone(s)
}

var (
	labels    = []string{"route", "kind", "channel", "method", "verdict", "reason", "outcome", "currency"}
	requests  = prometheus.NewDesc("holdfast_gate_requests_total", "Requests by what the gate did and what came of them.", labels, nil)
	amounts   = prometheus.NewDesc("holdfast_gate_amount_minor_units_total", "Amounts of those requests in minor units of the currency.", labels, nil)
	inFlight  = prometheus.NewDesc("holdfast_gate_in_flight", "Payments written to the primary and not answered yet.", nil, nil)
	unsettled = prometheus.NewDesc("holdfast_gate_unresolved", "Payments of unknown outcome.", nil, nil)
	leaseLeft = prometheus.NewDesc("holdfast_gate_lease_seconds", "How long strict routes may still admit; 0 without a lease.", nil, nil)
	position  = prometheus.NewDesc("holdfast_gate_posture_position", "Position of the posture in force.", nil, nil)
	closed    = prometheus.NewDesc("holdfast_gate_closed", "1 if there is no posture that can be enforced.", nil, nil)
	conns     = prometheus.NewDesc("holdfast_gate_connections", "Client connections.", nil, nil)
	turnedOff = prometheus.NewDesc("holdfast_gate_connections_refused_total", "Client connections closed at once, over the limit of their client or in total.", []string{"limit"}, nil)
	primaryUp = prometheus.NewDesc("holdfast_gate_primary_up", "0 if an address of the primary is left out since it gave no answers.", []string{"address"}, nil)
	overflow  = prometheus.NewDesc("holdfast_gate_primary_overflow_total", "Requests declined as busy: too many waited for the primary.", nil, nil)
	unwritten = prometheus.NewDesc("holdfast_gate_access_log_lost_total", "Lines of the access log that were dropped.", nil, nil)
	shadowed  = prometheus.NewDesc("holdfast_gate_shadow_total", "Payments tried in shadow, by what stand-in would have said and what the primary did.", []string{"profile", "shadow", "reason", "primary", "currency"}, nil)
	skipped   = prometheus.NewDesc("holdfast_gate_shadow_dropped_total", "Payments of the share that were not tried: too many waited.", []string{"profile"}, nil)
	alarm     = prometheus.NewDesc("holdfast_gate_alarm", "1 if the gate raises an alarm.", nil, nil)
)

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{requests, amounts, inFlight, unsettled, leaseLeft, position, closed, alarm, conns, turnedOff, primaryUp, overflow, unwritten, shadowed, skipped} {
		ch <- d
	}
	m.seconds.Describe(ch)
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.RLock()
	for k, c := range m.cells {
		values := []string{k.Route, k.Kind.String(), k.Channel, k.Method, k.Verdict, k.Reason, k.Outcome.String(), k.Currency}
		ch <- prometheus.MustNewConstMetric(requests, prometheus.CounterValue, float64(c.count.Load()), values...)
		if k.Currency != "" && k.Currency != traffic.Other {
			ch <- prometheus.MustNewConstMetric(amounts, prometheus.CounterValue, float64(c.amount.Load()), values...)
		}
	}
	m.mu.RUnlock()
	s := m.server.gate.Status()
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(inFlight, float64(s.InFlight))
	gauge(unsettled, float64(s.Unresolved))
	gauge(leaseLeft, s.LeaseLeft.Seconds())
	gauge(position, float64(s.Posture.Position))
	gauge(closed, truth(s.Closed))
	gauge(alarm, truth(s.Alarm != ""))
	m.seconds.Collect(ch)
	m.collectEdge(ch)
	if m.server.shadow != nil {
		m.collectShadow(ch, m.server.shadow.Figures())
	}
}

// collectShadow tells what was found in shadow, since the process began.
func (m *metrics) collectShadow(ch chan<- prometheus.Metric, list []standin.TrialFigures) {
	type key struct{ shadow, reason, primary, currency string }
	told := map[string]bool{} // two versions of a profile, while one takes the other's place
	for _, f := range list {
		if told[f.Profile] {
			continue
		}
		told[f.Profile] = true
		sums := map[key]int64{}
		for _, l := range f.Lines {
			shadow := "approve"
			if l.Reason != "" {
				shadow = "decline"
			}
			sums[key{shadow, l.Reason, payment.Done.String(), l.Currency}] += l.Done.Count
			sums[key{shadow, l.Reason, payment.NotDone.String(), l.Currency}] += l.NotDone.Count
			sums[key{shadow, l.Reason, payment.Unknown.String(), l.Currency}] += l.Unknown.Count
		}
		for k, n := range sums {
			ch <- prometheus.MustNewConstMetric(shadowed, prometheus.CounterValue, float64(n), f.Profile, k.shadow, k.reason, k.primary, k.currency)
		}
		ch <- prometheus.MustNewConstMetric(skipped, prometheus.CounterValue, float64(f.Dropped), f.Profile)
	}
}

// collectEdge tells of the connections on both sides.
func (m *metrics) collectEdge(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	if l := m.server.inlet.Load(); l != nil {
		client, total := l.Refused()
		ch <- prometheus.MustNewConstMetric(conns, prometheus.GaugeValue, float64(l.Open()))
		counter(turnedOff, client, "client")
		counter(turnedOff, total, "total")
	}
	for _, pool := range []*pool{m.server.primary.up, m.server.primary.second} {
		if pool == nil {
			continue
		}
		pool.health(func(address string, up bool) {
			ch <- prometheus.MustNewConstMetric(primaryUp, prometheus.GaugeValue, truth(up), address)
		})
	}
	counter(overflow, m.server.primary.up.overflow.Load())
	if m.server.access != nil {
		counter(unwritten, m.server.access.Lost())
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
