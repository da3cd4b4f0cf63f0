package workspace

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/codebeaker/codebeaker/runtimes"
)

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
			return l, l.fail(runtimes.CodePathOutsideWorkspace, "the path is not below "+runtimes.WorkspacePath)
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
	below, ok := strings.CutPrefix(absolute, runtimes.WorkspacePath)
	if !ok || below != "" && below[0] != '/' {
		return "", false
	}
	return strings.TrimLeft(below, "/"), true
}

// Bounds of resolve.
const (
	maxLinks = 40  // followed in one path, as in path_resolution(7)
	maxSteps = 512 // elements of a path and of the links in it
)

// through runs a command on a place. os.Root takes every absolute
// symlink for one that leads out. Only when it says so, which costs all other
// paths nothing, are the links in the path resolved, and the command is tried
// once more on what they lead to. os.Root stays the guard: a program that
// changes a link meanwhile gains nothing, since the second try escapes no more
// than the first. last says that a link in the last element counts too.
func (t *Tree) through(at location, last bool, do func(location) error) error {
	err := do(at)
	if !t.isOutside(err) {
		return err
	}
	resolved, failed := t.resolve(at, last)
	if failed != nil {
		return t.explain(at, failed)
	}
	return do(resolved)
}

// throughBoth is through for a command on two places.
func (t *Tree) throughBoth(from, to location, last bool, do func(from, to location) error) error {
	return t.through(from, last, func(from location) error {
		return t.through(to, last, func(to location) error { return do(from, to) })
	})
}

func (t *Tree) isOutside(err error) bool {
	return errors.Is(err, t.escape) || runtimes.FileCodeOf(err) == runtimes.CodePathOutsideWorkspace
}

// resolve returns the place with the links of its path followed, absolute ones
// below /workspace as relative ones are. What is missing stays as it is written.
// Errors: escape, ELOOP.
func (t *Tree) resolve(at location, last bool) (location, error) {
	var done []string
	todo := strings.Split(at.name, "/")
	links, own := 0, len(todo) // own: as many of todo are the path's, not a link's
	for steps := 0; len(todo) > 0; steps++ {
		if steps == maxSteps {
			return at, t.escape
		}
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(done) == 0 {
				return at, t.escape
			}
			done = done[:len(done)-1]
			continue
		}
		done = append(done, part)
		name := strings.Join(done, "/")
		info, err := t.root.Lstat(name)
		if err != nil {
			at.dangling = len(todo) >= own
			done = append(done, todo...)
			break
		}
		if info.Mode().Type() != fs.ModeSymlink || len(todo) == 0 && !last {
			continue
		}
		if links++; links > maxLinks {
			return at, syscall.ELOOP
		}
		text, err := t.root.Readlink(name)
		if err != nil {
			return at, err
		}
		done = done[:len(done)-1]
		if path.IsAbs(text) {
			below, ok := belowMount(text)
			if !ok {
				return at, t.escape
			}
			text, done = below, nil
		}
		own = min(own, len(todo))
		todo = append(strings.Split(text, "/"), todo...)
	}
	if at.name = strings.Join(done, "/"); at.name == "" {
		at.name, at.slash = ".", false
	}
	return at, nil
}

// stat looks at what a path leads to, absolute links below /workspace included.
func (t *Tree) stat(at location) (info fs.FileInfo, err error) {
	err = t.through(at, true, func(at location) (err error) {
		info, err = t.root.Stat(at.text())
		return err
	})
	return info, err
}

// do reads the path of a command and carries it out there.
func (t *Tree) do(ctx context.Context, asked string, last bool, do func(location) error) error {
	at, err := t.begin(ctx, asked)
	if err != nil {
		return err
	}
	return t.through(at, last, func(at location) error { return t.explain(at, do(at)) })
}
