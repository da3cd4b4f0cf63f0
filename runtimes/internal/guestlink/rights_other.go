//go:build !linux

package guestlink

import (
	"errors"
	"os"
)

// unixRights is for control groups, which only Linux has.
func unixRights([]*os.File) ([]byte, error) { return nil, errors.ErrUnsupported }
