package workspace

import (
	"path"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Mount is where programs see the workspace.
const Mount = "/workspace"

// Bounds of a path, those of Linux (limits.h).
const (
	maxPath = 4096
	maxName = 255
)

// location is a path below the workspace. Its name is clean, without a leading
// slash and without "..", and "." for the workspace itself.
type location struct {
	asked string // as the client wrote it
	name  string
	slash bool // it ended in a slash: only a directory will do
	// dangling: symlinks were resolved, and one leads to what is not there.
	dangling bool
}

// text is the name with its trailing slash, for the calls of os.Root that know
// what that means.
func (l location) text() string {
	if l.slash {
		return l.name + "/"
	}
	return l.name
}

func (l location) isTop() bool { return l.name == "." }

// contains reports whether the text of other lies below l.
func (l location) contains(other location) bool {
	return l.isTop() || strings.HasPrefix(other.name, l.name+"/")
}

// fail is a FileError about this location.
func (l location) fail(code runtimes.FileCode, message string) error {
	return &runtimes.FileError{Code: code, Path: l.asked, Message: message}
}

// locate reads a path of a client. What can name nothing in the workspace is
// CodePathOutsideWorkspace.
func locate(asked string) (location, error) {
	l := location{asked: asked}
	switch {
	case asked == "":
		return l, l.fail(runtimes.CodePathOutsideWorkspace, "the path is empty")
	case len(asked) > maxPath:
		l.asked = asked[:64] + "..."
		return l, l.fail(runtimes.CodePathOutsideWorkspace, "the path is longer than 4096 bytes")
	case strings.IndexByte(asked, 0) >= 0:
		return l, l.fail(runtimes.CodePathOutsideWorkspace, "the path holds a NUL byte")
	}
	rest := asked
	if rest[0] == '/' {
		below, ok := belowMount(rest)
		if !ok {
			return l, l.fail(runtimes.CodePathOutsideWorkspace, "the path is not below "+Mount)
		}
		rest = below
	}
	l.name = path.Clean(rest)
	if l.name == ".." || strings.HasPrefix(l.name, "../") {
		return l, l.fail(runtimes.CodePathOutsideWorkspace, "the path leads out of the workspace")
	}
	l.slash = l.name != "." && (strings.HasSuffix(rest, "/") || strings.HasSuffix(rest, "/."))
	return l, nil
}

// belowMount makes an absolute path relative to the workspace.
func belowMount(absolute string) (string, bool) {
	below, ok := strings.CutPrefix(absolute, Mount)
	if !ok || below != "" && below[0] != '/' {
		return "", false
	}
	return strings.TrimLeft(below, "/"), true
}
