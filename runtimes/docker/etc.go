package docker

import (
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
)

// etcFile is a file of a container's /etc.
type etcFile struct{ name, content string }

// etcFiles are those that no image knows: programs look up their own uid, the
// names of their machine and whom to ask for others. /etc/hostname is the
// engine's.
func etcFiles(spec runtimes.Spec, uid, gid int) []etcFile {
	return []etcFile{
		{"passwd", surroundings.Passwd(uid, gid)},
		{"group", surroundings.Group(gid)},
		{"hosts", surroundings.Hosts(surroundings.HostName(spec.Session))},
		{"resolv.conf", surroundings.Resolver(spec.Network)},
	}
}
