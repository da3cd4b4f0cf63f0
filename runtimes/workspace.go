package runtimes

import "context"

// WorkspacePath is where programs see the workspace of their session.
const WorkspacePath = "/workspace"

// Workspace is the tree of files of one session, seen by its programs as
// /workspace. It outlives the environment. Its methods are safe for use by
// several goroutines.
//
// Paths are relative to the workspace or absolute below /workspace, with
// slashes. A path that leads out of it, by "..", by a symlink or by a race,
// fails with CodePathOutsideWorkspace and touches nothing. What the commands
// could not do is a *FileError; any other error means that the command could
// not be carried out at all.
type Workspace interface {
	WriteFile(ctx context.Context, cmd WriteFile) (written int64, err error)
	ReadFile(ctx context.Context, cmd ReadFile) (FileContent, error)
	CreateDirectory(ctx context.Context, cmd CreateDirectory) error
	CopyFile(ctx context.Context, cmd CopyFile) (copied int64, err error)
	MoveFile(ctx context.Context, cmd MoveFile) error
	DeleteFile(ctx context.Context, cmd DeleteFile) error
	ListDirectory(ctx context.Context, cmd ListDirectory) (Listing, error)

	// Close removes the workspace and everything in it. Idempotent.
	Close() error
}

// FileCommand is a command about files: *WriteFile, *ReadFile, *CreateDirectory,
// *CopyFile, *MoveFile, *DeleteFile or *ListDirectory.
type FileCommand interface {
	// CommandType is the wire word of the command.
	CommandType() string
}

// The wire words of commands.
const (
	TypeProgram         = "execute_shell"
	TypeWriteFile       = "write_file"
	TypeReadFile        = "read_file"
	TypeCreateDirectory = "create_directory"
	TypeCopyFile        = "copy_file"
	TypeMoveFile        = "move_file"
	TypeDeleteFile      = "delete_file"
	TypeListDirectory   = "list_directory"
)

// CommandType is that of a FileCommand.
func (*WriteFile) CommandType() string { return TypeWriteFile }

// CommandType is that of a FileCommand.
func (*ReadFile) CommandType() string { return TypeReadFile }

// CommandType is that of a FileCommand.
func (*CreateDirectory) CommandType() string { return TypeCreateDirectory }

// CommandType is that of a FileCommand.
func (*CopyFile) CommandType() string { return TypeCopyFile }

// CommandType is that of a FileCommand.
func (*MoveFile) CommandType() string { return TypeMoveFile }

// CommandType is that of a FileCommand.
func (*DeleteFile) CommandType() string { return TypeDeleteFile }

// CommandType is that of a FileCommand.
func (*ListDirectory) CommandType() string { return TypeListDirectory }

// WriteMode says what to do with a file that is there already.
type WriteMode uint8

// The write modes. Replace writes into the file that is there, once space for
// all of it is reserved: without enough of it the old content stays. Append is
// rolled back when space runs out.
const (
	Replace WriteMode = iota
	Append
)

// WriteFile writes a regular file and makes the directories above it. A file
// that is there keeps its mode, its hard links and those who watch it.
type WriteFile struct {
	Path    string
	Content []byte
	Mode    WriteMode
	// Executable: true lets those run the file who may read it, false nobody,
	// nil leaves a file as it is and makes a plain one.
	Executable *bool
	// Atomic makes Replace put a new file in the place of the old, with its
	// mode but without its other hard links: a reader sees the old content or
	// the new.
	Atomic bool
}

// ReadFile reads a part of a regular file.
type ReadFile struct {
	Path   string
	Offset int64 // past the end: nothing
	Length int64 // at most; zero or more than MaxRead: MaxRead
}

// MaxRead is the most that one ReadFile returns, in bytes.
const MaxRead = 8 << 20

// FileContent is what ReadFile found.
type FileContent struct {
	Content []byte
	Size    int64 // of the whole file
	// Truncated: the file goes on after Content although no Length asked to
	// stop there.
	Truncated bool
}

// CreateDirectory makes a directory; Recursive makes those above it too and
// does not mind one that is there.
type CreateDirectory struct {
	Path      string
	Recursive bool
}

// CopyFile copies a file, or with Recursive a directory. Symlinks below a
// directory are copied as links.
type CopyFile struct {
	Source, Destination string
	Overwrite           bool
	Recursive           bool
}

// MoveFile renames a file or a directory.
type MoveFile struct {
	Source, Destination string
	Overwrite           bool
}

// DeleteFile removes a file or an empty directory, or with Recursive a tree.
// The workspace itself is refused.
type DeleteFile struct {
	Path      string
	Recursive bool
}

// ListDirectory lists a directory in the order of names.
type ListDirectory struct {
	Path       string
	Recursive  bool
	Pattern    string // see Pattern; "" is all. One of paths goes down by itself
	SkipHidden bool
	MaxDepth   int // of a recursive listing; 0 is no bound
	Limit      int // of entries; 0 is DefaultListLimit
}

// DefaultListLimit is the most entries of a listing that sets no limit.
const DefaultListLimit = 10_000

// Listing is what ListDirectory found. Truncated: the limit was reached.
type Listing struct {
	Entries   []Entry
	Truncated bool
}

// EntryType says what a directory entry is. The values are the wire words.
type EntryType string

// The types of entries. Links are not followed.
const (
	TypeFile      EntryType = "file"
	TypeDirectory EntryType = "directory"
	TypeSymlink   EntryType = "symlink"
	TypeOther     EntryType = "other"
)

// Entry is one name in a Listing.
type Entry struct {
	Name       string // the last element of Path
	Path       string // relative to the workspace
	Type       EntryType
	Size       int64  // bytes, of regular files
	Mode       uint32 // permission bits
	ModifiedAt int64  // milliseconds since 1970, UTC
}
