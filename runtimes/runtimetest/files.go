package runtimetest

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var fileCases = []testCase{
	{"WhatIsWrittenIsRead", writtenIsRead},
	{"WritesReplaceOrAppend", replaceOrAppend},
	{"WritesKeepTheModeOfAFile", writesKeepMode},
	{"ReadsTakeAPart", readPart},
	{"LargeFilesAreCutAtTheBound", readLarge},
	{"DirectoriesAreMade", makeDirectories},
	{"CopiesAreComplete", copyComplete},
	{"MovesRename", moveRenames},
	{"DeletesRemove", deleteRemoves},
	{"ListingsAreSortedAndBounded", listSorted},
	{"EveryByteSurvives", everyByte},
	{"NamesAreAnyBytes", anyNames},
}

// Names that are not UTF-8 are written, listed, read, copied, renamed and deleted
// as they are.
func anyNames(t *testing.T, s *suite) {
	ws := s.environment(t).Workspace()
	dir := folder(t, ws)
	odd, other, copied := dir+"/odd\xff\x80", dir+"/d\xe9j\xe0/vu\xfe", dir+"/\xc3("
	writeFile(t, ws, odd, "odd")
	if _, err := ws.CopyFile(t.Context(), runtimes.CopyFile{Source: odd, Destination: copied}); err != nil {
		t.Error(err)
	}
	if err := ws.CreateDirectory(t.Context(), runtimes.CreateDirectory{Path: dir + "/d\xe9j\xe0"}); err != nil {
		t.Error(err)
	}
	if err := ws.MoveFile(t.Context(), runtimes.MoveFile{Source: odd, Destination: other}); err != nil {
		t.Error(err)
	}
	listing, err := ws.ListDirectory(t.Context(), runtimes.ListDirectory{Path: dir, Recursive: true})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, e := range listing.Entries {
		paths = append(paths, e.Path)
	}
	if want := []string{dir + "/d\xe9j\xe0", other, copied}; !slices.Equal(paths, want) {
		t.Fatalf("listed %q, want %q", paths, want)
	}
	for _, path := range []string{copied, other} {
		if got := readFile(t, ws, path); got != "odd" {
			t.Errorf("%q holds %q", path, got)
		}
		if err := ws.DeleteFile(t.Context(), runtimes.DeleteFile{Path: path}); err != nil {
			t.Error(err)
		}
	}
}

func writtenIsRead(t *testing.T, s *suite) {
	ws := s.environment(t).Workspace()
	dir := folder(t, ws)
	names := []string{"a", "deep/er/b", "./c", "x/../d", "~", `..\e`, "%2e%2e", "$HOME", "-rf", "two words", "\u202e", "ä", "new\nline", strings.Repeat("n", 255)}
	for _, name := range names {
		writeFile(t, ws, dir+"/"+name, "in "+name)
		if got := readFile(t, ws, dir+"/"+name); got != "in "+name {
			t.Errorf("%q holds %q", name, got)
		}
	}
	if got := readFile(t, ws, "/workspace/"+dir+"/a"); got != "in a" {
		t.Errorf("by its absolute path it holds %q", got)
	}
	writeFile(t, ws, dir+"/empty", "")
	if got := readFile(t, ws, dir+"/empty"); got != "" {
		t.Errorf("an empty file holds %q", got)
	}
}

func everyByte(t *testing.T, s *suite) {
	ws := s.environment(t).Workspace()
	all := make([]byte, 256*4)
	for i := range all {
		all[i] = byte(i)
	}
	name := folder(t, ws) + "/bytes"
	writeFile(t, ws, name, string(all))
	if got := readFile(t, ws, name); got != string(all) {
		t.Errorf("%d bytes came back changed", len(got))
	}
}

func replaceOrAppend(t *testing.T, s *suite) {
	ws := s.environment(t).Workspace()
	name := folder(t, ws) + "/f"
	for _, step := range []struct {
		mode runtimes.WriteMode
		text string
		want string
	}{
		{runtimes.Append, "first", "first"}, {runtimes.Replace, "new", "new"}, {runtimes.Append, "+more", "new+more"}, {runtimes.Replace, "", ""},
	} {
		cmd := runtimes.WriteFile{Path: name, Content: []byte(step.text), Mode: step.mode}
		if n, err := ws.WriteFile(t.Context(), cmd); err != nil || n != int64(len(step.text)) {
			t.Fatalf("%+v: %d, %v", cmd, n, err)
		}
		if got := readFile(t, ws, name); got != step.want {
			t.Errorf("holds %q, want %q", got, step.want)
		}
	}
}

func writesKeepMode(t *testing.T, s *suite) {
	ws := s.environment(t).Workspace()
	dir := folder(t, ws)
	for _, step := range []struct {
		executable *bool
		atomic     bool
		want       uint32
	}{{nil, false, 0o644}, {new(true), false, 0o755}, {nil, false, 0o755}, {nil, true, 0o755}, {new(false), true, 0o644}, {new(true), true, 0o755}, {new(false), false, 0o644}} {
		cmd := runtimes.WriteFile{Path: dir + "/f", Content: []byte("x"), Executable: step.executable, Atomic: step.atomic}
		if _, err := ws.WriteFile(t.Context(), cmd); err != nil {
			t.Fatal(err)
		}
		found, err := ws.ListDirectory(t.Context(), runtimes.ListDirectory{Path: dir})
		if err != nil || len(found.Entries) != 1 || found.Entries[0].Mode != step.want {
			t.Errorf("%+v: %+v, %v", step, found.Entries, err)
		}
	}
}

func readPart(t *testing.T, s *suite) {
	ws := s.environment(t).Workspace()
	name := folder(t, ws) + "/f"
	writeFile(t, ws, name, "0123456789")
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, 0, "0123456789"}, {3, 4, "3456"}, {8, 10, "89"}, {10, 1, ""}, {1 << 40, 1, ""}} {
		found, err := ws.ReadFile(t.Context(), runtimes.ReadFile{Path: name, Offset: c.offset, Length: c.length})
		if err != nil || string(found.Content) != c.want || found.Size != 10 || found.Truncated {
			t.Errorf("offset %d, length %d: %q of %d, truncated %v, %v", c.offset, c.length, found.Content, found.Size, found.Truncated, err)
		}
	}
}

func readLarge(t *testing.T, s *suite) {
	ws := s.environment(t).Workspace()
	dir := folder(t, ws)
	content := bytes.Repeat([]byte("0123456789abcdef"), runtimes.MaxRead/16+1)
	writeFile(t, ws, dir+"/large", string(content))
	found, err := ws.ReadFile(t.Context(), runtimes.ReadFile{Path: dir + "/large"})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Content) != runtimes.MaxRead || !found.Truncated || found.Size != int64(len(content)) {
		t.Errorf("%d bytes of %d, truncated %v", len(found.Content), found.Size, found.Truncated)
	}
	if !bytes.HasPrefix(content, found.Content) {
		t.Error("the bytes are not those of the start")
	}
	wantCode(t, "delete", ws.DeleteFile(t.Context(), runtimes.DeleteFile{Path: dir + "/large"}), "")
}

func makeDirectories(t *testing.T, s *suite) {
	ws, ctx := s.environment(t).Workspace(), t.Context()
	dir := folder(t, ws)
	for _, cmd := range []runtimes.CreateDirectory{
		{Path: dir + "/one"}, {Path: dir + "/a/b/c", Recursive: true}, {Path: dir + "/a/b/c", Recursive: true}, {Path: dir + "/slash/"},
	} {
		wantCode(t, cmd.Path, ws.CreateDirectory(ctx, cmd), "")
	}
	writeFile(t, ws, dir+"/a/b/c/file", "x")
}

func copyComplete(t *testing.T, s *suite) {
	ws, ctx := s.environment(t).Workspace(), t.Context()
	dir := folder(t, ws)
	writeFile(t, ws, dir+"/a/one", "1")
	writeFile(t, ws, dir+"/a/b/two", "22")
	n, err := ws.CopyFile(ctx, runtimes.CopyFile{Source: dir + "/a/one", Destination: dir + "/one"})
	wantCode(t, "copy a file", err, "")
	if n != 1 || readFile(t, ws, dir+"/one") != "1" {
		t.Errorf("copied %d bytes", n)
	}
	n, err = ws.CopyFile(ctx, runtimes.CopyFile{Source: dir + "/a", Destination: dir + "/copy", Recursive: true})
	wantCode(t, "copy a directory", err, "")
	if n != 3 || readFile(t, ws, dir+"/copy/b/two") != "22" || readFile(t, ws, dir+"/a/b/two") != "22" {
		t.Errorf("copied %d bytes", n)
	}
	_, err = ws.CopyFile(ctx, runtimes.CopyFile{Source: dir + "/a/b/two", Destination: dir + "/one", Overwrite: true})
	wantCode(t, "overwrite", err, "")
	if got := readFile(t, ws, dir+"/one"); got != "22" {
		t.Errorf("overwritten with %q", got)
	}
}

func moveRenames(t *testing.T, s *suite) {
	ws, ctx := s.environment(t).Workspace(), t.Context()
	dir := folder(t, ws)
	writeFile(t, ws, dir+"/a/file", "x")
	writeFile(t, ws, dir+"/other", "y")
	wantCode(t, "move a directory", ws.MoveFile(ctx, runtimes.MoveFile{Source: dir + "/a", Destination: dir + "/b"}), "")
	wantCode(t, "overwrite", ws.MoveFile(ctx, runtimes.MoveFile{Source: dir + "/b/file", Destination: dir + "/other", Overwrite: true}), "")
	if got := readFile(t, ws, dir+"/other"); got != "x" {
		t.Errorf("moved file holds %q", got)
	}
	_, err := ws.ReadFile(ctx, runtimes.ReadFile{Path: dir + "/b/file"})
	wantCode(t, "read the old name", err, runtimes.CodeNotFound)
}

func deleteRemoves(t *testing.T, s *suite) {
	ws, ctx := s.environment(t).Workspace(), t.Context()
	dir := folder(t, ws)
	writeFile(t, ws, dir+"/file", "x")
	writeFile(t, ws, dir+"/tree/deep/file", "x")
	wantCode(t, "delete a file", ws.DeleteFile(ctx, runtimes.DeleteFile{Path: dir + "/file"}), "")
	wantCode(t, "delete a tree", ws.DeleteFile(ctx, runtimes.DeleteFile{Path: dir + "/tree", Recursive: true}), "")
	found, err := ws.ListDirectory(ctx, runtimes.ListDirectory{Path: dir})
	if err != nil || len(found.Entries) != 0 {
		t.Errorf("left: %+v, %v", found.Entries, err)
	}
	wantCode(t, "delete an empty directory", ws.DeleteFile(ctx, runtimes.DeleteFile{Path: dir}), "")
}

func listSorted(t *testing.T, s *suite) {
	ws := s.environment(t).Workspace()
	dir := folder(t, ws)
	for _, name := range []string{"b.txt", "a/z.txt", "a/y/x.txt", ".hidden", "c.go"} {
		writeFile(t, ws, dir+"/"+name, name)
	}
	for _, c := range []struct {
		cmd       runtimes.ListDirectory
		want      string
		truncated bool
	}{
		{runtimes.ListDirectory{}, ".hidden a b.txt c.go", false},
		{runtimes.ListDirectory{SkipHidden: true, Recursive: true}, "a a/y a/y/x.txt a/z.txt b.txt c.go", false},
		{runtimes.ListDirectory{Recursive: true, MaxDepth: 2}, ".hidden a a/y a/z.txt b.txt c.go", false},
		{runtimes.ListDirectory{Recursive: true, Pattern: "*.txt"}, "a/y/x.txt a/z.txt b.txt", false},
		{runtimes.ListDirectory{Pattern: "**/*.{txt,go}"}, "a/y/x.txt a/z.txt b.txt c.go", false},
		{runtimes.ListDirectory{Pattern: "a/*.txt"}, "a/z.txt", false},
		{runtimes.ListDirectory{Limit: 2}, ".hidden a", true},
	} {
		c.cmd.Path = dir
		found, err := ws.ListDirectory(t.Context(), c.cmd)
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, entry := range found.Entries {
			paths = append(paths, strings.TrimPrefix(entry.Path, dir+"/"))
			checkEntry(t, entry)
		}
		if got := strings.Join(paths, " "); got != c.want || found.Truncated != c.truncated {
			t.Errorf("%+v: %q, truncated %v", c.cmd, got, found.Truncated)
		}
	}
}

// checkEntry checks what listSorted wrote: each file holds its own path.
func checkEntry(t *testing.T, entry runtimes.Entry) {
	t.Helper()
	age := time.Since(time.UnixMilli(entry.ModifiedAt))
	if age < -time.Minute || age > time.Hour {
		t.Errorf("%s was modified %v ago", entry.Path, age)
	}
	switch {
	case strings.Contains(entry.Name, "/") || !strings.HasSuffix(entry.Path, entry.Name):
		t.Errorf("name %q of path %q", entry.Name, entry.Path)
	case strings.Contains(entry.Name, ".") && (entry.Type != runtimes.TypeFile || entry.Mode != 0o644 || entry.Size == 0):
		t.Errorf("file %+v", entry)
	case !strings.Contains(entry.Name, ".") && (entry.Type != runtimes.TypeDirectory || entry.Mode != 0o755):
		t.Errorf("directory %+v", entry)
	}
}
