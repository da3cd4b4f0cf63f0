package boxed_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// BenchmarkWriteFile measures what it costs to charge files to their session: a
// new file each time, charged and not, in turns. Small ones are charged only after
// the first 16 MiB.
func BenchmarkWriteFile(b *testing.B) {
	r := newShell(b)
	if !grouped().Memory {
		b.Skip("no control groups that limit memory")
	}
	for _, size := range []int{1 << 10, 64 << 10, 256 << 10, 1 << 20, 8 << 20} {
		e := boxedtest.Create(b, r, boxedtest.Spec(fmt.Sprint("w", size), runtimes.JavaScript))
		charged := e.Workspace().(*workspace.Directory)
		bare, err := workspace.OpenTree(charged.Path(), workspace.TreeOptions{Owner: &workspace.Owner{UID: charged.UID(), GID: charged.GID()}})
		if err != nil {
			b.Fatal(err)
		}
		defer bare.Close()
		content := make([]byte, size)
		took := map[string][]time.Duration{}
		b.Run(fmt.Sprintf("%dKiB", (size+1023)>>10), func(b *testing.B) {
			for b.Loop() {
				for name, tree := range map[string]runtimes.Workspace{"charged": charged, "bare": bare} {
					begin := time.Now()
					if _, err := tree.WriteFile(b.Context(), runtimes.WriteFile{Path: "file", Content: content}); err != nil {
						b.Fatal(err)
					}
					took[name] = append(took[name], time.Since(begin))
					if err := bare.DeleteFile(b.Context(), runtimes.DeleteFile{Path: "file"}); err != nil {
						b.Fatal(err)
					}
				}
			}
			for name, each := range took {
				slices.Sort(each)
				b.ReportMetric(float64(each[len(each)/2].Nanoseconds())/1000, name+"-us")
			}
		})
	}
}
