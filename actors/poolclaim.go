package actors

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/codebeaker/codebeaker/runtimes"
)

// claimTimeout is how long an environment waits for the answer of a pool, which
// takes microseconds unless the pool fails.
const claimTimeout = 250 * time.Millisecond

// claim asks for a ready environment. Whoever withdraws it, or is given it, owns
// what is in it: nothing is lost when one of both has ended.
type claim struct {
	quiet
	key     poolKey
	session string
	replyTo *actor.PID
	answer  claimed

	state atomic.Uint32
	ready *pooled // with claimGiven
}

const (
	claimOpen uint32 = iota
	claimGiven
	claimDeclined
	claimWithdrawn
)

// claimed tells that a claim was answered, or will not be.
type claimed struct {
	quiet
	generation int
}

// give gives r to who claims. False: the claim was withdrawn.
func (c *claim) give(r *pooled) bool {
	c.ready = r
	return c.state.CompareAndSwap(claimOpen, claimGiven)
}

// decline says that there is none. False: the claim was withdrawn.
func (c *claim) decline() bool { return c.state.CompareAndSwap(claimOpen, claimDeclined) }

// answered wakes who claims.
func (c *claim) answered(s *System) { s.root.Send(c.replyTo, &c.answer) }

// withdraw ends the claim: what it was given, or nil. late: there was no answer.
func (c *claim) withdraw() (r *pooled, late bool) {
	if c.state.CompareAndSwap(claimOpen, claimWithdrawn) {
		return nil, true
	}
	if c.state.Load() == claimGiven {
		return c.ready, false
	}
	return nil, false
}

// claim asks the pools for a first environment. False: none could serve.
func (e *environment) claim() bool {
	if e.system.pools == nil || e.spec.Workspace != nil || e.claimed {
		return false
	}
	e.claimed = true
	key := poolKey{e.runtime.Type(), e.spec.Language, e.spec.Image}
	if why := e.unpooled(); why != 0 {
		if stats := e.system.poolOf(key); stats != nil {
			stats.misses[why].Add(1)
		}
		return false
	}
	e.generation++
	e.asked = &claim{key: key, session: e.ends.session.id, replyTo: e.self, answer: claimed{generation: e.generation}}
	late, root, self := &e.asked.answer, e.system.root, e.self
	e.patience = time.AfterFunc(claimTimeout, func() { root.Send(self, late) })
	root.Send(e.system.pools, e.asked)
	return true
}

// unpooled is why a session cannot have an environment of a pool, zero if it may.
func (e *environment) unpooled() miss {
	if e.spec.Network != runtimes.NoNetwork {
		return missNetwork
	}
	if a := e.system.options.Registry.Offer(e.runtime.Type()).Availability; e.spec.Strongest && a.Strongest.Score > a.Isolation.Score {
		return missIsolation
	}
	return 0
}

// answered goes on with what the pool gave, or without.
func (e *environment) answered() {
	e.patience.Stop()
	r, late := e.asked.withdraw()
	if late {
		if stats := e.system.poolOf(e.asked.key); stats != nil {
			stats.misses[missLate].Add(1)
		}
	}
	e.asked = nil
	e.create(r)
}

// unclaim gives a claim up; what it has been given goes to who calls.
func (e *environment) unclaim() *pooled {
	if e.asked == nil {
		return nil
	}
	e.patience.Stop()
	r, _ := e.asked.withdraw()
	e.asked = nil
	return r
}

// adopt makes a ready environment the session's. False: a cold one is to be made;
// the ready one is the pool's again, or removed.
func (s *System) adopt(ctx context.Context, r *pooled, spec *runtimes.Spec, assign runtimes.Assignment) bool {
	ctx, cancel := context.WithTimeout(ctx, s.options.CreateTimeout)
	defer cancel()
	assign.Limits, assign.DiskAsked = spec.Limits, spec.DiskAsked
	err := s.assign(ctx, r, assign)
	why, discarded := missFailed, discardFailed
	switch {
	case err == nil:
		r.stats.hits.Add(1)
		s.adoptKernel(ctx, r, assign.Env)
		return true
	case errors.Is(err, runtimes.ErrCannotAssign):
		why, discarded = missLimits, discardStopped
		s.poolWork.Add(1) // before it is the pool's, which may stop
		r.taken = make(chan struct{})
		if pool := r.home.put(r); pool != nil {
			s.root.Send(pool, &returned{})
			r.stats.misses[why].Add(1)
			return false
		}
	default:
		s.options.Logger.Warn("a ready environment could not be given to its session", "session", assign.Session,
			"environment", r.environment.ID(), "error", err)
		s.poolWork.Add(1)
	}
	r.stats.misses[why].Add(1)
	s.discard(r, discarded)
	return false
}

// assign never panics.
func (s *System) assign(ctx context.Context, r *pooled, a runtimes.Assignment) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = ErrInternal
		}
	}()
	return r.environment.Assign(ctx, a)
}

// adoptKernel replaces a kernel that what the session asks for comes too late for.
func (s *System) adoptKernel(ctx context.Context, r *pooled, env []string) {
	if r.kernel == nil || !s.outgrown(r) && !readAtStart(env) {
		return
	}
	r.kernel.Close()
	k, err := s.startKernel(ctx, r.environment, r.stats.key.runtime, r.stats.key.language)
	if err != nil {
		k = nil // the first cell starts one, and says why it cannot
	}
	r.kernel = k
}

// outgrown reports whether a kernel has sized its heap for other limits.
func (s *System) outgrown(r *pooled) bool {
	if l := r.stats.key.language; l != runtimes.JavaScript && l != runtimes.TypeScript || r.stats.key.runtime == runtimes.Bun {
		return false
	}
	now := r.environment.Limits()
	return now.MemoryBytes != r.inForce.MemoryBytes || now.ProcessMemoryBytes != r.inForce.ProcessMemoryBytes
}

// startVariables begin the names of variables that an engine, or its C library,
// reads when it starts.
var startVariables = []string{"PYTHON", "NODE", "BUN_", "DENO_", "LD_", "MALLOC_", "GLIBC_", "LC_", "LANG", "TZ", "UV_", "OPENSSL_", "SSL_", "PATH="}

// readAtStart reports whether one of the variables is such.
func readAtStart(env []string) bool {
	for _, variable := range env {
		for _, prefix := range startVariables {
			if strings.HasPrefix(variable, prefix) {
				return true
			}
		}
	}
	return false
}
