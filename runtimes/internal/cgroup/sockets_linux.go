package cgroup

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// boundSockets sets the limit of socket buffers, which version 2 counts as
// memory. A kernel that cannot count them has no such file.
func (g *Group) boundSockets() error {
	if g.version != V1 || g.sockets == 0 {
		return nil
	}
	err := write(g.at[memory], "memory.kmem.tcp.limit_in_bytes", number(g.sockets, "-1"))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}
