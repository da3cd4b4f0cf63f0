package boxed

import (
	"context"
	"os"
	"testing"
)

func TestABoxOfAnotherToolIsStale(t *testing.T) {
	dir := realTempDir(t)
	t.Setenv("PATH", dir)
	path := script(t, dir, "tool", "echo 1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{DataDir: t.TempDir(), Guest: self}, Flavor{
		Programs: []string{"tool"},
		Find:     func(context.Context, *Host) (Kit, error) { return Kit{}, nil },
	})
	defer r.Close()
	found, err := r.find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e := &Environment{mark: found.mark}
	if r.Stale(t.Context(), e) {
		t.Error("stale without a change")
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho a longer one\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if !r.Stale(t.Context(), e) {
		t.Error("another tool is not noticed")
	}
	if found, err = r.find(t.Context()); err != nil || r.Stale(t.Context(), &Environment{mark: found.mark}) {
		t.Errorf("what is made of the new one is stale, %v", err)
	}
}
