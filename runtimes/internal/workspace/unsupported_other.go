//go:build !linux

package workspace

import "errors"

// errUnsupported: this system lacks the mechanism.
var errUnsupported = errors.New("not supported on this system")
