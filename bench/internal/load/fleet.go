package load

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// member is a session with the connection that it is used over.
type member struct {
	client  *client.Client
	session string // "" when the calls need none
}

func (m member) close(ctx context.Context) error {
	if m.session == "" {
		return nil
	}
	return m.client.CloseSession(ctx, m.session)
}

// fleet is all connections and sessions of a test.
type fleet struct {
	scenario *Scenario
	dial     func(context.Context) (*client.Client, error)

	mu      sync.Mutex
	clients []*client.Client // that make calls
	idle    []*client.Client
	members []member
	connect *hdrhistogram.Histogram
	create  *hdrhistogram.Histogram
}

// At once so many connections are made, and so many sessions: more would
// measure the queue of the making.
const (
	dialing  = 64
	creating = 8
)

// setupTimeout bounds the making of one connection or session.
const setupTimeout = time.Minute

// open makes them all. The caller closes the fleet, also after an error, which
// says how far it got.
func (f *fleet) open(ctx context.Context) error {
	f.connect, f.create = newHistogram(), newHistogram()
	if err := f.connectAll(ctx, f.scenario.Connections, &f.clients); err != nil {
		return err
	}
	if err := f.connectAll(ctx, f.scenario.Idle, &f.idle); err != nil {
		return err
	}
	if !f.scenario.needsSession() {
		for _, c := range f.clients {
			f.members = append(f.members, member{client: c})
		}
		return nil
	}
	total := len(f.clients) * f.scenario.Sessions
	err := atOnce(ctx, creating, total, func(ctx context.Context, i int) error { return f.openSession(ctx, f.clients[i%len(f.clients)]) })
	if err != nil {
		return fmt.Errorf("%d of %d sessions were made: %w", len(f.members), total, err)
	}
	return nil
}

func (f *fleet) connectAll(ctx context.Context, n int, to *[]*client.Client) error {
	err := atOnce(ctx, dialing, n, func(ctx context.Context, _ int) error {
		start := time.Now()
		c, err := f.dial(ctx)
		if err != nil {
			return err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		*to = append(*to, c)
		return f.connect.RecordValue(max(time.Since(start).Microseconds(), lowest))
	})
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%d of %d connections were made: %w", len(*to), n, err)
	if strings.Contains(err.Error(), "too many open files") {
		err = fmt.Errorf("%w (raise the limit here and of the server: `ulimit -n %d`)", err, 2*(f.scenario.Connections+f.scenario.Idle))
	}
	return err
}

func (f *fleet) openSession(ctx context.Context, c *client.Client) error {
	start := time.Now()
	p := protocol.SessionCreate{
		Language: f.scenario.Language, RuntimeType: protocol.RuntimeType(f.scenario.RuntimeType),
		Labels: map[string]string{"app": "codebeaker-bench"},
	}
	if f.scenario.MemoryLimitMB > 0 {
		p.MemoryLimitMB = &f.scenario.MemoryLimitMB
	}
	s, err := c.Create(ctx, p)
	if err != nil {
		return err
	}
	took := time.Since(start)
	f.mu.Lock()
	f.members = append(f.members, member{c, s.SessionID})
	err = f.create.RecordValue(max(took.Microseconds(), lowest))
	f.mu.Unlock()
	for _, command := range f.scenario.Prepare {
		call := Call{Command: command}
		err = errors.Join(err, call.do(ctx, c, s.SessionID))
	}
	return err
}

// gone reports whether every connection that makes calls has ended.
func (f *fleet) gone() bool {
	for _, c := range f.clients {
		select {
		case <-c.Done():
		default:
			return false
		}
	}
	return len(f.clients) > 0
}

// lost counts the idle connections that have ended.
func (f *fleet) lost() (n int) {
	for _, c := range f.idle {
		select {
		case <-c.Done():
			n++
		default:
		}
	}
	return n
}

// close ends sessions and connections; the error is that of the sessions which
// could not be closed.
func (f *fleet) close(ctx context.Context) error {
	var left []error
	if !f.gone() {
		_ = atOnce(ctx, creating, len(f.members), func(ctx context.Context, i int) error {
			if err := f.members[i].close(ctx); err != nil { // the others are closed all the same
				f.mu.Lock()
				left = append(left, err)
				f.mu.Unlock()
			}
			return nil
		})
	}
	all := append(f.clients, f.idle...)
	_ = atOnce(context.WithoutCancel(ctx), dialing, len(all), func(_ context.Context, i int) error { return all[i].Close() })
	if len(left) > 0 {
		return fmt.Errorf("%d of %d: %w", len(left), len(f.members), left[0])
	}
	return context.Cause(ctx)
}

// atOnce calls f for each number below n, some at once, until one fails; that
// error is returned. Each call has setupTimeout.
func atOnce(ctx context.Context, limit, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range min(limit, n) {
		workers.Go(func() {
			for i := range numbers {
				one, done := context.WithTimeout(ctx, setupTimeout)
				if err := f(one, i); err != nil {
					cancel(err)
				}
				done()
			}
		})
	}
feed:
	for i := range n {
		select {
		case numbers <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(numbers)
	workers.Wait()
	return context.Cause(ctx)
}
