package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/codebeaker/codebeaker/bench/internal/baseline"
	"github.com/codebeaker/codebeaker/bench/internal/local"
	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/client"
)

// place is the server that is measured, ours or another's.
type place struct {
	url      string
	options  client.Options
	server   *local.Server      // nil for another's
	registry *runtimes.Registry // nil for another's
	client   *client.Client
	target   *workload.Target
	pooled   *place // one with pools; nil until it is wanted
}

// open connects to the target, or starts a server in process with the named
// runtimes.
func (a *app) open(ctx context.Context, c *common, o local.Options, bar *measure.Bar) (p *place, err error) {
	p = &place{url: address(c.target)}
	if p.options.Key = c.key; p.options.Key == "" {
		p.options.Key = os.Getenv("CODEBEAKER_KEY")
	}
	p.options.Redial.Off = true // a server that goes away ends the run
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if c.target == "" {
		if err := p.start(ctx, o, bar); err != nil {
			return p, err
		}
	}
	if p.client, err = client.Dial(ctx, p.url, p.options); err != nil {
		return p, fmt.Errorf("no server answers at %s: %w", p.url, err)
	}
	p.target, err = workload.Ask(ctx, p.client)
	return p, err
}

// start starts a server in process.
func (p *place) start(ctx context.Context, o local.Options, bar *measure.Bar) error {
	if o.Runtimes == nil {
		guest, err := local.BuildGuest(ctx)
		if err != nil {
			bar.Note("%v", err) // the runtimes say it too
		}
		o.Guest, o.CacheDir = guest, local.CacheDir(ctx)
	}
	bar.Note("starting a server in process …")
	server, err := local.Start(ctx, o)
	if err != nil {
		return fmt.Errorf("the server does not start: %w", err)
	}
	p.server, p.registry, p.url = server, server.Registry, server.URL
	return nil
}

func (p *place) close() error {
	var errs []error
	if p.pooled != nil {
		errs = append(errs, p.pooled.close())
	}
	if p.client != nil {
		errs = append(errs, p.client.Close())
	}
	if p.server != nil {
		errs = append(errs, p.server.Close())
	}
	return errors.Join(errs...)
}

// pools measures sessions from pools: on a server of their own, beside that of the
// cold ones, or on another's.
func (a *app) pools(ctx context.Context, p *place, f *measureFlags, o local.Options, bar *measure.Bar) (tasks []*measure.Task, absent []*result.Series, err error) {
	if !f.wanted(workload.CreatePooled) && !f.wanted(workload.PooledCell) || len(f.peers) > 0 {
		return nil, nil, nil
	}
	target := p.target
	if f.target == "" {
		o.Pools = true
		if p.pooled, err = a.open(ctx, &f.common, o, bar); err != nil {
			return nil, nil, err
		}
		if err := p.pooled.target.Only(f.runtimes); err != nil {
			return nil, nil, err
		}
		target = p.pooled.target
	}
	tasks, absent = workload.Pooled(target, workload.Options{Effort: f.effort(), Wanted: f.wanted})
	return tasks, absent, nil
}

// describe is the server as the report names it.
func (p *place) describe() result.Server {
	s := result.Server{Target: p.url, InProcess: p.server != nil, Name: p.target.Server.Name, Version: p.target.Server.Version}
	if s.InProcess {
		s.Target = ""
	}
	return s
}

// address completes what a user typed.
func address(target string) string {
	if target == "" {
		return ""
	}
	if !strings.Contains(target, "://") {
		target = "ws://" + target
	}
	if scheme, rest, _ := strings.Cut(target, "://"); !strings.Contains(rest, "/") {
		target = scheme + "://" + rest + "/ws/jsonrpc"
	}
	return target
}

// engines are the peers that were named.
func (f *measureFlags) engines() ([]baseline.Peer, error) {
	var found []baseline.Peer
	for _, text := range f.peers {
		e, err := baseline.ParsePeer(text)
		if err != nil {
			return nil, fmt.Errorf("%w: -peer: %w", errUsage, err)
		}
		found = append(found, e)
	}
	if _, ok := workload.HelloOf("Docker", f.language); !ok {
		return nil, fmt.Errorf("%w: -language: there is no program in %q", errUsage, f.language)
	}
	return found, nil
}

// peerTasks run one program on every runtime and on every peer, each time in
// an environment of its own; and on the runtimes in a session that lives, which
// the peers do not have.
func (p *place) peerTasks(f *measureFlags, dir string) (tasks []*measure.Task, absent []*result.Series, err error) {
	engines, err := f.engines()
	if err != nil {
		return nil, nil, err
	}
	tasks, absent = workload.Tasks(p.target, workload.Options{Effort: f.effort(), Language: f.language, Wanted: func(scenario string) bool {
		return scenario == workload.OneShot || scenario == workload.Hello
	}})
	program, _ := workload.HelloOf("Docker", f.language)
	for i, e := range engines {
		own := filepath.Join(dir, fmt.Sprint("peer-", i))
		if err := os.Mkdir(own, 0o755); err != nil {
			return nil, nil, err
		}
		tasks = append(tasks, baseline.PeerTask(e, f.language, program, own, f.effort()))
	}
	return tasks, absent, nil
}
