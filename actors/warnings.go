package actors

import (
	"context"
	"log/slog"
)

// warnings passes on what protoactor-go logs from Warn up: at Info it logs
// every message that came too late, contents included.
type warnings struct{ slog.Handler }

// Enabled holds back what is below Warn.
func (w *warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// quiet is part of our messages: one that comes too late for its actor is no
// news.
type quiet struct{}

// IgnoreDeadLetterLogging is asked by protoactor-go before it logs.
func (quiet) IgnoreDeadLetterLogging() {}
