package docker

import (
	"context"
	"log/slog"
)

// greet makes the link usable.
func (c *construction) greet(ctx context.Context) error {
	plan := c.blueprint()
	volume, remote := c.workspace.(*volumeWorkspace)
	answer, err := c.r.greet(ctx, greeting{
		conn: c.conn, environment: plan.environment(c.spec.Env), limits: c.spec.Limits, pid: c.pid, files: remote,
		machine: c.r.machine(),
	})
	if err != nil {
		return err
	}
	c.welcome = answer
	if remote {
		volume.serve(answer.files)
	}
	return nil
}

// finish puts the environment together and lets it be noticed.
func (c *construction) finish() *Environment {
	limits := c.limitsInForce()
	env := &Environment{
		r: c.r, name: c.name, container: c.id, pid: c.pid, seat: c.seat, workspace: c.workspace,
		relay: c.relay, link: c.welcome.link, files: c.welcome.files, terminal: c.welcome.terminal,
		limits: limits, isolation: isolationOf(c, limits),
		closing: make(chan struct{}), closed: make(chan struct{}), losses: losses{happened: make(chan struct{})},
	}
	if c.welcome.limits.MemoryBytes == 0 {
		if env.oom = oomSourceOf(c.pid); env.oom == nil {
			env.oom = &env.ooms
		}
	}
	c.r.claims.settle(c.name, env)
	c.r.loops.Go(env.attend)
	c.r.log.LogAttrs(context.Background(), slog.LevelDebug, "made a container",
		append(c.took, slog.String("session", c.spec.Session), slog.String("container", c.id))...)
	return env
}
