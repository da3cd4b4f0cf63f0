package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

const (
	defaultServer = "ws://127.0.0.1:5039/ws/jsonrpc"
	// connectTimeout bounds the first connection to the server.
	connectTimeout = 10 * time.Second
	// farewell bounds what is left to do when a command has been interrupted.
	farewell = 10 * time.Second
	// outputBytes wait for a terminal or a pipe that takes its time: the server
	// waits for one second only.
	outputBytes = 64 << 20
)

// remote is what the commands that use a server have in common.
type remote struct {
	server, key string
	json        bool

	// Of those that need a session:
	session, runtime, preference, network string
	timeout, lifetime                     time.Duration
}

// addServerFlags declares how the server is found.
func (r *remote) addServerFlags(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&r.server, "server", environment("CODEBEAKER_SERVER", defaultServer), "address of the server: ws://, wss://, http:// or https:// (CODEBEAKER_SERVER)")
	flags.StringVar(&r.key, "key", "", "API key (CODEBEAKER_KEY)")
	flags.BoolVar(&r.json, "json", false, "print the result as JSON")
}

// addSessionFlags declares what the session is to be.
func (r *remote) addSessionFlags(cmd *cobra.Command) {
	// A command line that is wrong must not look like a program that exited 1.
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{exitOurs, err} })
	arguments := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := arguments(cmd, args); err != nil {
			return &exitError{exitOurs, err}
		}
		return nil
	}
	flags := cmd.Flags()
	flags.StringVar(&r.session, "session", "", "id of a session to use, which stays, instead of a fresh one")
	flags.StringVar(&r.runtime, "runtime", "", "Docker, Deno, Bun or Native, and no other")
	flags.StringVar(&r.preference, "preference", "", "Speed, Security, Memory or Balanced (default Balanced)")
	flags.StringVar(&r.network, "network", "", "none or internet (default none)")
	flags.DurationVar(&r.timeout, "timeout", 0, "time limit of the program; zero is none")
	flags.DurationVar(&r.lifetime, "lifetime", 0, "time limit of the session; zero is the server's default")
}

func environment(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// endpoint is the WebSocket of a server, which may be named by the address of
// its pages as well, without or with a path.
func endpoint(server string) (string, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("--server %q is not the address of a server: it must be like http://HOST:5039 or %s", server, defaultServer)
	}
	switch u.Scheme {
	case "ws", "wss":
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("--server %q: it must begin with ws://, wss://, http:// or https://", server)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/ws/jsonrpc"
	}
	return u.String(), nil
}

// dial connects to the server, or says what to do.
func (r *remote) dial(ctx context.Context) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	key := r.key
	if key == "" { // not the default of the flag, which help would show
		key = os.Getenv("CODEBEAKER_KEY")
	}
	address, err := endpoint(r.server)
	if err != nil {
		return nil, err
	}
	c, err := client.Dial(ctx, address, client.Options{Key: key, OutputBytes: outputBytes})
	var refused *websocket.HandshakeError
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, client.ErrUnauthorized) && key == "":
		return nil, fmt.Errorf("the server at %s asks for a key: give one with --key or CODEBEAKER_KEY (`codebeaker keys add NAME` makes one)", r.server)
	case errors.Is(err, client.ErrUnauthorized):
		return nil, fmt.Errorf("the server at %s does not know this key", r.server)
	case errors.As(err, &refused):
		return nil, fmt.Errorf("there is no CodeBeaker at %s: %w", r.server, err)
	}
	return nil, fmt.Errorf("no server answers at %s: start one with `codebeaker serve`, or name another with --server or CODEBEAKER_SERVER (%w)", r.server, err)
}

// workshop is a session that a command uses, and its client.
type workshop struct {
	*client.Client
	session *protocol.Session
	fresh   bool
}

// check refuses what no server could make sense of.
func (r *remote) check() error {
	if r.timeout < 0 || r.lifetime < 0 {
		return errors.New("a time limit must not be negative")
	}
	return nil
}

// open connects and takes the session of the flags, or makes one.
func (r *remote) open(ctx context.Context, language string) (*workshop, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	c, err := r.dial(ctx)
	if err != nil {
		return nil, err
	}
	w := &workshop{Client: c, fresh: r.session == ""}
	if w.fresh {
		w.session, err = c.Create(ctx, r.spec(language))
	} else {
		var s *protocol.SessionDetail
		if s, err = c.Get(ctx, r.session); err == nil {
			w.session = &s.Session
		}
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return w, nil
}

func (r *remote) spec(language string) protocol.SessionCreate {
	p := protocol.SessionCreate{
		Language: language, RuntimeType: protocol.RuntimeType(r.runtime), RuntimePreference: protocol.Preference(r.preference),
		Network: protocol.Network(r.network), KillOnDisconnect: true,
	}
	if r.lifetime > 0 {
		minutes := r.lifetime.Minutes()
		p.MaxLifetimeMinutes = &minutes
	}
	return p
}

// Close ends the session, if it was made for the command, and the connection.
func (w *workshop) Close() error {
	var err error
	if w.fresh {
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		if err = w.CloseSession(ctx, w.session.SessionID); err != nil {
			err = fmt.Errorf("session %s is not closed: %w", w.session.SessionID, err)
		}
	}
	return errors.Join(err, w.Client.Close())
}

// start starts a program beside others of the session, without a time limit
// but that of the flags.
func (w *workshop) start(ctx context.Context, r *remote, command *protocol.ExecuteShell) (*client.Execution, error) {
	return w.Start(ctx, client.Execute{SessionID: w.session.SessionID, Command: command, Background: true, Timeout: r.timeout})
}

// within does something in a session: it opens what the flags ask for, ends
// with an interruption, and closes behind it.
func (r *remote) within(cmd *cobra.Command, language string, do func(*interrupts, *workshop) error) (err error) {
	interrupts := newInterrupts(cmd.Context())
	defer interrupts.stop()
	w, err := r.open(interrupts.ctx, language)
	if err != nil {
		return interrupts.orExit(err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return interrupts.orExit(do(interrupts, w))
}

// attend starts a program and leaves it when follow returns, or before, when
// ctx ends.
func (w *workshop) attend(ctx context.Context, r *remote, command *protocol.ExecuteShell, follow func(*client.Execution) error) error {
	e, err := w.start(ctx, r, command)
	if err != nil {
		return err
	}
	defer w.leave(e) // before the session ends: whoever feeds it need not complain
	defer context.AfterFunc(ctx, func() { w.leave(e) })()
	return follow(e)
}

// leave gives up a program. In a session that stays it would run on for nobody,
// so it is killed there.
func (w *workshop) leave(e *client.Execution) {
	defer e.Detach()
	if w.fresh {
		return
	}
	select {
	case <-e.Done():
	default:
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		_, _ = e.Signal(ctx, "SIGKILL")
	}
}
