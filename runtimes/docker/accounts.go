package docker

import "fmt"

// The one user of a container, whatever its number.
const (
	userName = "user"
	userHome = "/home/user"
)

// passwd is the container's /etc/passwd, passwd(5): programs look up their own
// uid, which no image knows.
func passwd(uid, gid int) string {
	return fmt.Sprintf("root:x:0:0:root:/root:/usr/sbin/nologin\n"+
		"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"+
		"%s:x:%d:%d::%s:/bin/sh\n", userName, uid, gid, userHome)
}

// group is the container's /etc/group, group(5).
func group(gid int) string {
	return fmt.Sprintf("root:x:0:\nnogroup:x:65534:\n%s:x:%d:\n", userName, gid)
}
