package rpc

import (
	"errors"
	"math"
	"time"

	"golang.org/x/time/rate"

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

// newPacer is what bounds one connection; nil for no bound.
func newPacer(perSecond float64) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(int(math.Ceil(perSecond)), 1))
}

// began is when the process did.
var began = time.Now()

// clock is the time, for half of what time.Now costs.
func clock() time.Time { return began.Add(time.Since(began)) }

// receive serves a message. It is called by the goroutine that reads the
// connection: while it rests nothing more is read.
func (cn *connection) receive(msg []byte, to jsonrpc.Replier) {
	cn.now = clock()
	cn.over = cn.service.Account().Message(cn.now, len(msg))
	cn.parser.Parse(msg, to, cn.parse)
	if cn.over != nil {
		cn.rest(cn.over)
	}
}

// charge takes a call from the rates of the connection and of its key, and
// returns which one it is over: a call is to be refused then, a notification has
// waited for its turn and is dropped.
func (cn *connection) charge(notification bool) error {
	if p := cn.pacer; p != nil && !p.AllowN(cn.now, 1) {
		cn.now = clock()
		cn.pause(p.ReserveN(cn.now, 1).DelayFrom(cn.now))
	}
	account := cn.service.Account()
	err := cn.over
	if err == nil {
		if err = account.Call(cn.now); err == nil {
			return nil
		}
	}
	if notification {
		cn.rest(err)
		if cn.over != nil {
			return err
		}
		return account.Call(cn.now)
	}
	if wait := account.Refusal(cn.now); wait > 0 {
		cn.pause(wait)
	}
	return err
}

// rejected charges for what was no request. It has waited then, or is answered.
func (cn *connection) rejected(e *jsonrpc.Error) {
	cn.door.metrics.rejected(e)
	_ = cn.charge(true)
}

// rest waits until what is over its rate would be within it.
func (cn *connection) rest(over error) {
	if e := (*sessions.RateError)(nil); errors.As(over, &e) {
		cn.pause(e.RetryAfter)
	}
}

// pause keeps the connection from being read for a while.
func (cn *connection) pause(d time.Duration) {
	cn.door.metrics.paused.Inc()
	t := time.NewTimer(min(max(d, minPause), maxPause))
	defer t.Stop()
	select {
	case <-t.C:
	case <-cn.ctx.Done():
	case <-cn.door.base.Done():
	}
	cn.now = clock()
}
