package egress

import "log/slog"

// Options say what a relay permits and who is told.
type Options struct {
	Policy Policy
	// UID is who the relay is where the server is root: the session's own, so
	// that relays of two sessions cannot touch each other. Zero is nobody.
	// Where the server is an ordinary user the relay is that user.
	UID int
	// Lost is called when a relay died so often that it is not started again:
	// the session has no network any more. Nil does nothing.
	Lost func()
	// Counters get what the relay carries; nil counts nothing.
	Counters *Counters
	Logger   *slog.Logger // nil is silent
}
