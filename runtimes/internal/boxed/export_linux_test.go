package boxed

import (
	"slices"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// AgentThreads is what RLIMIT_NPROC leaves to the agent.
const AgentThreads = agentThreads

// Require makes every box need one more layer until the end of the test.
func Require(t testing.TB, layer runtimes.Layer) {
	before := required
	required = append(slices.Clone(required), layer)
	t.Cleanup(func() { required = before })
}
