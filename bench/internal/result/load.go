package result

// LoadResult is what a load test found. Times are milliseconds unless they say
// otherwise. A latency counts from the intended start in the open model, and
// from the call in the closed one.
type LoadResult struct {
	Scenario    string `json:"scenario"`
	Model       string `json:"model"` // open or closed
	Connections int    `json:"connections"`
	Sessions    int    `json:"sessions"` // in all
	Idle        int    `json:"idle"`     // connections that were only held open

	Seconds  float64 `json:"seconds"` // of load, set-up not included
	Intended int64   `json:"intended"`
	Started  int64   `json:"started"`
	Done     int64   `json:"done"`
	// Dropped arrivals found MaxInFlight calls unanswered; they count as failed.
	Dropped      int64            `json:"dropped"`
	Errors       map[string]int64 `json:"errors"` // by code or kind
	WrongOutputs int64            `json:"wrongOutputs"`

	Setup Phase        `json:"setup"` // making connections and sessions
	All   Latency      `json:"all"`
	Calls []CallResult `json:"calls"`
	Lines []Second     `json:"timeline"`
}

// Phase is how long a preparation took.
type Phase struct {
	Seconds float64 `json:"seconds"`
	// Resident memory of the server before and after, zero when unknown.
	MemoryBeforeMB float64 `json:"memoryBeforeMB"`
	MemoryAfterMB  float64 `json:"memoryAfterMB"`
	Connect        Latency `json:"connect"`
	CreateSession  Latency `json:"createSession"`
}

// CallResult is the outcome of one kind of call.
type CallResult struct {
	Name    string  `json:"name"`
	Weight  int     `json:"weight"`
	Done    int64   `json:"done"`
	Failed  int64   `json:"failed"`
	Latency Latency `json:"latency"`
}

// Latency summarises an HDR histogram (three significant digits); a nil
// percentile had too few samples.
type Latency struct {
	N      int64    `json:"n"`
	Mean   float64  `json:"mean"`
	StdDev float64  `json:"stdDev"`
	Min    float64  `json:"min"`
	Median *float64 `json:"median"`
	P90    *float64 `json:"p90"`
	P95    *float64 `json:"p95"`
	P99    *float64 `json:"p99"`
	P999   *float64 `json:"p999"`
	Max    float64  `json:"max"`
	// Buckets are the histogram itself, empty ones left out.
	Buckets []Bucket `json:"buckets,omitempty"`
}

// Bucket counts the samples between two values of the histogram.
type Bucket struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Count int64   `json:"count"`
}

// Second is one line of the live view.
type Second struct {
	At           float64  `json:"at"`     // seconds since the load began
	Target       float64  `json:"target"` // rate or workers aimed at
	Rate         float64  `json:"rate"`   // calls done in it
	Failed       int64    `json:"failed"`
	InFlight     int64    `json:"inFlight"`
	Median       *float64 `json:"median"`
	P90          *float64 `json:"p90"`
	P99          *float64 `json:"p99"`
	Max          float64  `json:"max"`
	ServerMemory float64  `json:"serverMemoryMB"` // resident, zero when unknown
}

// Failed is the number of calls that failed or could not be started.
func (l *LoadResult) Failed() int64 {
	n := l.Dropped
	for _, count := range l.Errors {
		n += count
	}
	return n
}
