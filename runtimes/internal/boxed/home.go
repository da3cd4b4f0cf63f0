package boxed

// Where things are in a box.
const (
	// Home is the home directory of the box's user, writable and gone with
	// the environment.
	Home = "/home/user"
	// toolsTarget is the first directory of PATH.
	toolsTarget = "/opt/codebeaker/bin"
	warmTarget  = "/opt/codebeaker/warm"
	userName    = "user"
	// temporary and sharedMemory are the other writable places.
	temporary    = "/tmp"
	sharedMemory = "/dev/shm"
)

// baseEnv is the environment of every program, before the kit's, the
// language's and the session's own.
var baseEnv = []string{
	"PATH=" + toolsTarget + ":/usr/local/bin:/usr/bin:/bin",
	"HOME=" + Home, "TMPDIR=/tmp", "LANG=C.UTF-8", "USER=" + userName, "LOGNAME=" + userName, "SHELL=/bin/sh",
}
