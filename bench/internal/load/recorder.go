package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/codebeaker/codebeaker/bench/internal/result"
)

// The range of the histograms, microseconds, and their digits.
const (
	lowest  = 1
	highest = int64(10 * time.Minute / time.Microsecond)
	digits  = 3
)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(lowest, highest, digits) }

// shards is how many histograms of a window there are, so that callers seldom
// wait for each other.
const shards = 8

// recorder collects the outcomes of calls. Its methods but roll are safe for
// use by several goroutines.
type recorder struct {
	windows [shards]struct {
		sync.Mutex
		byCall []*hdrhistogram.Histogram
	}
	next atomic.Uint32

	totals []*hdrhistogram.Histogram // by call; of roll alone

	started, done, dropped, inFlight, wrong atomic.Int64

	mu     sync.Mutex
	failed []int64 // by call
	errors map[string]int64
}

func newRecorder(calls int) *recorder {
	r := &recorder{failed: make([]int64, calls), errors: map[string]int64{}}
	for i := range r.windows {
		for range calls {
			r.windows[i].byCall = append(r.windows[i].byCall, newHistogram())
		}
	}
	for range calls {
		r.totals = append(r.totals, newHistogram())
	}
	return r
}

// ended takes the outcome of a call.
func (r *recorder) ended(call int, took time.Duration, err error) {
	if err != nil {
		name, wrong := kind(err)
		if wrong {
			r.wrong.Add(1)
		}
		r.mu.Lock()
		r.failed[call]++
		r.countLocked(name)
		r.mu.Unlock()
		return
	}
	r.done.Add(1)
	w := &r.windows[r.next.Add(1)%shards]
	w.Lock()
	defer w.Unlock()
	_ = w.byCall[call].RecordValue(min(max(took.Microseconds(), lowest), highest)) // it is in range
}

// mostKinds bounds the names under which failures are counted: a server may
// give each a text of its own.
const mostKinds = 50

// countLocked counts a failure, one of a new name as other once there are
// mostKinds.
func (r *recorder) countLocked(name string) {
	if _, known := r.errors[name]; !known && len(r.errors) >= mostKinds {
		name = other
	}
	r.errors[name]++
}

// failures is how many calls failed.
func (r *recorder) failures() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.dropped.Load()
	for _, f := range r.failed {
		n += f
	}
	return n
}

// roll ends a window: its histogram of all calls is returned, and each is
// added to the total of its call.
func (r *recorder) roll() *hdrhistogram.Histogram {
	all := newHistogram()
	for i := range r.windows {
		w := &r.windows[i]
		w.Lock()
		for call, h := range w.byCall {
			if h.TotalCount() > 0 {
				r.totals[call].Merge(h)
				all.Merge(h)
				h.Reset()
			}
		}
		w.Unlock()
	}
	return all
}

// waiting reports whether the window holds something.
func (r *recorder) waiting() bool {
	for i := range r.windows {
		w := &r.windows[i]
		w.Lock()
		for _, h := range w.byCall {
			if h.TotalCount() > 0 {
				w.Unlock()
				return true
			}
		}
		w.Unlock()
	}
	return false
}

// latencyOf shows a histogram in milliseconds; percentiles that would come from
// too few samples are nil.
func latencyOf(h *hdrhistogram.Histogram, buckets bool) result.Latency {
	const ms = 1000
	l := result.Latency{N: h.TotalCount()}
	if l.N == 0 {
		return l
	}
	l.Mean, l.StdDev = h.Mean()/ms, h.StdDev()/ms
	l.Min, l.Max = float64(h.Min())/ms, float64(h.Max())/ms
	for _, p := range []struct {
		percent float64
		to      **float64
	}{{50, &l.Median}, {90, &l.P90}, {95, &l.P95}, {99, &l.P99}, {99.9, &l.P999}} {
		if l.N >= int64(result.Needed(p.percent)) {
			v := float64(h.ValueAtQuantile(p.percent)) / ms
			*p.to = &v
		}
	}
	for _, bar := range h.Distribution() {
		if buckets && bar.Count > 0 {
			l.Buckets = append(l.Buckets, result.Bucket{From: float64(bar.From) / ms, To: float64(bar.To) / ms, Count: bar.Count})
		}
	}
	return l
}

// meter reads the server's metrics.
type meter struct {
	url    string
	key    string
	client *http.Client
}

// newMeter is for the server of a WebSocket address.
func newMeter(address, key string) *meter {
	address = strings.Replace(address, "ws", "http", 1)
	if i := strings.Index(address, "/ws/"); i > 0 {
		address = address[:i]
	}
	return &meter{url: address + "/metrics", key: key, client: &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{}}}
}

func (m *meter) close() { m.client.CloseIdleConnections() }

// megabytes is the resident memory of the server, zero when it does not say.
func (m *meter) megabytes(ctx context.Context) float64 {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url, nil)
	if err != nil {
		return 0
	}
	if m.key != "" {
		request.Header.Set("Authorization", "Bearer "+m.key)
	}
	answer, err := m.client.Do(request)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	bytes, err := gauge(answer.Body, "process_resident_memory_bytes")
	if err != nil {
		return 0
	}
	return bytes / (1 << 20)
}

// gauge finds a value without labels in the text format of Prometheus.
func gauge(text io.Reader, name string) (float64, error) {
	for lines := bufio.NewScanner(text); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("there is no %s", name)
}
