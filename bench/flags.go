package main

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/report"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// common are the flags of both commands.
type common struct {
	target    string
	key       string
	outputs   list
	seed      uint64
	compare   string
	tolerance float64
	quiet     bool
}

func (c *common) declare(flags *flag.FlagSet) {
	flags.StringVar(&c.target, "target", "", "measure the server at this `address`, such as ws://127.0.0.1:5039/ws/jsonrpc; without it one is started in process")
	flags.StringVar(&c.key, "key", "", "API `key` of the target (or CODEBEAKER_KEY)")
	flags.Var(&c.outputs, "o", "write a report to this `file`: .html, .md, .json or .txt (Go benchmark format); may be given several times")
	flags.Uint64Var(&c.seed, "seed", 0, "seed of the order; 0 picks one, which the report names")
	flags.StringVar(&c.compare, "compare", "", "compare with an older report in JSON and exit with 3 on a regression")
	flags.Float64Var(&c.tolerance, "tolerance", 10, "how many `percent` slower is no regression")
	flags.BoolVar(&c.quiet, "quiet", false, "print no table")
}

// check finds what the flags cannot mean.
func (c *common) check() error {
	for _, path := range c.outputs {
		if err := report.CheckPath(path); err != nil {
			return fmt.Errorf("%w: -o: %w", errUsage, err)
		}
	}
	if c.tolerance < 0 {
		return fmt.Errorf("%w: -tolerance must not be negative", errUsage)
	}
	if c.seed == 0 {
		c.seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	return nil
}

// measureFlags are those of the measuring.
type measureFlags struct {
	common
	quick     bool
	runtimes  list
	scenarios list
	count     int
	budget    time.Duration
	peers     list
	language  string
	files     []string // reports to compare, instead of a run
}

// The time that a run may take until its end begins, so that the whole is under
// three minutes, and a quick one under half a minute.
const (
	fullBudget  = 160 * time.Second
	quickBudget = 24 * time.Second
)

// left is what the start has left of the budget for measuring, at least half.
func (f *measureFlags) left(started time.Duration) time.Duration {
	return max(f.budget-started, f.budget/2)
}

func parseMeasure(a *app, args []string) (*measureFlags, error) {
	f := &measureFlags{}
	flags := newFlags(a, "bench", "Measures every runtime that is here, beside bare tools and the docker command.\n"+
		"`bench load` drives load; `bench -compare old.json new.json` compares two reports.")
	f.declare(flags)
	flags.BoolVar(&f.quick, "quick", false, "take few samples, in less than half a minute")
	flags.Var(&f.runtimes, "runtime", "measure only these `runtimes`, separated by commas")
	flags.Var(&f.scenarios, "scenario", "measure only these `scenarios`, separated by commas: "+strings.Join(scenarioNames(), ", "))
	flags.IntVar(&f.count, "count", 0, "samples of each; 0 means 200 of what is cheap, 30 of what is dear, 10 of languages that compile")
	flags.DurationVar(&f.budget, "budget", 0, "time for starting and measuring; what does not fit is left out alike for all (0 means 160s, 24s with -quick)")
	flags.Var(&f.peers, "peer", "compare with another `engine`: docker:IMAGE, or the address of an HTTP /run interface as go-judge has it")
	flags.StringVar(&f.language, "language", "javascript", "`language` of the programs of -peer")
	if err := flags.Parse(args); err != nil {
		return nil, usage(err)
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	f.files = flags.Args()
	if f.budget == 0 {
		f.budget = fullBudget
		if f.quick {
			f.budget = quickBudget
		}
	}
	return f, f.checkMeasure()
}

// checkMeasure finds what the flags of the measuring cannot mean.
func (f *measureFlags) checkMeasure() error {
	switch {
	case len(f.files) > 1 || (len(f.files) == 1 && f.compare == ""):
		return fmt.Errorf("%w: what is %q? (bench -h)", errUsage, f.files[0])
	case f.count < 0:
		return fmt.Errorf("%w: -count must not be negative", errUsage)
	case f.budget < 0:
		return fmt.Errorf("%w: -budget must not be negative", errUsage)
	}
	for _, name := range f.scenarios {
		if !slices.Contains(scenarioNames(), name) {
			return fmt.Errorf("%w: there is no scenario %q; there are %s", errUsage, name, strings.Join(scenarioNames(), ", "))
		}
	}
	_, err := f.engines()
	return err
}

// effort says how often things are repeated.
func (f *measureFlags) effort() workload.Effort {
	e := workload.Effort{Cheap: 200, Dear: 30, Slow: 10, CheapWarmup: 5, DearWarmup: 1}
	if f.quick {
		e = workload.Effort{Cheap: 20, Dear: 3, Slow: 3, CheapWarmup: 2, DearWarmup: 0}
	}
	if f.count > 0 {
		e.Cheap, e.Dear, e.Slow = f.count, f.count, f.count
	}
	return e
}

// wanted reports whether a scenario is to be measured.
func (f *measureFlags) wanted(scenario string) bool {
	return len(f.scenarios) == 0 || slices.Contains(f.scenarios, scenario)
}

func scenarioNames() (names []string) {
	for _, s := range workload.Scenarios() {
		names = append(names, s.Name)
	}
	return names
}

func newFlags(a *app, name, about string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(a.stderr)
	flags.Usage = func() {
		fmt.Fprintf(a.stderr, "usage: go run ./%s [flags]\n\n%s\n\n", strings.ReplaceAll(name, "bench-", "bench "), about)
		flags.PrintDefaults()
	}
	return flags
}

// usage marks an error of the command line; asking for help is none.
func usage(err error) error {
	if err == flag.ErrHelp {
		return err
	}
	return fmt.Errorf("%w: %w", errUsage, err)
}

// list is a flag of names separated by commas that may be given several times.
type list []string

// String is flag.Value's.
func (l *list) String() string { return strings.Join(*l, ",") }

// Set is flag.Value's.
func (l *list) Set(value string) error {
	for _, name := range strings.Split(value, ",") {
		if name = strings.TrimSpace(name); name != "" {
			*l = append(*l, name)
		}
	}
	return nil
}
