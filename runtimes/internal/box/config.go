package box

// Config is the layout of one box. It travels to the agent as JSON. Paths are
// absolute and clean; sources are on the host and free of symlinks, targets
// are in the box.
type Config struct {
	Hostname string
	// Root bounds the tmpfs that holds the names below "/". It is read-only
	// once the box is entered.
	Root Bound
	// UID and GID own the scratch directories, as the box counts them.
	UID, GID int
	// Binds are what the box shows of the host.
	Binds []Bind
	// Links are symlinks in the root.
	Links []Link
	// Files are small files, readable by all.
	Files []File
	// Scratch are the writable directories besides the workspace.
	Scratch []Scratch
	// Seeds fill scratch directories.
	Seeds []Seed
	// Processors is how many processors /proc tells of; zero, or more than
	// there are, is all.
	Processors int
	// Workspace is the host's directory that the box sees writable as
	// /workspace; "" for none.
	Workspace string
}

// WorkspaceTarget is where a box shows its workspace.
const WorkspaceTarget = "/workspace"

// Bound bounds a tmpfs. A zero member leaves the kernel's default, half of the
// machine's memory.
type Bound struct {
	Bytes, Inodes int64
}

// Bind shows a file or directory of the host read-only, without set-user-id
// programs and devices.
type Bind struct {
	Source, Target string
	// NoExec forbids to run programs from there.
	NoExec bool
	// Optional leaves out a source that the host does not have.
	Optional bool
}

// Link is a symlink at Target that leads to To.
type Link struct {
	Target, To string
}

// File is a small file with that content.
type File struct {
	Target, Content string
	// Owned gives it, and directories made for it, to the box's user.
	Owned bool
}

// Scratch is a writable directory at Target that belongs to the box's user: a
// tmpfs of its own or, with Source, that directory of the host.
type Scratch struct {
	Target string
	Source string `json:",omitempty"`
	Bound
	Mode uint32
	// NoExec forbids to run programs from there.
	NoExec bool
}

// Seed fills Target, a directory to be made in a scratch directory, from
// Source; both are paths in the box. Directories are made, and belong to the
// box's user.
type Seed struct {
	Source, Target string
	// Link makes a symlink to each file instead of a copy: the source stays
	// shared and read-only, and the box may put files of its own beside it.
	Link bool
	// Whole makes one symlink at Target, to Source: the box may put files of its
	// own beside Target only.
	Whole bool
}
