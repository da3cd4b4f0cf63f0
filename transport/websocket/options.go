package websocket

import (
	"log/slog"
	"time"
)

// What Options have where they say nothing.
const (
	DefaultMessageBytes = 16 << 20
	DefaultPingInterval = 30 * time.Second
	DefaultMessageRate  = 16 << 10
)

// Options are the limits of a connection. Each names what it keeps off. The
// zero Options are ready.
type Options struct {
	// MessageBytes is the largest incoming message, over all its fragments.
	// A larger one closes with 1009 before it is read. Zero means 16 MiB.
	MessageBytes int
	// QueueBytes is how many bytes of replies may wait for a client that does
	// not read; one reply alone may be larger. More closes with 1013. Zero
	// means 4 MiB.
	QueueBytes int
	// BatchBytes is about how much is pulled from sources for one write. Zero
	// means 64 KiB.
	BatchBytes int

	// StallTimeout closes with 1013 "slow consumer" when the client takes not
	// one byte for so long. Zero means 1 s.
	StallTimeout time.Duration
	// FrameTimeout is how long a message, once its first byte came, may fall
	// behind MessageRate: a client that trickles or stops. So may one that is
	// sent piece by piece (Conn.Send), of the side that reads it. Zero means 30 s;
	// negative, for ever.
	FrameTimeout time.Duration
	// MessageRate is how many bytes of it must come in a second, or go. Zero
	// means 16 KiB.
	MessageRate int
	// CloseTimeout is how long the closing handshake may take, and how long the
	// close frame of a slow consumer waits for it. Zero means 5 s.
	CloseTimeout time.Duration
	// PingInterval is the time between pings; a connection of a Hub closes when
	// two are unanswered. Zero means 30 s; negative, no pings.
	PingInterval time.Duration

	// Oversize returns dst with another message from start on, for the one that
	// is there has more than most bytes, which is what Conn.Bound set. It is
	// called under a lock, as the encode of Conn.Reply is. Nil sends nothing
	// instead.
	Oversize func(dst []byte, start, most int) []byte

	// Logger gets panics of handlers and sources. Nil means none.
	Logger *slog.Logger
}

// withDefaults returns o with its zeros replaced.
func (o Options) withDefaults() *Options {
	number(&o.MessageBytes, DefaultMessageBytes)
	number(&o.QueueBytes, 4<<20)
	number(&o.BatchBytes, 64<<10)
	number(&o.StallTimeout, time.Second)
	number(&o.FrameTimeout, 30*time.Second)
	number(&o.MessageRate, DefaultMessageRate)
	number(&o.CloseTimeout, 5*time.Second)
	number(&o.PingInterval, DefaultPingInterval)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &o
}

func number[T int | time.Duration](v *T, zero T) {
	if *v == 0 {
		*v = zero
	}
}
