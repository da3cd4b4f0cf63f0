package docker

import "github.com/codebeaker/codebeaker/runtimes"

// oomCounter reads how many processes of a container the kernel has killed for
// want of memory. nil where it cannot be read.
type oomCounter func() (kills int64, known bool)

// oomWitness tells a program that was killed for want of memory from one that
// was killed for another reason. It is for a server that may read the
// container's cgroup but make none: where there is one for each execution, the
// link knows better.
type oomWitness struct {
	runtimes.Sink
	count  oomCounter
	before int64
}

// witnessed wraps the sink where the counter can be read.
func witnessed(sink runtimes.Sink, count oomCounter) runtimes.Sink {
	if count == nil {
		return sink
	}
	before, known := count()
	if !known {
		return sink
	}
	return &oomWitness{sink, count, before}
}

// Exited corrects the status of a program that the kernel killed. One that was
// not itself killed, but lost a child, exits with a code.
func (w *oomWitness) Exited(exit runtimes.Exit) {
	killed := exit.Status == runtimes.Signalled && exit.Signal == runtimes.SIGKILL.String()
	if killed || exit.Status == runtimes.NonZeroExit {
		if kills, known := w.count(); known && kills > w.before {
			exit.Status = runtimes.MemoryLimitExceeded
		}
	}
	w.Sink.Exited(exit)
}
