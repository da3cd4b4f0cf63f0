package runtimes

// Network says what a session may reach.
type Network uint8

// The networks. The zero value is none at all: a loopback of its own.
const (
	NoNetwork Network = iota
	Internet
)

// Spec describes the environment to make.
type Spec struct {
	// Session is the id of the session, used as a label and in names. It has
	// only letters, digits, '.' and '-'.
	Session  string
	Language Language
	// Limits are those asked for; Environment.Limits are those in force.
	Limits  Limits
	Network Network
	// DiskAsked: the client asked for Limits.DiskBytes, which is given on disk
	// where its share of memory does not hold as much. Else it is a default,
	// and memory, which is faster, bounds it.
	DiskAsked bool
	// Env are variables of every program, "KEY=value".
	Env []string
	// Image names another image than the language's; Docker only.
	Image string
	// Workspace is that of an environment that was lost; nil makes a new one.
	Workspace Workspace
}

// Limits bound an environment. A zero member is no limit in Environment.Limits
// and the default of the operator's policy in Spec.
type Limits struct {
	MemoryBytes int64
	CPUs        float64
	Processes   int64
	DiskBytes   int64 // of the workspace; on disk, of HOME and /tmp together with it
	Inodes      int64
	// HomeBytes, TemporaryBytes and SharedMemoryBytes are what HOME, /tmp and
	// /dev/shm have room for. They are read back only; a Spec has none.
	HomeBytes         int64
	TemporaryBytes    int64
	SharedMemoryBytes int64
	OpenFiles         int64
	OutputBytes       int64 // of one execution
}
