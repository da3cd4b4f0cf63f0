package rpc

import (
	"time"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

const (
	// maxPause is how long the reading of a connection rests at most before one
	// request.
	maxPause = time.Second
	// minPause is how long it rests at least: a sleep costs more than a request.
	minPause = 5 * time.Millisecond
)

// pace bounds one connection with one word, for there are many: it is when, since
// began, the next message is due if all came evenly.
type pace time.Duration

// take takes a message of a connection that may send so many a second, a second's
// worth at once, and says how long it has to wait. Zero does not bound.
func (p *pace) take(now time.Duration, perSecond float64) (wait time.Duration) {
	if perSecond <= 0 {
		return 0
	}
	due := max(time.Duration(*p), now-time.Second)
	*p = pace(due + time.Duration(float64(time.Second)/perSecond))
	return due - now
}

// heavyMessage is from which size on a message takes a processor for so long that
// not all connections may do it at once.
const heavyMessage = 128 << 10

// began is when the process did. The time since then costs half of time.Now.
var began = time.Now()

// time is when the message in hand came, or rested last.
func (cn *connection) time() time.Time { return began.Add(cn.now) }

// receive serves a message. It is called by the goroutine that reads the
// connection: while it rests nothing more is read.
func (cn *connection) receive(msg []byte, to jsonrpc.Replier) {
	cn.now = time.Since(began)
	cn.over = cn.service.Account().Message(cn.time(), len(msg))
	if len(msg) < heavyMessage {
		cn.door.parser.Parse(msg, to, cn)
	} else {
		cn.door.heavily(func() {
			cn.working = true
			defer func() { cn.working = false }()
			cn.door.parser.Parse(msg, to, cn)
		})
	}
	if cn.over != nil {
		cn.pause(cn.over.RetryAfter)
	}
}

// charge takes a call from the rates of the connection and of its key, and
// returns which one it is over: a call is to be refused then, a notification has
// waited for its turn and is dropped.
func (cn *connection) charge(notification bool) *sessions.RateError {
	if wait := cn.pace.take(cn.now, cn.door.options.MessagesPerSecond); wait > 0 {
		cn.pause(wait)
	}
	account := cn.service.Account()
	err := cn.over
	if err == nil {
		if err = account.Call(cn.time()); err == nil {
			return nil
		}
	}
	cn.service.Refused(err, "")
	if notification {
		cn.pause(err.RetryAfter)
		if cn.over != nil {
			return err
		}
		return account.Call(cn.time())
	}
	if wait := account.Refusal(cn.time()); wait > 0 {
		cn.pause(wait)
	}
	return err
}

// Rejected is jsonrpc.Handler's: it charges for what was no request. It has waited then, or is answered.
func (cn *connection) Rejected(e *jsonrpc.Error) {
	cn.door.metrics.rejected(e)
	_ = cn.charge(true)
}

// pause keeps the connection from being read for a while.
func (cn *connection) pause(d time.Duration) {
	cn.door.metrics.paused.Inc()
	if cn.working { // others may work meanwhile
		<-cn.door.heavy
		defer func() { cn.door.heavy <- struct{}{} }()
	}
	t := time.NewTimer(min(max(d, minPause), maxPause))
	defer t.Stop()
	select {
	case <-t.C:
	case <-cn.ctx.Done():
	case <-cn.door.base.Done():
	}
	cn.now = time.Since(began)
}
