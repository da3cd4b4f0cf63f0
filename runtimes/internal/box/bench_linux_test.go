package box

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"slices"
	"testing"
	"time"
)

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
