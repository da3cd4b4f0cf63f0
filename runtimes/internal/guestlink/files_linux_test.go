package guestlink

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

func openFiles(t *testing.T) (runtimes.Workspace, *Link, string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("the workspace would have to be in the box; the run as root shows the same")
	}
	dir := t.TempDir()
	l := open(t, Options{Hello: Hello{Workspace: dir, Files: true}})
	return l.Files(), l, dir
}

func TestTheAgentCarriesOutFileCommands(t *testing.T) {
	files, _, dir := openFiles(t)
	ctx := t.Context()
	content := bytes.Repeat([]byte{0, 1, 0xff, 'x'}, 3<<20/4)
	if n, err := files.WriteFile(ctx, runtimes.WriteFile{Path: "a/b", Content: content}); n != int64(len(content)) || err != nil {
		t.Fatal(n, err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a/b")); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes on disk, %v", len(got), err)
	}
	got, err := files.ReadFile(ctx, runtimes.ReadFile{Path: "/workspace/a/b"})
	if err != nil || !bytes.Equal(got.Content, content) || got.Size != int64(len(content)) || got.Truncated {
		t.Errorf("read %d of %d, %v", len(got.Content), got.Size, err)
	}
	if err := files.CreateDirectory(ctx, runtimes.CreateDirectory{Path: "c/d", Recursive: true}); err != nil {
		t.Error(err)
	}
	if n, err := files.CopyFile(ctx, runtimes.CopyFile{Source: "a/b", Destination: "c/e"}); n != int64(len(content)) || err != nil {
		t.Error(n, err)
	}
	if err := files.MoveFile(ctx, runtimes.MoveFile{Source: "c/e", Destination: "c/f"}); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "c", "odd\xff\n"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	listing, err := files.ListDirectory(ctx, runtimes.ListDirectory{Path: "c"})
	if err != nil || len(listing.Entries) != 3 {
		t.Fatalf("%+v, %v", listing, err)
	}
	for i, want := range []string{"d", "f", "odd\xff\n"} {
		if e := listing.Entries[i]; e.Name != want || e.Path != "c/"+want {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
	if err := files.DeleteFile(ctx, runtimes.DeleteFile{Path: "c", Recursive: true}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "c")); !os.IsNotExist(err) {
		t.Error("c is still there")
	}
}

func TestFileErrorsKeepTheirCodeAndThePathOfTheCaller(t *testing.T) {
	files, _, dir := openFiles(t)
	ctx := t.Context()
	if err := os.Symlink("/etc", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, missing := files.ReadFile(ctx, runtimes.ReadFile{Path: "/workspace/none"})
	_, outside := files.ReadFile(ctx, runtimes.ReadFile{Path: "out/passwd"})
	taken := files.MoveFile(ctx, runtimes.MoveFile{Source: "f", Destination: "out/x"})
	for _, c := range []struct {
		err  error
		code runtimes.FileCode
		path string
	}{
		{missing, runtimes.CodeNotFound, "/workspace/none"},
		{outside, runtimes.CodePathOutsideWorkspace, "out/passwd"},
		{taken, runtimes.CodePathOutsideWorkspace, "out/x"},
	} {
		var fileErr *runtimes.FileError
		if !errors.As(c.err, &fileErr) || fileErr.Code != c.code || fileErr.Path != c.path || fileErr.Message == "" {
			t.Errorf("want %s for %s, got %#v", c.code, c.path, c.err)
		}
	}
}

func TestFileCommandsAndExecutionsDoNotHoldEachOtherUp(t *testing.T) {
	files, l, _ := openFiles(t)
	r, p := start(t, l, runtimes.Command{Name: "cat", OpenStdin: true})
	done := make(chan error, 8)
	content := make([]byte, 2<<20)
	for range cap(done) {
		go func() {
			_, err := files.WriteFile(t.Context(), runtimes.WriteFile{Path: "f", Content: content})
			done <- err
		}()
	}
	p.Input([]byte("ping"))
	r.until(t, runtimes.Stdout, func(s string) bool { return s == "ping" })
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	p.CloseInput()
	r.wait(t)
}

func TestFileCommandsEndWithTheLink(t *testing.T) {
	files, l, _ := openFiles(t)
	l.Close()
	if _, err := files.ReadFile(t.Context(), runtimes.ReadFile{Path: "f"}); !errors.Is(err, runtimes.ErrEnvironmentLost) {
		t.Errorf("got %v", err)
	}
}
