// Package calibration measures what the selector weighs, on this host: how
// long a runtime takes from nothing to its tool's hello, and how much memory
// an idle environment with its idle tool occupies. The results are kept in the
// data directory and measured again when a runtime's version or isolation has
// changed.
package calibration

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"time"

	"github.com/montanaflynn/stats"

	"github.com/codebeaker/codebeaker/runtimes"
)

// samples is how many environments of each runtime are measured.
const samples = 5

// sampleTimeout bounds one measurement.
const sampleTimeout = 30 * time.Second

// recheck is how often Run looks for a runtime that has not been measured.
const recheck = 5 * time.Second

// Calibrator measures the runtimes of a registry and tells it the figures.
type Calibrator struct {
	Registry *runtimes.Registry
	// File keeps the figures; its directory exists.
	File string
	// Busy reports whether the machine is doing something else that would
	// disturb the measurements, which then wait; nil is never.
	Busy   func() bool
	Logger *slog.Logger

	known map[string]record
	tried map[string]bool // keys that could not be measured
	told  map[runtimes.Type]runtimes.Figures
}

// Run measures what is available and has not been measured, now and whenever
// something new becomes available, until ctx ends.
func (c *Calibrator) Run(ctx context.Context) {
	c.known, c.tried = load(c.File), map[string]bool{}
	ticker := time.NewTicker(recheck)
	defer ticker.Stop()
	for {
		c.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// round measures each runtime that lacks figures.
func (c *Calibrator) round(ctx context.Context) {
	if c.Busy != nil && c.Busy() {
		return
	}
	current := map[runtimes.Type]runtimes.Figures{}
	for _, offer := range c.Registry.Offers() {
		t := offer.Runtime.Type()
		if !offer.Availability.Available || t == runtimes.Embedded {
			continue
		}
		name, now := t.String(), key(offer.Availability)
		if c.known[name].Key != now && !c.tried[name+now] {
			c.measure(ctx, offer)
		}
		if found := c.known[name]; found.Key == now {
			current[t] = found.figures()
		}
	}
	if !maps.Equal(current, c.told) {
		c.told = current
		c.Registry.SetMeasured(current)
	}
}

// measure takes the samples of one runtime and keeps their medians.
func (c *Calibrator) measure(ctx context.Context, offer runtimes.Offer) {
	name, now := offer.Runtime.Type().String(), key(offer.Availability)
	found, err := measure(ctx, offer)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		c.tried[name+now] = true
		c.Logger.Warn("runtime not measured; declared figures stay in use", "runtime", name, "error", err)
		return
	}
	found.Key, found.MeasuredAt = now, time.Now().UTC()
	c.known[name] = found
	if err := save(c.File, c.known); err != nil {
		c.Logger.Warn("figures not kept", "error", err)
	}
	c.Logger.Info("runtime measured", "runtime", name, "startupMs", found.StartupMS, "memoryMB", found.MemoryMB)
}

func measure(ctx context.Context, offer runtimes.Offer) (record, error) {
	language, programs, ok := programsFor(offer.Runtime.Type(), offer.Availability.Languages)
	if !ok {
		return record{}, fmt.Errorf("it serves no language")
	}
	var startup, memory stats.Float64Data
	for i := range samples {
		one, cancel := context.WithTimeout(ctx, sampleTimeout)
		s, err := take(one, offer.Runtime, language, programs, i)
		cancel()
		if err != nil {
			return record{}, err
		}
		startup = append(startup, float64(s.startup)/float64(time.Millisecond))
		memory = append(memory, float64(s.memory)/(1<<20))
	}
	r := record{Language: language.String(), Samples: samples}
	var err error
	if r.StartupMS, err = stats.Median(startup); err != nil {
		return record{}, err
	}
	if r.MemoryMB, err = stats.Median(memory); err != nil {
		return record{}, err
	}
	if r.MemoryMB == 0 { // it cannot tell
		r.MemoryMB = float64(runtimes.DeclaredFigures(offer.Runtime.Type()).Memory) / (1 << 20)
	}
	r.StartupMS, r.MemoryMB = math.Round(r.StartupMS*100)/100, math.Round(r.MemoryMB*100)/100
	return r, nil
}

// programs are what a language's tool is measured with.
type programs struct {
	hello runtimes.Command // prints runtimes.Greeting and exits
	idle  runtimes.Command // prints it and stays
}

// programsFor returns the programs of the first language that the runtime
// serves. Runtimes are compared by the same language where they share one:
// JavaScript. Of a language that evaluates no code a shell stands for the tool.
func programsFor(t runtimes.Type, served []runtimes.Language) (runtimes.Language, programs, bool) {
	if len(served) == 0 {
		return 0, programs{}, false
	}
	language := served[0]
	facts := language.Facts()
	hello, idle := language.EvalLine(t, facts.Greet), language.EvalLine(t, facts.Idle)
	if hello == nil {
		hello, idle = []string{"sh", "-c", "echo hello"}, []string{"sh", "-c", "echo hello; exec sleep 600"}
	}
	return language, programs{command(hello), command(idle)}, true
}

func command(line []string) runtimes.Command {
	return runtimes.Command{Name: line[0], Args: line[1:]}
}
