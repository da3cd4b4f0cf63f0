package workspace

import "errors"

// Sentinels of the Manager.
var (
	// ErrInUse: another server works on the same directory.
	ErrInUse = errors.New("the workspace directory is in use by another server")
	// ErrExists: the session has a workspace already.
	ErrExists = errors.New("the session has a workspace already")
	// ErrNoUID: every uid of the range belongs to a living session.
	ErrNoUID = errors.New("no free uid in the range for sessions")
)
