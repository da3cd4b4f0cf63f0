package egress

import "log/slog"

// Options say what a relay permits and who is told.
type Options struct {
	Policy Policy
	// Counters get what the relay carries; nil counts nothing.
	Counters *Counters
	Logger   *slog.Logger // nil is silent
}
