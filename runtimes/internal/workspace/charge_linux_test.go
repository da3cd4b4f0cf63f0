package workspace

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Many small writes are not charged one by one, but no more than 16 MiB of them.
func TestSmallWritesAreChargedOnceThereAreMany(t *testing.T) {
	tree, _ := newLargeTree(t)
	var charged int64
	charge := Charge(func(f *os.File, offset, length, _ int64) error {
		charged += length
		return Reserve(f, offset, length)
	})
	tree.charge.session.Store(&charge)
	content := make([]byte, 256<<10)
	var written int64
	for range 80 {
		if _, err := tree.WriteFile(t.Context(), runtimes.WriteFile{Path: "f", Content: content, Mode: runtimes.Append}); err != nil {
			t.Fatal(err)
		}
		written += int64(len(content))
	}
	if left := written - charged; left != smallWrites {
		t.Errorf("%d bytes of %d were not charged", left, written)
	}
}

func TestAFileIsWrittenWhereNothingCanBeCharged(t *testing.T) {
	for _, c := range []struct {
		says error
		want runtimes.FileCode
	}{
		{errors.ErrUnsupported, ""}, {runtimes.ErrEnvironmentLost, ""},
		{syscall.ENOMEM, runtimes.CodeNoSpace}, {syscall.ENOSPC, runtimes.CodeNoSpace},
	} {
		tree, _ := newLargeTree(t)
		charge := Charge(func(*os.File, int64, int64, int64) error { return c.says })
		tree.charge.session.Store(&charge)
		_, err := tree.WriteFile(t.Context(), runtimes.WriteFile{Path: "f", Content: make([]byte, chargeAtLeast)})
		wantCode(t, err, c.want)
		if _, statErr := tree.root.Stat("f"); (statErr == nil) != (c.want == "") {
			t.Errorf("after %v: %v", c.says, statErr)
		}
	}
}
