package docker

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/client"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// remoteAccess is for an engine that does not see the server's directories. The
// agent's binary and the workspaces are volumes, the link is the container's
// standard streams.
//
// A volume has no quota, so the disk is not bounded here. /tmp and HOME are in the
// container's memory unless the session asked for more. A single file cannot
// be bound into a container, so /etc is a volume too: a copy of the image's with
// the session's user and names in it.
type remoteAccess struct {
	r     *Runtime
	users *userRange

	mu    sync.Mutex
	guest string // the volume with the agent, once it is filled
}

func (a *remoteAccess) workspace(ctx context.Context, spec runtimes.Spec) (place, bool, error) {
	if spec.Workspace != nil {
		volume, ok := spec.Workspace.(*volumeWorkspace)
		if !ok {
			return nil, false, fmt.Errorf("a workspace of type %T is not on the engine", spec.Workspace)
		}
		return volume, false, nil
	}
	volume, err := a.makeWorkspace(ctx, spec)
	if err != nil {
		return nil, false, err
	}
	return volume, true, nil
}

func (a *remoteAccess) makeWorkspace(ctx context.Context, spec runtimes.Spec) (*volumeWorkspace, error) {
	uid, err := a.users.take()
	if err != nil {
		return nil, err
	}
	volume := &volumeWorkspace{access: a, environment: spec.Name, name: newName(spec.Name), uid: uid, onDisk: a.onDisk(&spec.Limits, spec.DiskAsked)}
	image, err := a.r.imageFor(ctx, spec)
	for _, name := range volume.volumes() {
		a.r.claims.claim(name)
		if err == nil {
			err = a.r.engine.createVolume(ctx, name, a.r.labels(roleWorkspace, spec.Name))
		}
	}
	if err == nil {
		// The courier makes the workspace belong to the session's user, and fills
		// the other volume with the image's /etc and the files of the session.
		entries := []tarEntry{{name: runtimes.WorkspacePath[1:] + "/", mode: 0o700, uid: uid, gid: uid}}
		for _, file := range etcFiles(spec, uid, uid) {
			entries = append(entries, tarEntry{name: etcTarget[1:] + "/" + file.name, mode: 0o644, content: []byte(file.content)})
		}
		err = a.deliver(ctx, image,
			[]mount.Mount{volume.mount(), {Type: mount.TypeVolume, Source: volume.etc(), Target: etcTarget}}, entries...)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the volumes of a environment: %w", err), volume.Close())
	}
	return volume, nil
}

// onDisk reports whether a session's /tmp and HOME are to be on the engine's
// disk, as its workspace is.
func (a *remoteAccess) onDisk(limits *runtimes.Limits, asked bool) bool {
	return a.r.options.Workspaces.Storage().WantsDisk(&workspace.CreateOptions{
		DiskBytes: limits.DiskBytes, Asked: asked, MemoryBytes: limits.MemoryBytes,
	})
}

// seat fills the agent's volume if that has not been done in this life.
func (a *remoteAccess) seat(ctx context.Context, c *construction) (*seat, error) {
	guest, err := a.guestVolume(ctx)
	if err != nil {
		return nil, err
	}
	volume := c.workspace.(*volumeWorkspace)
	scratch, err := a.scratch(ctx, c.name, volume)
	if err != nil {
		return nil, err
	}
	link := &stdio{engine: a.r.engine, log: a.r.log}
	return link.seat(append(scratch.mounts, readOnlyVolume(guest, guestDirectory), readOnlyVolume(volume.etc(), etcTarget)), scratch.release), nil
}

// guestVolume makes and fills the volume with the agent's binary once.
func (a *remoteAccess) guestVolume(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.guest != "" {
		return a.guest, nil
	}
	binary, err := os.ReadFile(a.r.agent())
	if err != nil {
		return "", fmt.Errorf("read the agent: %w", err)
	}
	sum := sha256.Sum256(binary)
	name := appName + "-guest-" + a.r.options.Mark + "-" + hex.EncodeToString(sum[:6])
	image, err := a.r.anyImage(ctx)
	if err != nil {
		return "", err
	}
	a.r.claims.claim(name)
	err = a.r.engine.createVolume(ctx, name, a.r.labels(roleGuest, ""))
	if err == nil {
		err = a.deliver(ctx, image, []mount.Mount{{
			Type: mount.TypeVolume, Source: name, Target: guestDirectory,
			VolumeOptions: &mount.VolumeOptions{NoCopy: true},
		}}, tarEntry{name: guestTarget[1:], mode: 0o555, content: binary})
	}
	if err != nil {
		a.r.claims.drop(name)
		a.r.kick()
		return "", fmt.Errorf("fill the agent's volume: %w", err)
	}
	a.guest = name
	return name, nil
}

// deliver puts entries into volumes through a container that is made for it and
// never started: the engine's archive call is safe before the first start only.
// The entries' names count from the root.
func (a *remoteAccess) deliver(ctx context.Context, image *imageFacts, volumes []mount.Mount, entries ...tarEntry) error {
	name := newName("courier")
	a.r.claims.claim(name)
	id, err := a.r.engine.createContainer(ctx, name, &container.Config{
		Image: image.id, Entrypoint: []string{"/none"}, Cmd: []string{}, NetworkDisabled: true,
		Labels: a.r.labels(roleCourier, ""),
	}, &container.HostConfig{
		NetworkMode: "none",
		LogConfig:   container.LogConfig{Type: "none"},
		Mounts:      volumes,
	})
	if err == nil {
		err = a.r.engine.copyTo(ctx, id, "/", entries)
	}
	return a.r.discard(ctx, name, err)
}

func readOnlyVolume(name, target string) mount.Mount {
	return mount.Mount{
		Type: mount.TypeVolume, Source: name, Target: target, ReadOnly: true,
		VolumeOptions: &mount.VolumeOptions{NoCopy: true},
	}
}

// stdio is the link over a container's standard streams. The engine frames what
// the container writes: one byte for the stream, three of nothing, four for the
// length (Docker API, "Attach to a container", stream format).
//
// Read is for one goroutine, Write for another.
type stdio struct {
	engine *engine
	log    *slog.Logger

	conn types.HijackedResponse
	left uint32 // of the present frame of standard output
	once sync.Once

	mu   sync.Mutex
	said []byte // the beginning of the agent's standard error
}

// seat is that of a container whose agent speaks over its standard streams.
func (s *stdio) seat(mounts []mount.Mount, release func() error) *seat {
	return &seat{
		mounts:    mounts,
		arguments: []string{"-stdio"},
		stdio:     true,
		attach:    s.attach,
		accept:    func(context.Context) (io.ReadWriteCloser, error) { return s, nil },
		said:      s.complaints,
		release:   func() error { return errors.Join(s.Close(), release()) },
	}
}

const (
	streamStdout = 1
	streamStderr = 2

	// stderrLogged bounds what is logged of the agent's own complaints, in bytes
	// per frame.
	stderrLogged = 512
	// stderrKept bounds what is kept of them for who could not meet the agent.
	stderrKept = 4 << 10
)

// attach connects before the container starts, so that nothing is missed.
func (s *stdio) attach(ctx context.Context, id string) error {
	conn, err := s.engine.attach(ctx, id)
	if err != nil {
		return err
	}
	s.conn = conn
	return nil
}

// Read gives what the agent writes to its standard output.
func (s *stdio) Read(p []byte) (int, error) {
	for s.left == 0 {
		if err := s.nextFrame(); err != nil {
			return 0, err
		}
	}
	n, err := s.conn.Reader.Read(p[:min(len(p), int(s.left))])
	s.left -= uint32(n)
	return n, err
}

// nextFrame reads a header; a frame that is not standard output is consumed.
func (s *stdio) nextFrame() error {
	var header [8]byte
	if _, err := io.ReadFull(s.conn.Reader, header[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(header[4:])
	switch header[0] {
	case streamStdout:
		s.left = size
		return nil
	case streamStderr:
		return s.complain(size)
	}
	return fmt.Errorf("the engine sent a frame of stream %d", header[0])
}

func (s *stdio) complain(size uint32) error {
	text := make([]byte, min(size, stderrLogged))
	if _, err := io.ReadFull(s.conn.Reader, text); err != nil {
		return err
	}
	s.log.Debug("the agent wrote to its standard error", "text", string(text))
	s.mu.Lock()
	s.said = append(s.said, text[:min(len(text), stderrKept-len(s.said))]...)
	s.mu.Unlock()
	_, err := io.CopyN(io.Discard, s.conn.Reader, int64(size)-int64(len(text)))
	return err
}

// complaints is what the agent has written to its standard error, as far as it
// was read.
func (s *stdio) complaints() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimSpace(string(s.said))
}

// Write goes to the agent's standard input.
func (s *stdio) Write(p []byte) (int, error) {
	if s.conn.Conn == nil {
		return 0, errors.New("the streams are not attached")
	}
	return s.conn.Conn.Write(p)
}

// Close ends the connection; the agent reads end of file and exits.
func (s *stdio) Close() error {
	s.once.Do(func() {
		if s.conn.Conn != nil {
			s.conn.Conn.Close()
		}
	})
	return nil
}

// attach connects to the streams of a container that has not been started. The
// client's own call waits for the engine's answer whatever becomes of ctx, so
// the end of ctx closes its connection. One by TLS cannot be reached that way:
// it is left to itself until the engine answers or the connection breaks.
func (e *engine) attach(ctx context.Context, id string) (types.HijackedResponse, error) {
	type answer struct {
		conn types.HijackedResponse
		err  error
	}
	dialed := &dialedConn{}
	answers := make(chan answer, 1)
	go func() {
		conn, err := e.api.ContainerAttach(context.WithValue(ctx, dialedKey{}, dialed), id,
			container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
		answers <- answer{conn, err}
	}()
	select {
	case got := <-answers:
		return got.conn, got.err
	case <-ctx.Done():
		dialed.abort()
		go func() {
			if got := <-answers; got.err == nil {
				got.conn.Close()
			}
		}()
		return types.HijackedResponse{}, context.Cause(ctx)
	}
}

// dialedConn is the connection that one call was given.
type dialedConn struct {
	mu      sync.Mutex
	conn    net.Conn
	aborted bool
}

type dialedKey struct{}

func (d *dialedConn) set(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn = conn
	if d.aborted {
		conn.Close()
	}
}

func (d *dialedConn) abort() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.aborted = true
	if d.conn != nil {
		d.conn.Close()
	}
}

// rememberDialed is an option of the client that tells a dialedConn in the
// context of a call which connection it got.
func rememberDialed(c *client.Client) error {
	transport, ok := c.HTTPClient().Transport.(*http.Transport)
	if !ok || transport.DialContext == nil {
		return nil
	}
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if dialed, ok := ctx.Value(dialedKey{}).(*dialedConn); ok && err == nil {
			dialed.set(conn)
		}
		return conn, err
	}
	return nil
}
