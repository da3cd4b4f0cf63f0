//go:build !linux

package diskimage

import (
	"context"
	"errors"
)

func (m *Maker) try() error { return errors.ErrUnsupported }

func (m *Maker) format(shape) (*template, error) { return nil, errors.ErrUnsupported }

// Mount fails: only Linux has loop devices of this kind.
func (m *Maker) Mount(context.Context, string, int64, int64) error { return errors.ErrUnsupported }
