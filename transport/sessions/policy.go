package sessions

import (
	"fmt"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
)

// Maxima of a Policy that says nothing else, and of an operator who does not.
const (
	DefaultMaxIdleTimeout = 24 * time.Hour
	DefaultMaxLifetime    = 7 * 24 * time.Hour
	DefaultMaxProcesses   = 4096
	DefaultMaxDiskMB      = 16 << 10
)

// Policy is what an operator allows. A request above a maximum is refused,
// never changed. Zero members have the defaults stated.
type Policy struct {
	MaxIdleTimeout time.Duration // zero: DefaultMaxIdleTimeout
	MaxLifetime    time.Duration // zero: DefaultMaxLifetime
	MaxMemoryMB    int64         // zero: 16384
	MaxCPUs        float64       // zero: 32
	MaxProcesses   int64         // zero: DefaultMaxProcesses
	MaxDiskMB      int64         // zero: DefaultMaxDiskMB
	MaxTimeout     time.Duration // of one command; zero: 24 h
	// MaxOutputBytes is the largest limits.outputBytes of a command. Zero: 1 GiB.
	MaxOutputBytes int64
	// MaxFileBytes bounds the content of one write_file. Zero: 12 MiB, which in
	// base64 is what a message of 16 MiB holds.
	MaxFileBytes int64
	// MaxStdinBytes bounds stdin of one command. Zero: 8 MiB.
	MaxStdinBytes int64
	// DenyInternet refuses network "internet".
	DenyInternet bool
	// Images are those that dockerImage may name. Zero: none.
	Images runtimes.Images
}

// WithDefaults returns p with its zeros replaced.
func (p Policy) WithDefaults() Policy {
	setDefault(&p.MaxIdleTimeout, DefaultMaxIdleTimeout)
	setDefault(&p.MaxLifetime, DefaultMaxLifetime)
	setDefault(&p.MaxMemoryMB, 16<<10)
	setDefault(&p.MaxCPUs, 32)
	setDefault(&p.MaxProcesses, DefaultMaxProcesses)
	setDefault(&p.MaxDiskMB, DefaultMaxDiskMB)
	setDefault(&p.MaxTimeout, 24*time.Hour)
	setDefault(&p.MaxOutputBytes, 1<<30)
	setDefault(&p.MaxFileBytes, 12<<20)
	setDefault(&p.MaxStdinBytes, 8<<20)
	return p
}

func setDefault[T int64 | float64 | time.Duration](v *T, zero T) {
	if *v == 0 {
		*v = zero
	}
}

// Check says which member cannot be, for the server refuses to start with it.
func (p Policy) Check() error {
	for name, v := range map[string]float64{
		"MaxIdleTimeout": float64(p.MaxIdleTimeout), "MaxLifetime": float64(p.MaxLifetime),
		"MaxMemoryMB": float64(p.MaxMemoryMB), "MaxCPUs": p.MaxCPUs, "MaxProcesses": float64(p.MaxProcesses),
		"MaxDiskMB": float64(p.MaxDiskMB), "MaxTimeout": float64(p.MaxTimeout),
		"MaxOutputBytes": float64(p.MaxOutputBytes), "MaxFileBytes": float64(p.MaxFileBytes),
		"MaxStdinBytes": float64(p.MaxStdinBytes),
	} {
		if v < 0 {
			return fmt.Errorf("policy: %s is negative", name)
		}
	}
	return nil
}

// Bounds of what a request may hold, whatever the operator allows. Linux takes
// arguments of 128 KiB each (MAX_ARG_STRLEN) and some MiB together (execve(2)).
const (
	MaxArgs          = 10_000
	MaxArgumentBytes = 128<<10 - 1
	MaxListEntries   = 100_000 // of one listing
	MaxCodeBytes     = 8 << 20 // of one cell
	MaxPage          = 1000    // sessions of one page

	maxIDBytes      = 256
	maxPathBytes    = 4096
	maxVectorBytes  = 1 << 20 // args, and env, each together
	maxEnv          = 1000
	maxEnvNameBytes = 256
	maxLabels       = 64
	maxLabelBytes   = 256 // name, and value
	maxTokenBytes   = 256
	maxImageBytes   = 512
	maxPatternBytes = 1024
	maxTerminalSize = 1000
	minMemoryMB     = 16
	minCPUs         = 0.01
)

// What a request has that says nothing else, as far as the policy allows it.
const (
	DefaultIdleTimeout       = 30 * time.Minute
	DefaultLifetime          = 2 * time.Hour
	DefaultMemoryMB    int64 = actors.OrdinaryMemoryBytes >> 20
	DefaultCPUs              = 1.0
	DefaultProcesses   int64 = 128
	DefaultDiskMB      int64 = 1024
	DefaultTimeout           = time.Minute
	DefaultPage              = 100
	DefaultColumns           = 80
	DefaultRows              = 24
)
