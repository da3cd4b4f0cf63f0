// Package sizes tells programs how large they may grow. Control groups and
// resource limits bound them whether they know it or not; but a program that
// takes the machine's memory for its own collects its garbage too late, and is
// ended for it.
package sizes

import (
	"fmt"
	"slices"
	"strings"
)

const mib = 1 << 20

// Environment adds the variables by which runtimes learn a session's memory, in
// bytes, and how many processors it sees; zero is unknown. A variable that is
// in env already stays as it is.
//
// They hold where no control group can be seen: in a box, and below an engine
// whose programs have no groups of their own. What reads its control group or
// its affinity mask needs none.
func Environment(env []string, memory int64, processors int) []string {
	var more []string
	if memory > 0 {
		heap := Heap(memory) / mib
		more = append(more,
			fmt.Sprintf("NODE_OPTIONS=--max-old-space-size=%d", heap),
			fmt.Sprintf("DENO_V8_FLAGS=--max-old-space-size=%d", heap),
			fmt.Sprintf("BUN_JSC_forceRAMSize=%d", memory),
			fmt.Sprintf("GOMEMLIMIT=%d", memory-memory/10),
		)
	}
	if processors > 0 {
		more = append(more, fmt.Sprintf("PYTHON_CPU_COUNT=%d", processors)) // since 3.13
	}
	for _, entry := range more {
		name, _, _ := strings.Cut(entry, "=")
		if !slices.ContainsFunc(env, func(have string) bool { return strings.HasPrefix(have, name+"=") }) {
			env = append(env, entry)
		}
	}
	return env
}

// Heap is how much of a session's memory V8 may fill with old objects. Besides
// it needs some 100 MB: its code, its young objects, buffers.
func Heap(memory int64) int64 {
	return max(memory/2, min(memory/4*3, memory-128*mib))
}
