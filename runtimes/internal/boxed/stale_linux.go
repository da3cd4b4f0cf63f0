package boxed

import (
	"context"

	"github.com/codebeaker/codebeaker/runtimes"
)

var _ runtimes.StaleChecker = (*Runtime)(nil)

// Stale reports whether a tool was installed, replaced or removed since the box was
// made. It implements runtimes.StaleChecker.
func (r *Runtime) Stale(_ context.Context, env runtimes.Environment) bool {
	e, ok := env.(*Environment)
	return ok && e.mark != r.fingerprint(&Host{Options: &r.options})
}
