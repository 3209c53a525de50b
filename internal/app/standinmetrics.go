package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/gate/forwarder"
)

// adviceMetrics tells Prometheus what came of advices. docs/metrics.md lists it.
type adviceMetrics struct{ f *forwarder.Forwarder }

var (
	advicesTotal  = prometheus.NewDesc("holdfast_gate_advices_total", "What came of sending advices, and of asking about them.", []string{"result"}, nil)
	advicesRate   = prometheus.NewDesc("holdfast_gate_advices_settled_per_second", "Advices settled a second, lately.", nil, nil)
	advicesBudget = prometheus.NewDesc("holdfast_gate_advices_budget_per_second", "Requests a second that advices may take.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (m adviceMetrics) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, to) }

// Collect implements [prometheus.Collector].
func (m adviceMetrics) Collect(to chan<- prometheus.Metric) {
	for result, n := range m.f.Counts() {
		to <- prometheus.MustNewConstMetric(advicesTotal, prometheus.CounterValue, float64(n), result)
	}
	rate, budget := m.f.Rate()
	to <- prometheus.MustNewConstMetric(advicesRate, prometheus.GaugeValue, rate)
	to <- prometheus.MustNewConstMetric(advicesBudget, prometheus.GaugeValue, float64(budget))
}
