package guest

import "testing"

func TestASetOfProcessorsIsOneOfTheKernels(t *testing.T) {
	own, known := affinity(0)
	if !known || len(own)%8 != 0 {
		t.Fatalf("%d bytes, %v", len(own), known)
	}
	var set processorSet
	for n := range 8 * len(own) {
		if own.has(n) {
			set = set.with(n)
		}
	}
	if len(set)%8 != 0 || string(trimmed(set)) != string(trimmed(own)) {
		t.Errorf("%x is not %x", set, own)
	}
	if far := processorSet(nil).with(1000); !far.has(1000) || far.has(999) || far.has(1001) || far.has(5000) {
		t.Errorf("%x", far)
	}
}
