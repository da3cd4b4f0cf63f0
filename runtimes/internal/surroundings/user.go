package surroundings

import "fmt"

// The one user of a session, whatever its number.
const (
	User = "user"
	// Home is writable, and gone with the environment.
	Home = "/home/user"
	// Shell is there in every environment that has one.
	Shell = "/bin/sh"
)

// Passwd is the content of /etc/passwd, passwd(5): the session's user and nobody
// else who could be somebody.
func Passwd(uid, gid int) string {
	return fmt.Sprintf("root:x:0:0:root:/root:/usr/sbin/nologin\n"+
		"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"+
		"%s:x:%d:%d::%s:%s\n", User, uid, gid, Home, Shell)
}

// Group is the content of /etc/group, group(5).
func Group(gid int) string {
	return fmt.Sprintf("root:x:0:\nnogroup:x:65534:\n%s:x:%d:\n", User, gid)
}
