package runtimetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

var fileErrorCases = []testCase{
	{"EachFailureHasItsCode", failureCodes},
	{"NoPathLeadsOut", noWayOut},
	{"NoLinkLeadsOut", noLinkOut},
	{"NothingButRegularFilesIsRead", regularFilesOnly},
	{"ACallerThatLeftGetsNothingDone", fileWithoutCaller},
}

func failureCodes(t *testing.T, s *suite) {
	ws, ctx := s.environment(t).Workspace(), t.Context()
	dir := folder(t, ws) + "/"
	writeFile(t, ws, dir+"file", "x")
	writeFile(t, ws, dir+"full/file", "x")
	write := func(p string) error {
		_, err := ws.WriteFile(ctx, runtimes.WriteFile{Path: dir + p, Content: []byte("y")})
		return err
	}
	read := func(p string) error {
		_, err := ws.ReadFile(ctx, runtimes.ReadFile{Path: dir + p})
		return err
	}
	copyTo := func(from, to string, overwrite, recursive bool) error {
		_, err := ws.CopyFile(ctx, runtimes.CopyFile{Source: dir + from, Destination: dir + to, Overwrite: overwrite, Recursive: recursive})
		return err
	}
	move := func(from, to string, overwrite bool) error {
		return ws.MoveFile(ctx, runtimes.MoveFile{Source: dir + from, Destination: dir + to, Overwrite: overwrite})
	}
	list := func(p string) error {
		_, err := ws.ListDirectory(ctx, runtimes.ListDirectory{Path: dir + p})
		return err
	}
	for _, c := range []struct {
		what string
		err  error
		want runtimes.FileCode
	}{
		{"read what is not there", read("none"), runtimes.CodeNotFound},
		{"read a directory", read("full"), runtimes.CodeIsADirectory},
		{"read below a file", read("file/x"), runtimes.CodeNotADirectory},
		{"write to a directory", write("full"), runtimes.CodeIsADirectory},
		{"write below a file", write("file/x"), runtimes.CodeNotADirectory},
		{"make what is there", ws.CreateDirectory(ctx, runtimes.CreateDirectory{Path: dir + "full"}), runtimes.CodeAlreadyExists},
		{"make a directory of a file", ws.CreateDirectory(ctx, runtimes.CreateDirectory{Path: dir + "file", Recursive: true}), runtimes.CodeAlreadyExists},
		{"make without parents", ws.CreateDirectory(ctx, runtimes.CreateDirectory{Path: dir + "no/such"}), runtimes.CodeNotFound},
		{"copy what is not there", copyTo("none", "x", true, false), runtimes.CodeNotFound},
		{"copy a directory as a file", copyTo("full", "x", true, false), runtimes.CodeIsADirectory},
		{"copy onto what is there", copyTo("file", "full/file", false, false), runtimes.CodeAlreadyExists},
		{"copy a directory into itself", copyTo("full", "full/in", true, true), runtimes.CodeIsADirectory},
		{"copy a file onto a directory", copyTo("file", "full", true, false), runtimes.CodeIsADirectory},
		{"move what is not there", move("none", "x", true), runtimes.CodeNotFound},
		{"move onto what is there", move("file", "full/file", false), runtimes.CodeAlreadyExists},
		{"move a directory into itself", move("full", "full/in", true), runtimes.CodeIsADirectory},
		{"delete what is not there", ws.DeleteFile(ctx, runtimes.DeleteFile{Path: dir + "none"}), runtimes.CodeNotFound},
		{"delete a full directory", ws.DeleteFile(ctx, runtimes.DeleteFile{Path: dir + "full"}), runtimes.CodeDirectoryNotEmpty},
		{"delete the workspace", ws.DeleteFile(ctx, runtimes.DeleteFile{Path: ".", Recursive: true}), runtimes.CodePermissionDenied},
		{"list a file", list("file"), runtimes.CodeNotADirectory},
		{"list what is not there", list("none"), runtimes.CodeNotFound},
	} {
		wantCode(t, c.what, c.err, c.want)
		var named *runtimes.FileError
		if errors.As(c.err, &named) && (strings.Contains(named.Error(), "openat") || named.Message == "") {
			t.Errorf("%s: the client reads %q", c.what, named.Error())
		}
	}
	if readFile(t, ws, dir+"file") != "x" || readFile(t, ws, dir+"full/file") != "x" {
		t.Error("a command that failed changed a file")
	}
}

// every runs each of the commands on a path.
func every(t *testing.T, ws runtimes.Workspace, path string, check func(what string, err error)) {
	t.Helper()
	ctx := t.Context()
	_, err := ws.ReadFile(ctx, runtimes.ReadFile{Path: path})
	check("read", err)
	_, err = ws.WriteFile(ctx, runtimes.WriteFile{Path: path, Content: []byte("out")})
	check("write", err)
	_, err = ws.WriteFile(ctx, runtimes.WriteFile{Path: path, Content: []byte("out"), Mode: runtimes.Append})
	check("append", err)
	check("make a directory", ws.CreateDirectory(ctx, runtimes.CreateDirectory{Path: path, Recursive: true}))
	_, err = ws.CopyFile(ctx, runtimes.CopyFile{Source: path, Destination: "copied", Overwrite: true, Recursive: true})
	check("copy from", err)
	_, err = ws.CopyFile(ctx, runtimes.CopyFile{Source: "anchor", Destination: path, Overwrite: true})
	check("copy to", err)
	check("move to", ws.MoveFile(ctx, runtimes.MoveFile{Source: "anchor", Destination: path, Overwrite: true}))
	_, err = ws.ListDirectory(ctx, runtimes.ListDirectory{Path: path})
	check("list", err)
}

func noWayOut(t *testing.T, s *suite) {
	ws := s.environment(t).Workspace()
	writeFile(t, ws, "anchor", "x")
	for _, path := range []string{
		"", "..", "../x", "a/../../x", "/", "/etc/passwd", "/workspace/../etc/passwd", "/workspacex", "//x", "nul\x00x",
		strings.Repeat("p/", 2049), strings.Repeat("n", 256),
	} {
		every(t, ws, path, func(what string, err error) {
			wantCode(t, what+" "+path[:min(len(path), 40)], err, runtimes.CodePathOutsideWorkspace)
		})
	}
	if got := readFile(t, ws, "anchor"); got != "x" {
		t.Errorf("the anchor holds %q", got)
	}
}

func noLinkOut(t *testing.T, s *suite) {
	env := s.environment(t)
	ws := env.Workspace()
	dir := folder(t, ws)
	writeFile(t, ws, "anchor", "x")
	writeFile(t, ws, dir+"/inside", "in")
	s.succeeds(t, env, s.shell(t, `cd "$1" && ln -s /etc/passwd file && ln -s /etc etc && ln -s ../../../../etc up && ln -s /workspace/anchor absolute && ln -s inside near`, "/workspace/"+dir))
	for _, name := range []string{"file", "etc/passwd", "etc/", "etc/new", "up/passwd"} {
		every(t, ws, dir+"/"+name, func(what string, err error) {
			wantCode(t, what+" "+name, err, runtimes.CodePathOutsideWorkspace)
		})
	}
	if got := readFile(t, ws, dir+"/absolute"); got != "x" {
		t.Errorf("through an absolute link inside: %q", got)
	}
	if got := readFile(t, ws, dir+"/near"); got != "in" {
		t.Errorf("through a link inside: %q", got)
	}
	found, err := ws.ListDirectory(t.Context(), runtimes.ListDirectory{Path: dir, Recursive: true})
	if err != nil || len(found.Entries) != 6 {
		t.Errorf("links were followed: %+v, %v", found.Entries, err)
	}
	wantCode(t, "delete", ws.DeleteFile(t.Context(), runtimes.DeleteFile{Path: dir, Recursive: true}), "")
	if readFile(t, ws, "anchor") != "x" {
		t.Error("a delete followed a link")
	}
}

func regularFilesOnly(t *testing.T, s *suite) {
	env := s.environment(t)
	ws := env.Workspace()
	dir := folder(t, ws)
	s.succeeds(t, env, s.shell(t, `mkfifo "$1"`, "/workspace/"+dir+"/fifo"))
	_, err := ws.ReadFile(t.Context(), runtimes.ReadFile{Path: dir + "/fifo"})
	wantCode(t, "read a FIFO", err, runtimes.CodeNotRegularFile)
	_, err = ws.CopyFile(t.Context(), runtimes.CopyFile{Source: dir + "/fifo", Destination: dir + "/copy"})
	wantCode(t, "copy a FIFO", err, runtimes.CodeNotRegularFile)
	_, err = ws.WriteFile(t.Context(), runtimes.WriteFile{Path: dir + "/fifo", Mode: runtimes.Append, Content: []byte("x")})
	wantCode(t, "append to a FIFO", err, runtimes.CodeNotRegularFile)
	found, err := ws.ListDirectory(t.Context(), runtimes.ListDirectory{Path: dir})
	if err != nil || len(found.Entries) != 1 || found.Entries[0].Type != runtimes.TypeOther {
		t.Errorf("%+v, %v", found.Entries, err)
	}
}

func fileWithoutCaller(t *testing.T, s *suite) {
	ws := s.environment(t).Workspace()
	name := folder(t, ws) + "/f"
	if _, err := ws.WriteFile(cancelled(t), runtimes.WriteFile{Path: name, Content: []byte("x")}); err == nil {
		t.Error("a write without a caller was done")
	}
	_, err := ws.ReadFile(t.Context(), runtimes.ReadFile{Path: name})
	wantCode(t, "read", err, runtimes.CodeNotFound)
}
