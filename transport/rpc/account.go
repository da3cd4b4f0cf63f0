package rpc

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/transport/budget"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

// What a connection holds is taken from the budget of its client: the account of
// a message that comes in passes to the calls in it, and from them to the command
// of an execution, until that is done; a large reply takes before it is made, and
// gives back once it is written.

const (
	// smallParams is up to which size params take nothing.
	smallParams = 2 << 10
	// replyWait is how long a reply waits for room.
	replyWait = 30 * time.Second
	// roomRetry is when to try again.
	roomRetry = time.Second
)

// clientOf is the name of a client in the budget: its key, or without keys its
// address.
func clientOf(owner string, r *http.Request) string {
	if owner != "" {
		return "key " + owner
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return "address " + host
}

// admit makes the connection one of its client. False: there is no room for it.
func (cn *connection) admit(r *http.Request) bool {
	cn.account = cn.door.options.Budget.Connect(clientOf(cn.service.Owner(), r))
	if cn.account.Take(budget.Connections, budget.ConnectionBytes) {
		cn.charged = true
		return true
	}
	return false
}

// discharge is the end of the connection as one of its client.
func (cn *connection) discharge() {
	if cn.body != nil {
		cn.body.Release()
	}
	if cn.charged {
		cn.account.Give(budget.Connections, budget.ConnectionBytes)
	}
	cn.account.Close()
}

// noRoom names the limit that is reached.
func (cn *connection) noRoom(part budget.Part) error {
	return &actors.BusyError{Limit: part.String(), Maximum: cn.account.Share(part), RetryAfter: roomRetry}
}

// pass hands on n bytes of what was taken for the message that is being read.
func (cn *connection) pass(n int64) budget.Hold {
	if cn.ws != nil {
		return cn.ws.Pass(n)
	}
	return cn.body.Split(n)
}

// keep makes the call keep the n bytes of its params. False: there is no room.
func (c *call) keep(n int64) bool {
	cn := c.conn
	if c.kept = cn.pass(n); c.kept.Bytes() == n || cn.account == nil {
		return true
	}
	c.kept.Release() // the message took nothing, or less
	n = cn.account.Fit(budget.Incoming, n)
	if !cn.account.Take(budget.Incoming, n) {
		return false
	}
	c.kept = cn.account.Held(budget.Incoming, n)
	return true
}

// handOver makes the execution keep what the call keeps.
func (c *call) handOver() {
	if c.kept.Bytes() > 0 {
		kept := c.kept
		c.kept = budget.Hold{}
		c.request.Release = kept.Release
	}
}

// readAccount is the account of files while they are read, for the actors.
type readAccount budget.Client

// Hold is actors.Account's.
func (a *readAccount) Hold(ctx context.Context, n int64) error {
	c := (*budget.Client)(a)
	n = c.Fit(budget.Reading, n)
	if c.Take(budget.Reading, n) {
		return nil
	}
	request := c.Ask(budget.Reading, n)
	select {
	case <-request.Granted():
		return nil
	case <-ctx.Done():
		request.Cancel()
		return context.Cause(ctx)
	}
}

// Give is actors.Account's.
func (a *readAccount) Give(n int64) {
	c := (*budget.Client)(a)
	c.Give(budget.Reading, c.Fit(budget.Reading, n))
}

// awaitRoom takes what a large reply takes, and waits for its turn meanwhile. The
// members of a batch are one message: the first takes for all, and they are made
// one after another. False: there is no room, or nobody is there any more.
func (c *call) awaitRoom(result any, size int) (held budget.Hold, ok bool) {
	batch, ok := c.to.(*jsonrpc.Batch)
	if !ok {
		return c.conn.takeReply(c.replyCost(result, size, c.room()), size)
	}
	ok = batch.Reserve(func(members, most int) (func(), bool) {
		cost := c.replyCost(result, size*members, most)
		held, ok := c.conn.takeReply(cost, size)
		return held.Release, ok
	})
	return budget.Hold{}, ok
}

// takeReply takes n bytes for a reply. While it waits a result of keeps bytes is kept.
func (cn *connection) takeReply(n int64, keeps int) (held budget.Hold, ok bool) {
	n = cn.account.Fit(budget.Outgoing, n)
	held = cn.account.Held(budget.Outgoing, n)
	if cn.account.Take(budget.Outgoing, n) {
		return held, true
	}
	request := cn.account.Queue(budget.Outgoing, n, int64(keeps))
	if request == nil || !request.Wait(replyWait, cn.ctx.Done()) {
		return budget.Hold{}, false
	}
	return held, true
}
