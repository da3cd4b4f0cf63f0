package workspace

import (
	"bytes"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// BenchmarkWriteAndRead is what one write_file and one read_file of 1 KB cost
// on the server's side, on the kind of directory that this host gives.
func BenchmarkWriteAndRead(b *testing.B) {
	for _, plain := range []bool{false, true} {
		m := newManager(b, Options{Plain: plain})
		name := "plain"
		if quota, _ := m.Quota(); quota {
			name = "tmpfs"
		}
		d := newDirectory(b, m, CreateOptions{Session: "bench"})
		content := bytes.Repeat([]byte("x"), 1024)
		b.Run(name+"/write", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.WriteFile(b.Context(), runtimes.WriteFile{Path: "file", Content: content}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/read", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.ReadFile(b.Context(), runtimes.ReadFile{Path: "file"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCreateAndClose(b *testing.B) {
	m := newManager(b, Options{})
	for b.Loop() {
		d, err := m.Create(b.Context(), CreateOptions{Session: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
