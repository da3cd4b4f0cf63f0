package transport

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
)

// PoolFilled is actors.Observer's.
func (m *Metrics) PoolFilled(runtime runtimes.Type, language runtimes.Language, took time.Duration, err error) {
	if err == nil {
		m.filled.WithLabelValues(runtime.String(), language.String()).Observe(took.Seconds())
	}
}

// poolCollector tells of the pools what they know at each scrape.
type poolCollector struct{ pools func() []actors.PoolInfo }

var (
	poolLabels     = []string{"runtime", "language", "image"}
	poolWarm       = prometheus.NewDesc("codebeaker_pool_warm", "Environments that are ready for a session.", poolLabels, nil)
	poolTarget     = prometheus.NewDesc("codebeaker_pool_target", "Environments that are to be ready.", poolLabels, nil)
	poolMemory     = prometheus.NewDesc("codebeaker_pool_memory_bytes", "Memory that ready environments occupy.", poolLabels, nil)
	poolHits       = prometheus.NewDesc("codebeaker_pool_hits_total", "Sessions that were given a ready environment.", poolLabels, nil)
	poolMisses     = prometheus.NewDesc("codebeaker_pool_misses_total", "Sessions that were not, by why.", append(poolLabels, "why"), nil)
	poolDiscards   = prometheus.NewDesc("codebeaker_pool_discarded_total", "Ready environments that were given up, by why.", append(poolLabels, "why"), nil)
	poolCollectors = []*prometheus.Desc{poolWarm, poolTarget, poolMemory, poolHits, poolMisses, poolDiscards}
)

// Describe is prometheus.Collector's.
func (*poolCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range poolCollectors {
		to <- d
	}
}

// Collect is prometheus.Collector's.
func (c *poolCollector) Collect(to chan<- prometheus.Metric) {
	for _, p := range c.pools() {
		labels := []string{p.Runtime.String(), p.Language.String(), p.Image}
		tell := func(d *prometheus.Desc, kind prometheus.ValueType, value int64, more ...string) {
			to <- prometheus.MustNewConstMetric(d, kind, float64(value), append(labels[:len(labels):len(labels)], more...)...)
		}
		tell(poolWarm, prometheus.GaugeValue, int64(p.Warm))
		tell(poolTarget, prometheus.GaugeValue, int64(p.Target))
		tell(poolMemory, prometheus.GaugeValue, p.MemoryBytes)
		tell(poolHits, prometheus.CounterValue, p.Hits)
		for why, n := range p.Misses {
			tell(poolMisses, prometheus.CounterValue, n, why)
		}
		for why, n := range p.Discarded {
			tell(poolDiscards, prometheus.CounterValue, n, why)
		}
	}
}
