package transport

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// Metrics are the instruments of one server, in a registry of its own. It is
// the actors.Observer that counts. Its methods are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	sessions     *prometheus.GaugeVec
	ended        *prometheus.CounterVec
	created      *prometheus.HistogramVec
	createFailed *prometheus.CounterVec
	filled       *prometheus.HistogramVec
	executions   *prometheus.CounterVec
	latency      *prometheus.HistogramVec
	queued       prometheus.Gauge
	refusedKeys  prometheus.Counter

	queue atomic.Int64
}

var _ actors.Observer = (*Metrics)(nil)

// Buckets in seconds: environments take from milliseconds (a box) to seconds (a
// container from cold), commands from microseconds to minutes.
var (
	createBuckets  = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	commandBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
)

// NewMetrics makes instruments at zero.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.sessions = newVec(m, prometheus.NewGaugeVec, prometheus.GaugeOpts{Name: "codebeaker_sessions", Help: "Sessions by runtime."}, "runtime")
	m.ended = newVec(m, prometheus.NewCounterVec, prometheus.CounterOpts{Name: "codebeaker_sessions_ended_total", Help: "Sessions that ended, by reason."}, "runtime", "reason")
	m.created = newVec(m, prometheus.NewHistogramVec, prometheus.HistogramOpts{Name: "codebeaker_environment_creation_seconds", Help: "Time to make an environment.", Buckets: createBuckets}, "runtime")
	m.createFailed = newVec(m, prometheus.NewCounterVec, prometheus.CounterOpts{Name: "codebeaker_environment_creation_failures_total", Help: "Environments that could not be made."}, "runtime")
	m.filled = newVec(m, prometheus.NewHistogramVec, prometheus.HistogramOpts{Name: "codebeaker_pool_fill_seconds", Help: "Time to make an environment ready for a pool.", Buckets: createBuckets}, "runtime", "language")
	m.executions = newVec(m, prometheus.NewCounterVec, prometheus.CounterOpts{Name: "codebeaker_executions_total", Help: "Commands by runtime, type and status."}, "runtime", "command", "status")
	m.latency = newVec(m, prometheus.NewHistogramVec, prometheus.HistogramOpts{Name: "codebeaker_command_seconds", Help: "Time of a command from its start to its end.", Buckets: commandBuckets}, "runtime", "command")
	m.queued = prometheus.NewGauge(prometheus.GaugeOpts{Name: "codebeaker_queued_commands", Help: "Commands that wait for their turn."})
	m.refusedKeys = prometheus.NewCounter(prometheus.CounterOpts{Name: "codebeaker_refused_keys_total", Help: "Requests with a wrong or missing key."})
	m.registry.MustRegister(m.queued, m.refusedKeys,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// newVec makes and registers an instrument with labels.
func newVec[V prometheus.Collector, O any](m *Metrics, of func(O, []string) V, o O, labels ...string) V {
	v := of(o, labels)
	m.registry.MustRegister(v)
	return v
}

// Registry lets others add instruments.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Count adds a counter that somebody else keeps; read is called at each scrape.
// Counters of one name differ in the value of their label.
func (m *Metrics) Count(name, help, label, value string, read func() int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Name: name, Help: help, ConstLabels: prometheus.Labels{label: value}},
		func() float64 { return float64(read()) }))
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// watch adds what is read from the sessions at each scrape.
func (m *Metrics) watch(s *sessions.Local) {
	m.registry.MustRegister(
		&poolCollector{s.Pools},
		prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: "codebeaker_output_memory_bytes", Help: "Output and results kept, with what keeping them costs."},
			func() float64 { return float64(s.OutputMemory().Kept) }),
		prometheus.NewCounterFunc(
			prometheus.CounterOpts{Name: "codebeaker_output_memory_dropped_bytes_total", Help: "Bytes of output dropped because the memory for output was short."},
			func() float64 { return float64(s.OutputMemory().Dropped) }),
		prometheus.NewCounterFunc(
			prometheus.CounterOpts{Name: "codebeaker_executions_forgotten_total", Help: "Executions forgotten early because the memory for output was short."},
			func() float64 { return float64(s.OutputMemory().Forgotten) }))
}

// SessionOpened is actors.Observer's.
func (m *Metrics) SessionOpened(runtime runtimes.Type) {
	m.sessions.WithLabelValues(runtime.String()).Inc()
}

// SessionEnded is actors.Observer's.
func (m *Metrics) SessionEnded(runtime runtimes.Type, reason string) {
	m.sessions.WithLabelValues(runtime.String()).Dec()
	m.ended.WithLabelValues(runtime.String(), reason).Inc()
}

// EnvironmentCreated is actors.Observer's.
func (m *Metrics) EnvironmentCreated(runtime runtimes.Type, took time.Duration, err error) {
	if err != nil {
		m.createFailed.WithLabelValues(runtime.String()).Inc()
		return
	}
	m.created.WithLabelValues(runtime.String()).Observe(took.Seconds())
}

// CommandDone is actors.Observer's.
func (m *Metrics) CommandDone(runtime runtimes.Type, command, status string, took time.Duration) {
	m.executions.WithLabelValues(runtime.String(), command, status).Inc()
	m.latency.WithLabelValues(runtime.String(), command).Observe(took.Seconds())
}

// Queued is actors.Observer's.
func (m *Metrics) Queued(delta int) { m.queued.Set(float64(m.queue.Add(int64(delta)))) }
