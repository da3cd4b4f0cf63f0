package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/calibration"
	"github.com/codebeaker/codebeaker/runtimes/host"
	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/audit"
	"github.com/codebeaker/codebeaker/transport/policy"
	"github.com/codebeaker/codebeaker/transport/rpc"
	"github.com/codebeaker/codebeaker/transport/sessions"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// firstProbe bounds how long the start waits for the runtimes to say what they
// offer; one that takes longer becomes available later.
const firstProbe = 15 * time.Second

// closeTimeout bounds the end of a server that did not come to serve.
const closeTimeout = 30 * time.Second

// Program is a whole server.
type Program struct {
	config   Config
	log      *slog.Logger
	dir      *dataDir
	host     *host.Host
	registry *runtimes.Registry
	server   *transport.Server
	apiKeys  *transport.Keys
	audit    *audit.Log
	system   *actors.System
	rules    *policy.File
	listener net.Listener
}

// newProgram makes a server that listens but does not serve yet. When it
// returns, what an earlier server left behind is gone and the runtimes have
// been probed.
func newProgram(ctx context.Context, c Config, log *slog.Logger) (p *Program, err error) {
	p = &Program{config: c, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.dir, err = openDataDir(c.DataDir); err != nil {
		return p, err
	}
	if why := host.NoExec(p.dir.path); why != "" {
		log.Warn("the data directory is of little use", "reason", why)
	}
	keys, err := p.keys()
	if err != nil {
		return p, err
	}
	if err := transport.CheckListen(c.Listen, keys, c.NoKeys); err != nil {
		return p, err
	}
	if c.ToolsDir == "" {
		c.ToolsDir = host.FindTools()
	}
	networks, err := c.networks()
	if err != nil {
		return p, err
	}
	images, err := c.images()
	if err != nil {
		return p, err
	}
	p.host, err = host.Open(host.Options{
		Names: c.Runtimes, DataDir: p.dir.path, Mark: p.dir.mark, ToolsDir: c.ToolsDir, Guest: c.Guest,
		DockerHost: c.DockerHost, ImageTag: c.ImageTag,
		BuildImages: c.BuildImages, AllowImages: images, AllowNetworks: networks, Storage: c.Storage, Logger: log,
	})
	if err != nil {
		return p, err
	}
	p.sweep(ctx)
	p.registry = runtimes.NewRegistry(p.host.Runtimes...)
	p.probe(ctx)
	if err := p.openAudit(keys); err != nil {
		return p, err
	}
	if err := p.openPolicy(); err != nil {
		return p, err
	}
	if err := p.assemble(keys, images); err != nil {
		return p, err
	}
	p.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	return p, err
}

// keys opens the keys file. Where there is one, or one was asked for, the server
// asks for keys as long as it runs.
func (p *Program) keys() (*transport.Keys, error) {
	file := p.config.keysFile()
	keys, err := transport.OpenKeys(file)
	if err != nil {
		return nil, err
	}
	if p.config.KeysFile != "" {
		keys.Require()
	}
	switch none := keys.Empty(); {
	case p.config.NoKeys && !none:
		return nil, fmt.Errorf("no-keys: %s has keys; remove them, or start without --no-keys", file)
	case p.config.NoKeys:
		p.log.Warn("no keys: whoever reaches the server can run programs", "listen", p.config.Listen)
	case none && keys.Required():
		p.log.Warn("there is no key, so nobody may enter: make one with `codebeaker keys add NAME`, or start with --no-keys", "file", file)
	}
	return keys, nil
}

// sweepTimeout bounds how long a start waits for what an earlier server left;
// what takes longer is logged and left to the next start.
const sweepTimeout = 30 * time.Second

func (p *Program) sweep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	p.host.Sweep(ctx)
}

// probe asks the runtimes once. What comes of it, now and later, is logged.
func (p *Program) probe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, firstProbe)
	defer cancel()
	p.registry.LogTo(p.log)
	p.registry.Probe(ctx)
}

// assemble makes the actors and the transport above the runtimes.
func (p *Program) assemble(keys *transport.Keys, images runtimes.Images) (err error) {
	c, metrics := &p.config, transport.NewMetrics()
	held, kept := c.budgets()
	watchNetwork(metrics, p.host.Network)
	metrics.Count("codebeaker_audit_lost_total", "Records that the audit log could not take.", "reason", "unwritable", p.audit.Lost)
	policy := p.policy(images)
	pools, err := c.pools(&policy)
	if err != nil {
		return err
	}
	system := actors.NewSystem(actors.Options{
		Registry: p.registry, MaxSessions: c.MaxSessions, QueueLength: c.QueueLength, OutputBytes: c.OutputBytes,
		OutputMemoryBytes: kept, OutputShare: c.KeyMemoryShare, HostMemoryBytes: c.hostMemory(), MemoryOvercommit: c.Overcommit,
		FilesInMemory: p.filesInMemory(), LargeFilesInMemory: c.Storage == "memory",
		CreateTimeout: c.CreateTimeout, DisconnectGrace: c.DisconnectGrace, Logger: p.log, Observer: metrics, Flows: p.auditFlows(), Pools: pools,
	})
	p.system = system
	local, err := sessions.New(sessions.Options{
		System: system, Registry: p.registry, Policy: policy, Limits: c.limits(), MessageBytes: c.MessageBytes, Audit: p.audit,
		Rules: p.rules, Logger: p.log,
	})
	if err != nil {
		return errors.Join(err, system.Shutdown(context.Background()))
	}
	p.server, err = rpc.NewServer(rpc.Options{
		Sessions: local, Metrics: metrics, Logger: p.log, Version: buildVersion(),
		MaxSessions: c.MaxSessions, QueueLength: c.QueueLength, OutputBytes: c.OutputBytes, Budget: held, MessagesPerSecond: c.ConnectionCalls,
		WebSocket: websocket.Options{MessageBytes: c.MessageBytes, MessageRate: c.MessageRate, PingInterval: c.PingInterval, Logger: p.log},
	}, transport.Options{
		Keys: keys, NoKeys: c.NoKeys, Audit: p.audit, AllowedHosts: c.AllowHosts, AllowedOrigins: c.AllowOrigins, DrainTimeout: c.DrainTimeout,
		ConnectionsPerAddress: c.MaxConnections, Connections: c.connections(), Ready: p.ready,
	})
	if err != nil {
		return errors.Join(err, system.Shutdown(context.Background()))
	}
	return nil
}

// ready says what is short.
func (p *Program) ready() error {
	if why := p.host.Short(); why != "" {
		return transport.NotReady(why)
	}
	return nil
}

func (p *Program) policy(images runtimes.Images) sessions.Policy {
	c := &p.config
	policy := sessions.Policy{
		MaxIdleTimeout: c.MaxIdle, MaxLifetime: c.MaxLifetime, MaxMemoryMB: int64(c.MaxMemoryMB), MaxCPUs: c.MaxCPUs,
		MaxProcesses: int64(c.MaxProcesses), MaxDiskMB: int64(c.MaxDiskMB), Images: images, DenyInternet: !c.Internet,
	}
	if policy.MaxMemoryMB == 0 {
		policy.MaxMemoryMB = max(memoryMB()*3/4, 512)
		if most := c.hostMemory() >> 20; most > 0 { // more would never be admitted
			policy.MaxMemoryMB = max(min(policy.MaxMemoryMB, most), 16)
		}
	}
	if policy.MaxCPUs == 0 {
		policy.MaxCPUs = float64(runtime.NumCPU())
	}
	return policy
}

// URL is where clients connect.
func (p *Program) URL() string { return fmt.Sprintf("ws://%s/ws/jsonrpc", p.listener.Addr()) }

// Run serves until ctx ends, then closes every session and connection. ready
// gets one line once clients may connect.
func (p *Program) Run(ctx context.Context, ready io.Writer) error {
	var background sync.WaitGroup
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	background.Go(func() { p.registry.Watch(watching) })
	background.Go(func() { p.watchKeys(watching) })
	background.Go(func() { p.reloadOnHangup(watching) })
	background.Go(func() { p.host.BuildImages(ctx, p.registry) })
	if p.config.Calibrate {
		calibrator := calibration.Calibrator{
			Registry: p.registry, File: p.dir.file("figures.json"), Logger: p.log,
			Busy: func() bool { return p.host.Building(p.registry) || p.system.Filling() },
		}
		background.Go(func() { calibrator.Run(watching) })
	}
	fmt.Fprintln(ready, "listening on", p.URL())
	p.log.Info("serving", "address", p.listener.Addr().String(), "version", buildVersion())
	err := p.server.Serve(ctx, p.listener)
	stop()
	background.Wait()
	p.log.Info("stopped")
	return err
}

// Close frees what is left: runtimes, files, the data directory.
func (p *Program) Close() error {
	var errs []error
	if p.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		errs = append(errs, p.server.Shutdown(ctx))
	}
	errs = append(errs, p.audit.Close())
	if p.host != nil {
		errs = append(errs, p.host.Close())
	}
	if p.dir != nil {
		errs = append(errs, p.dir.Close())
	}
	return errors.Join(errs...)
}

// filesInMemory reports whether workspaces are in memory.
func (p *Program) filesInMemory() bool {
	quota, _ := p.host.Quota()
	return quota && p.config.Storage != "disk"
}

// hostMemory is how much memory the sessions that live may be promised together,
// in bytes; zero is no bound. The programs of the fake runtime are the server's
// own and hold none.
func (c *Config) hostMemory() int64 {
	if slices.Equal(c.Runtimes, []string{"fake"}) {
		return 0
	}
	return int64(float64(memoryMB()<<20) * c.MemoryShare)
}

// watchNetwork adds what sessions with a network carry to the metrics.
func watchNetwork(to *transport.Metrics, counts func() host.NetworkCounts) {
	for _, c := range []struct {
		name, help, label, value string
		of                       func(host.NetworkCounts) int64
	}{
		{flowsMetric, flowsHelp, "outcome", "opened", func(c host.NetworkCounts) int64 { return c.Opened }},
		{flowsMetric, flowsHelp, "outcome", "forbidden", func(c host.NetworkCounts) int64 { return c.Refused }},
		{flowsMetric, flowsHelp, "outcome", "limited", func(c host.NetworkCounts) int64 { return c.Limited }},
		{flowsMetric, flowsHelp, "outcome", "failed", func(c host.NetworkCounts) int64 { return c.Failed }},
		{bytesMetric, bytesHelp, "direction", "sent", func(c host.NetworkCounts) int64 { return c.Sent }},
		{bytesMetric, bytesHelp, "direction", "received", func(c host.NetworkCounts) int64 { return c.Received }},
	} {
		to.Count(c.name, c.help, c.label, c.value, func() int64 { return c.of(counts()) })
	}
}

const (
	flowsMetric = "codebeaker_network_flows_total"
	flowsHelp   = "Connections and exchanges of sessions with a network, by outcome."
	bytesMetric = "codebeaker_network_bytes_total"
	bytesHelp   = "Bytes that sessions with a network sent and received."
)
