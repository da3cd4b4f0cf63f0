package docker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/docker/docker/api/types"
)

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
