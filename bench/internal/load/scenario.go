// Package load drives a server as many clients at once do.
//
// In the open model calls arrive at a rate, whether the server keeps up or not,
// and the latency of each counts from when it was meant to start: a server that
// stalls is charged for every call that should have been made meanwhile, which
// a loop of calls would leave out (coordinated omission). In the closed model a
// number of workers call again as soon as they have their answer. Latencies go
// into HDR histograms of three digits; those of failed calls do not: a quick
// refusal is no quick answer. Failed calls are counted by code.
package load

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"go.yaml.in/yaml/v3"
)

// Scenario is a load test. Its file is YAML or JSON; a key that is none of
// these is an error. docs/benchmarks.md describes them.
type Scenario struct {
	Name string `yaml:"name"`
	// Language, RuntimeType and MemoryLimitMB are those of the sessions.
	Language      string `yaml:"language"`
	RuntimeType   string `yaml:"runtimeType"`
	MemoryLimitMB int64  `yaml:"memoryLimitMB"`

	Connections int `yaml:"connections"` // that make calls
	Sessions    int `yaml:"sessions"`    // of each of them
	Idle        int `yaml:"idle"`        // connections that are only held open

	Model string `yaml:"model"` // open or closed
	// Rate is how many calls arrive in a second in the open model, Workers how
	// many call at once in the closed one. Stages replace them.
	Rate    float64 `yaml:"rate"`
	Workers int     `yaml:"workers"`
	// Poisson makes arrivals independent of each other instead of evenly spaced.
	Poisson bool `yaml:"poisson"`
	// Think is the pause of a worker between two calls.
	Think Duration `yaml:"think"`

	Duration Duration `yaml:"duration"`
	Stages   []Stage  `yaml:"stages"`

	// MaxInFlight bounds the calls without an answer; an arrival beyond it is
	// not started and counts as failed.
	MaxInFlight int `yaml:"maxInFlight"`
	// Timeout bounds each call.
	Timeout Duration `yaml:"timeout"`

	// Prepare are commands that each session runs once before the load.
	Prepare []map[string]any `yaml:"prepare"`
	Calls   []Call           `yaml:"calls"`
}

// Stage changes the rate or the number of workers evenly to a target.
type Stage struct {
	For    Duration `yaml:"for"`
	Target float64  `yaml:"target"`
}

// Call is one kind of call.
type Call struct {
	Name   string `yaml:"name"`
	Weight int    `yaml:"weight"`
	// Command is run by session.execute. Otherwise Method is called with Params,
	// to which sessionId is added.
	Command map[string]any `yaml:"command"`
	Method  string         `yaml:"method"`
	Params  map[string]any `yaml:"params"`
	// Stdout and Content are what the result must have; nil is not verified.
	Stdout  *string `yaml:"stdout"`
	Content *string `yaml:"content"`
}

// Duration is written as Go writes one: 1m30s, 200ms.
type Duration time.Duration

// UnmarshalYAML is yaml.Unmarshaler's.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	parsed, err := time.ParseDuration(node.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is not a duration such as 30s", node.Line, node.Value)
	}
	*d = Duration(parsed)
	return nil
}

// ReadFile reads a scenario. What it leaves out is that of Default.
func ReadFile(path string) (Scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Scenario{}, err
	}
	s, err := Parse(text)
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Parse reads a scenario; JSON is YAML too.
func Parse(text []byte) (Scenario, error) {
	var own Scenario // what the text itself says
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&own); err != nil {
		return own, err
	}
	s := Default()
	if own.Calls != nil || own.Prepare != nil { // they belong together
		s.Calls, s.Prepare = nil, nil
	}
	if err := yaml.Unmarshal(text, &s); err != nil {
		return s, err
	}
	return s, s.Check()
}

// errScenario begins what Check says.
var errScenario = errors.New("scenario")

// Check names what cannot be.
func (s *Scenario) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", errScenario, fmt.Sprintf(format, args...))
	}
	switch {
	case s.Model != "open" && s.Model != "closed":
		return bad("model is %q: it must be open or closed", s.Model)
	case s.Connections < 0 || s.Sessions < 0 || s.Idle < 0:
		return bad("connections, sessions and idle must not be negative")
	case s.Connections == 0 && s.Idle == 0:
		return bad("there are no connections")
	case s.Connections > 0 && s.Sessions == 0 && s.needsSession():
		return bad("sessions is 0 and a call needs one")
	case s.Duration <= 0 && len(s.Stages) == 0:
		return bad("duration must be more than zero, or there must be stages")
	case s.Connections > 0 && len(s.Calls) == 0:
		return bad("there are no calls")
	case s.MaxInFlight <= 0 || s.Timeout <= 0:
		return bad("maxInFlight and timeout must be more than zero")
	case s.Rate < 0 || s.Workers < 0 || s.Think < 0:
		return bad("rate, workers and think must not be negative")
	}
	if s.Connections > 0 && s.idles() {
		return bad("%s", s.nothing())
	}
	for i, st := range s.Stages {
		if st.For <= 0 || st.Target < 0 {
			return bad("stages[%d]: for must be more than zero and target not negative", i)
		}
	}
	for i, c := range s.Calls {
		switch {
		case c.Weight <= 0:
			return bad("calls[%d] (%s): weight must be more than zero", i, c.Name)
		case (c.Command == nil) == (c.Method == ""):
			return bad("calls[%d] (%s): it must have either command or method", i, c.Name)
		}
	}
	return nil
}

// idles reports whether the plan makes no call; half a worker is none.
func (s *Scenario) idles() bool {
	most := planOf(s).most()
	return most == 0 || (s.Model == "closed" && most < 1)
}

// nothing says why no call would be made.
func (s *Scenario) nothing() string {
	switch {
	case len(s.Stages) > 0:
		return "no target of stages makes a call: a rate must be more than 0, workers at least 1"
	case s.Model == "closed":
		return "workers is 0 in the closed model: no call would be made"
	}
	return "rate is 0 in the open model: no call would be made"
}

// needsSession reports whether some call is about a session.
func (s *Scenario) needsSession() bool {
	for _, c := range s.Calls {
		if c.needsSession() {
			return true
		}
	}
	return false
}

// text is what the default scenario writes, reads and prints.
const text = "hello"

// Default is the scenario of `bench load` without a file: every kind of call
// that costs little, on sessions that a small machine can hold.
func Default() Scenario {
	greeting, content := text+"\n", text
	return Scenario{
		Name: "mixed", Language: "javascript", MemoryLimitMB: 128,
		Connections: 10, Sessions: 2, Model: "open", Rate: 50, Workers: 10,
		Duration: Duration(15 * time.Second), MaxInFlight: 10_000, Timeout: Duration(30 * time.Second),
		Prepare: []map[string]any{{"type": "write_file", "path": "load.txt", "content": text}},
		Calls: []Call{
			{Name: "execute_shell", Weight: 5, Stdout: &greeting,
				Command: map[string]any{"type": "execute_shell", "commandName": "echo", "args": []string{text}}},
			{Name: "write_file", Weight: 2, Command: map[string]any{"type": "write_file", "path": "load.txt", "content": text}},
			{Name: "read_file", Weight: 2, Content: &content, Command: map[string]any{"type": "read_file", "path": "load.txt"}},
			{Name: "session.get", Weight: 1, Method: "session.get"},
		},
	}
}
