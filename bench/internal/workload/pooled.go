package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Pooled returns what is to be measured on a target whose pools are on.
func Pooled(t *Target, o Options) (tasks []*measure.Task, absent []*result.Series) {
	m := &maker{Target: t, Options: o}
	for _, r := range t.Runtimes {
		if !r.Available {
			continue
		}
		for _, language := range r.Languages {
			if _, ok := cells[language]; !ok || !slices.Contains(r.Capabilities.Stateful, language) {
				continue
			}
			m.pooled(r.RuntimeType, language)
		}
	}
	return m.tasks, m.absent
}

// lateMemoryMB is another limit than that of the environments of pools.
var lateMemoryMB int64 = 300

// pooled creates sessions from a pool, with the limits of its environments and with
// others, and runs a cell in each.
func (m *maker) pooled(runtime, language string) {
	for _, c := range []struct {
		variant string
		edit    func(*protocol.SessionCreate)
	}{
		{language, func(*protocol.SessionCreate) {}},
		{language + ", other limits", func(r *protocol.SessionCreate) {
			r.MemoryLimitMB, r.Env = &lateMemoryMB, map[string]string{"MINE": "1"}
		}},
	} {
		made := series(CreatePooled, c.variant, runtime, "session.create from a pool")
		whole := series(PooledCell, c.variant, runtime, "session.create from a pool, execute_code: 6 * 7")
		m.dear(measure.Task{Name: c.variant + " from a pool of " + runtime, Series: []*result.Series{made, whole},
			Open: func(ctx context.Context) error {
				s, err := create(ctx, m.Client, runtime, language, nil) // what nobody has asked for may have no pool
				return errors.Join(err, m.end(ctx, s), m.full(ctx, runtime, language))
			},
			Once: func(ctx context.Context, clock *measure.Clock) error {
				ask := protocol.SessionCreate{Language: language, RuntimeType: protocol.RuntimeType(runtime), Labels: map[string]string{"app": label}}
				c.edit(&ask)
				start := time.Now()
				var s *protocol.Session
				err := clock.Time(made, func() (err error) {
					if s, err = m.Client.Create(ctx, ask); err == nil && !s.Pooled {
						err = errors.New("the session did not come from the pool")
					}
					return err
				})
				if err == nil {
					text := "6 * 7"
					err = m.cell(ctx, s.SessionID, &protocol.ExecuteCode{Code: &text})
				}
				if took := time.Since(start); err == nil {
					clock.Give(whole, took, 1)
				}
				return errors.Join(err, m.end(ctx, s), m.full(ctx, runtime, language))
			}})
	}
}

func (m *maker) end(ctx context.Context, s *protocol.Session) error {
	if s == nil {
		return nil
	}
	return m.Client.CloseSession(ctx, s.SessionID)
}

// full waits until a pool has what it aims at, so that its filling is in nobody's
// time.
func (m *maker) full(ctx context.Context, runtime, language string) error {
	for {
		all, err := m.Client.Runtimes(ctx)
		if err != nil {
			return err
		}
		for _, r := range all {
			for _, p := range r.Pools {
				if r.RuntimeType == runtime && p.Language == language && p.Warm > 0 && p.Warm >= p.Target {
					return nil
				}
			}
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the pool of %s on %s does not fill: %w", language, runtime, context.Cause(ctx))
		}
	}
}
