package actors

import (
	"fmt"
	"strconv"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// clockSlack is by how much the time of a process may seem shorter than that of
// its command.
const clockSlack = 100 * time.Millisecond

// describe says in a sentence why a program did not complete.
func describe(exit *runtimes.Exit, timeout time.Duration) string {
	switch exit.Status {
	case runtimes.NonZeroExit:
		if exit.Code != nil {
			return "the program exited with code " + strconv.Itoa(*exit.Code)
		}
	case runtimes.Signalled:
		return "the program was ended by " + exit.Signal
	case runtimes.TimeLimitExceeded:
		if exit.Message == "" && timeout > 0 && exit.Usage.Wall+clockSlack < timeout {
			return "the program was stopped at its limit of processor time"
		}
		if exit.Message == "" && timeout > 0 {
			return fmt.Sprintf("the program was stopped at its time limit of %v", timeout)
		}
	case runtimes.Cancelled:
		return "the execution was cancelled"
	}
	if exit.Message != "" {
		return exit.Message
	}
	return defaultSentences[exit.Status]
}

var defaultSentences = map[runtimes.Status]string{
	runtimes.NonZeroExit:         "the program failed; its exit code is not known",
	runtimes.TimeLimitExceeded:   "the program was stopped at its time limit",
	runtimes.MemoryLimitExceeded: "the program was stopped at its memory limit",
	runtimes.OutputLimitExceeded: "the program was stopped at its output limit",
	runtimes.EnvironmentLost:     "the environment was lost while the program ran",
	runtimes.CouldNotStart:       "the program could not be started",
}
