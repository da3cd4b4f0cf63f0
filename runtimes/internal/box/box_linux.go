package box

import (
	"context"
	"net"
	"os"
)

// Box is a started box. Its methods are safe for use by several goroutines.
type Box struct {
	// Conn is the server's end of the link to the agent. Closing it ends the
	// agent and with it the box.
	Conn *net.UnixConn

	process *os.Process
	tail    *tail
	dead    chan struct{}
}

func newBox(conn *net.UnixConn, process *os.Process, tail *tail) *Box {
	b := &Box{Conn: conn, process: process, tail: tail, dead: make(chan struct{})}
	go b.wait()
	return b
}

// wait reaps the box. The end of its first process is the end of all of them:
// the kernel kills the rest of the pid namespace before it reports that one
// (pid_namespaces(7)).
func (b *Box) wait() {
	b.process.Wait()
	close(b.dead)
}

// PID is the host's number of the agent.
func (b *Box) PID() int { return b.process.Pid }

// Dead is closed when no process of the box is left.
func (b *Box) Dead() <-chan struct{} { return b.dead }

// Stderr is the end of what the agent wrote to its standard error; it explains
// a death and belongs in the log.
func (b *Box) Stderr() string { return b.tail.String() }

// Close kills every process of the box and waits until they are gone; its
// mounts and namespaces go with them. Idempotent. Errors: ctx's cause.
func (b *Box) Close(ctx context.Context) error {
	b.process.Kill()
	b.Conn.Close()
	for _, gone := range []<-chan struct{}{b.dead, b.tail.done} {
		select {
		case <-gone:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
