package runtimetest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

var folders atomic.Int64

// folder makes a directory of its own for a case in a shared workspace.
func folder(t testing.TB, ws runtimes.Workspace) string {
	t.Helper()
	name := fmt.Sprintf("case-%d", folders.Add(1))
	if err := ws.CreateDirectory(t.Context(), runtimes.CreateDirectory{Path: name}); err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	return name
}

func writeFile(t testing.TB, ws runtimes.Workspace, path, content string) {
	t.Helper()
	n, err := ws.WriteFile(t.Context(), runtimes.WriteFile{Path: path, Content: []byte(content)})
	if err != nil || n != int64(len(content)) {
		t.Fatalf("write %s: %d bytes, %v", path, n, err)
	}
}

func readFile(t testing.TB, ws runtimes.Workspace, path string) string {
	t.Helper()
	found, err := ws.ReadFile(t.Context(), runtimes.ReadFile{Path: path})
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	return string(found.Content)
}

// wantCode checks the code of a file command's error; "" is no error.
func wantCode(t testing.TB, what string, err error, want runtimes.FileCode) {
	t.Helper()
	got := runtimes.FileCodeOf(err)
	if got != want || (want == "") != (err == nil) {
		t.Errorf("%s: code %q (%v), want %q", what, got, err, want)
	}
}
