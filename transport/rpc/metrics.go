package rpc

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/budget"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// metrics are the instruments of a door.
type metrics struct {
	requests *prometheus.CounterVec
	invalid  *prometheus.CounterVec
	paused   prometheus.Counter
}

// newMetrics registers the instruments, at zero.
func newMetrics(all *transport.Metrics, hub *websocket.Hub, held *budget.Budget) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "codebeaker_requests_total", Help: "Requests by method and code; 0 is success."}, []string{"method", "code"}),
		invalid:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "codebeaker_invalid_requests_total", Help: "What was no request, by code."}, []string{"code"}),
		paused:   prometheus.NewCounter(prometheus.CounterOpts{Name: "codebeaker_paused_reads_total", Help: "How often the reading of a connection rested for its rate."}),
	}
	all.Registry().MustRegister(m.requests, m.invalid, m.paused, prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "codebeaker_connections", Help: "Open WebSocket connections."},
		func() float64 { return float64(hub.Count()) }))
	for _, part := range []budget.Part{budget.Incoming, budget.Outgoing, budget.Connections, budget.Reading} {
		all.Registry().MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: "codebeaker_budget_bytes", Help: "Bytes taken from a part of the memory budget.", ConstLabels: prometheus.Labels{"part": part.String()}},
			func() float64 { return float64(held.Usage(part).Held) }))
		all.Count("codebeaker_budget_refused_total", "What there was no room for in a part of the memory budget.", "part", part.String(),
			func() int64 { return held.Usage(part).Refused })
	}
	return m
}

// rejected counts what was no request.
func (m *metrics) rejected(e *jsonrpc.Error) {
	m.invalid.WithLabelValues(strconv.Itoa(int(e.Code))).Inc()
}

func (m *metrics) unknownMethod() {
	m.invalid.WithLabelValues(strconv.Itoa(int(jsonrpc.MethodNotFound))).Inc()
}

// counters count the requests of one method.
type counters struct {
	ok     prometheus.Counter
	failed *prometheus.CounterVec
}

func (m *metrics) countersOf(method string) counters {
	return counters{
		ok:     m.requests.WithLabelValues(method, "0"),
		failed: m.requests.MustCurryWith(prometheus.Labels{"method": method}),
	}
}

func (c *counters) count(e *jsonrpc.Error) {
	if e == nil {
		c.ok.Inc()
		return
	}
	c.failed.WithLabelValues(strconv.Itoa(int(e.Code))).Inc()
}
