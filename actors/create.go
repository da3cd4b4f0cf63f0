package actors

import (
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// CreateRequest describes the session to create. Every default has been
// applied and every maximum checked before.
type CreateRequest struct {
	// Owner is the id of the key that creates, "" without keys.
	Owner      string
	Language   runtimes.Language
	Preference runtimes.Preference
	// Runtime is the one named, without fallback; zero lets the selector pick.
	Runtime     runtimes.Type
	IdleTimeout time.Duration
	MaxLifetime time.Duration
	Limits      runtimes.Limits
	DiskAsked   bool // Limits.DiskBytes is no default
	Network     runtimes.Network
	Env         []string
	Image       string
	Labels      map[string]string
	// KillOnDisconnect ends the session when no connection has been attached to
	// it for DisconnectGrace.
	KillOnDisconnect bool
	// ClientToken makes the creation idempotent; "" does not. Fingerprint is
	// a digest of all the other parameters: the same token with another
	// fingerprint is an *ArgumentError of clientToken.
	ClientToken string
	Fingerprint string
}

// ListRequest asks for a page of sessions.
type ListRequest struct {
	Owner  string
	Limit  int    // at least 1
	After  string // session id; "" starts
	Labels map[string]string
}
