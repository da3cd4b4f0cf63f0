// Package local starts a server in this process, on a free port of loopback
// and in a temporary data directory, so that the benchmark needs nothing to be
// set up: it builds the guest agent itself where Go is there.
//
// What a run keeps outside its process, directories and containers, is marked with
// its owner, so that the next run removes what killed ones have left.
package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/host"
	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/rpc"
	"github.com/codebeaker/codebeaker/transport/sessions"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// Options of a server. The zero value offers what the machine has.
type Options struct {
	// Names are the runtimes to offer; nil is all of them.
	Names []string
	// Runtimes are offered instead of those of the machine, when not nil.
	Runtimes []runtimes.Runtime
	// Guest is the agent's program; "" searches for it.
	Guest string
	// CacheDir keeps what runtimes prepare once for later servers; "" keeps
	// nothing.
	CacheDir string
	// MaxSessions bounds the sessions; zero means 20,000.
	MaxSessions int
	// Pools keeps environments ready.
	Pools bool
	// AwaitCaches waits until what runtimes prepare once is prepared, so that
	// it does not disturb the measurements.
	AwaitCaches bool
	Logger      *slog.Logger // nil discards
}

// Server is one that serves.
type Server struct {
	URL      string
	Registry *runtimes.Registry
	// Filling: a cache was still being filled when the wait for it ended.
	Filling bool

	dir    string
	host   *host.Host
	server *transport.Server
	stop   context.CancelFunc
	served chan error // nil until it serves
}

const (
	sweepTimeout = 30 * time.Second // of what killed processes left
	probeTimeout = 15 * time.Second
	closeTimeout = 30 * time.Second
	// poolMemory has room for a pool of each runtime and language.
	poolMemory = 1 << 30
)

// Start starts a server and returns once clients may connect; before, it removes
// what servers of killed processes left. ctx is for the start. The caller closes
// the server.
func Start(ctx context.Context, o Options) (s *Server, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxSessions == 0 {
		o.MaxSessions = 20_000
	}
	s = &Server{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if o.Runtimes == nil {
		sweeping, cancel := context.WithTimeout(ctx, sweepTimeout)
		sweepAbandoned(sweeping, o.Logger)
		cancel()
	}
	if err := s.openHost(o); err != nil {
		return s, err
	}
	probing, cancel := context.WithTimeout(ctx, probeTimeout)
	s.Registry.Probe(probing)
	cancel()
	if o.AwaitCaches {
		if s.Filling, err = awaitCaches(ctx, s.dir); err != nil {
			return s, err
		}
	}
	return s, s.serve(ctx, o)
}

// openHost makes the data directory and the runtimes.
func (s *Server) openHost(o Options) (err error) {
	if s.dir, err = MkdirTemp(Data); err != nil {
		return err
	}
	// Programs' uids pass through it to their workspaces.
	if err := os.Chmod(s.dir, 0o711); err != nil {
		return err
	}
	if o.Runtimes != nil {
		s.Registry = runtimes.NewRegistry(o.Runtimes...)
		return nil
	}
	if o.CacheDir != "" {
		if err := os.MkdirAll(o.CacheDir, 0o755); err != nil {
			return err
		}
		if err := os.Symlink(o.CacheDir, filepath.Join(s.dir, "cache")); err != nil {
			return err
		}
	}
	mark, err := newMark(s.dir)
	if err != nil {
		return err
	}
	s.host, err = host.Open(host.Options{
		Names: o.Names, DataDir: s.dir, Mark: mark, ToolsDir: host.FindTools(),
		Guest: o.Guest, Logger: o.Logger,
	})
	if err != nil {
		return err
	}
	s.Registry = runtimes.NewRegistry(s.host.Runtimes...)
	return nil
}

// serve puts actors and transport above the runtimes.
func (s *Server) serve(ctx context.Context, o Options) error {
	metrics := transport.NewMetrics()
	var pools *actors.PoolOptions
	if o.Pools {
		policy := sessions.Policy{}
		pools = &actors.PoolOptions{Limits: policy.OrdinaryLimits(), MemoryBytes: poolMemory}
	}
	system := actors.NewSystem(actors.Options{
		Registry: s.Registry, MaxSessions: o.MaxSessions, Logger: o.Logger, Observer: metrics, Pools: pools,
	})
	local, err := sessions.New(sessions.Options{System: system, Registry: s.Registry})
	if err != nil {
		return errors.Join(err, system.Shutdown(context.Background()))
	}
	s.server, err = rpc.NewServer(rpc.Options{
		Sessions: local, Metrics: metrics, Logger: o.Logger, Version: "bench",
		MaxSessions: o.MaxSessions, WebSocket: websocket.Options{Logger: o.Logger},
	}, transport.Options{})
	if err != nil {
		return errors.Join(err, system.Shutdown(context.Background()))
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.URL = fmt.Sprintf("ws://%s/ws/jsonrpc", listener.Addr())
	var serving context.Context
	serving, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.served = make(chan error, 1)
	go func() { s.served <- s.server.Serve(serving, listener) }()
	return nil
}

// Close ends every session and removes the data directory.
func (s *Server) Close() error {
	var errs []error
	if s.served != nil {
		s.stop()
		errs = append(errs, <-s.served)
	}
	if s.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		errs = append(errs, s.server.Shutdown(ctx))
	}
	if s.host != nil {
		errs = append(errs, s.host.Close())
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// cachePoll is how often awaitCaches looks, cacheTimeout how long.
const (
	cachePoll    = 200 * time.Millisecond
	cacheTimeout = 45 * time.Second
)

// awaitCaches waits until no runtime fills a cache of the data directory; one
// that takes too long is not waited for, and reported as still filling.
func awaitCaches(ctx context.Context, dir string) (filling bool, err error) {
	for begun, quiet := time.Now(), 0; quiet < 3; quiet++ {
		if time.Since(begun) > cacheTimeout {
			return true, nil
		}
		select {
		case <-time.After(cachePoll):
		case <-ctx.Done():
			return true, context.Cause(ctx)
		}
		if partial, _ := filepath.Glob(filepath.Join(dir, "cache", "partial-*")); len(partial) > 0 {
			quiet = 0
		}
	}
	return false, nil
}

// markFile keeps in the data directory what names it on engines and in control
// groups.
const markFile = "mark"

// newMark makes a mark and notes it in the directory.
func newMark(dir string) (string, error) {
	var random [6]byte
	_, _ = rand.Read(random[:]) // it never fails
	mark := hex.EncodeToString(random[:])
	return mark, os.WriteFile(filepath.Join(dir, markFile), []byte(mark), 0o600)
}

// sweepAbandoned removes the data directories of processes that were killed,
// with the environments and mounts that they left. What fails is logged and
// left to the next.
func sweepAbandoned(ctx context.Context, log *slog.Logger) {
	for _, dir := range Dirs(Data) {
		if err := sweepData(ctx, dir, log); err != nil {
			log.Warn("a data directory is left of an earlier run", "directory", dir, "error", err)
		}
	}
}

func sweepData(ctx context.Context, dir string, log *slog.Logger) error {
	mark, err := os.ReadFile(filepath.Join(dir, markFile))
	if os.IsNotExist(err) { // nothing was made with it
		return os.RemoveAll(dir)
	}
	if err != nil {
		return err
	}
	h, err := host.Open(host.Options{DataDir: dir, Mark: strings.TrimSpace(string(mark)), Logger: log})
	if err != nil { // it may live, in another namespace of processes
		return err
	}
	h.Sweep(ctx)
	if err := h.Close(); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}
