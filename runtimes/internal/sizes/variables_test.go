package sizes

import (
	"slices"
	"testing"
)

func TestAVariableThatIsThereStays(t *testing.T) {
	have := []string{"A=1", "NODE_OPTIONS=--enable-source-maps"}
	got := Environment(have, 512*mib, 2)
	for _, want := range []string{"A=1", "NODE_OPTIONS=--enable-source-maps", "DENO_V8_FLAGS=--max-old-space-size=384", "PYTHON_CPU_COUNT=2"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing in %q", want, got)
		}
	}
	if slices.Contains(got, "NODE_OPTIONS=--max-old-space-size=384") {
		t.Errorf("one is there twice: %q", got)
	}
	if got := Environment(nil, 0, 0); len(got) != 0 {
		t.Errorf("of nothing known comes %q", got)
	}
}

func TestAHeapLeavesRoomInTheSession(t *testing.T) {
	for memory, want := range map[int64]int64{64: 32, 128: 64, 256: 128, 512: 384, 1024: 768, 16384: 12288} {
		if got := Heap(memory * mib); got != want*mib {
			t.Errorf("of %d MB: %d", memory, got/mib)
		}
	}
}
