package box

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestLayersAreThoseOfTheBoxAndNotOfTheLayoutAskedFor(t *testing.T) {
	cfg := testConfig(t)
	box := entered(t, cfg)
	want := []runtimes.Layer{
		runtimes.PIDNamespace, runtimes.IPCNamespace, runtimes.UTSNamespace, runtimes.CgroupNamespace,
		runtimes.MountNamespace, runtimes.NoHostFiles, runtimes.NetworkNamespace,
	}
	if os.Geteuid() != 0 {
		want = slices.Insert(want, 3, runtimes.UserNamespace)
	}
	// The stand-in for the agent keeps its privileges, and it must be told so.
	if got, err := Layers(box.PID(), cfg); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	// A mount that the layout does not name is one of the host's files.
	cfg.Binds = nil
	got, err := Layers(box.PID(), cfg)
	if err != nil || slices.Contains(got, runtimes.NoHostFiles) {
		t.Errorf("unnamed binds count as no host files: %v, %v", got, err)
	}
}

func TestTheServerItselfHasNoLayers(t *testing.T) {
	got, err := Layers(os.Getpid(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range got {
		if layer != runtimes.NoCapabilities { // as an ordinary user
			t.Errorf("the server has the layer %s", layer)
		}
	}
}

func TestStatusLayersReadEveryField(t *testing.T) {
	confined := "Uid:\t200000\t200000\t200000\t200000\nCapInh:\t0000\nCapPrm:\t0000\nCapEff:\t0000\nCapBnd:\t01ff\nCapAmb:\t0000\nNoNewPrivs:\t1\nSeccomp:\t2\n"
	for layer, has := range statusLayers(confined) {
		if !has {
			t.Errorf("%s is missing", layer)
		}
	}
	open := "Uid:\t200000\t0\t200000\t200000\nCapInh:\t0000\nCapPrm:\t0001\nCapEff:\t0000\nCapAmb:\t0000\nNoNewPrivs:\t0\nSeccomp:\t1\n"
	for layer, has := range statusLayers(open) {
		if has {
			t.Errorf("%s is claimed", layer)
		}
	}
	for layer, has := range statusLayers("") {
		if has {
			t.Errorf("%s is claimed of nothing", layer)
		}
	}
}

// BenchmarkBox measures a bare box: ready is from Start until the box is
// entered, gone is Close. Claim: the median of ready stays below 6 ms.
func BenchmarkBox(b *testing.B) {
	cfg := testConfig(b)
	var ready, gone []time.Duration
	for b.Loop() {
		begin := time.Now()
		box, err := Start(StartOptions{Guest: enterProgram, UserNamespace: os.Geteuid() != 0})
		if err != nil {
			b.Fatal(err)
		}
		if err := json.NewEncoder(box.Conn).Encode(cfg); err != nil {
			b.Fatal(err)
		}
		answer := make([]byte, len("entered\n"))
		if _, err := io.ReadFull(box.Conn, answer); err != nil || string(answer) != "entered\n" {
			b.Fatal(string(answer), err)
		}
		entered := time.Now()
		if err := box.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
		ready, gone = append(ready, entered.Sub(begin)), append(gone, time.Since(entered))
	}
	b.ReportMetric(median(ready), "ready-ms")
	b.ReportMetric(median(gone), "gone-ms")
}

func median(of []time.Duration) float64 {
	slices.Sort(of)
	return float64(of[len(of)/2].Microseconds()) / 1000
}
