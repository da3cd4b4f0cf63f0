package measure

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestWhereNobodyWatchesThereAreLinesAndNoBar(t *testing.T) {
	var out bytes.Buffer
	b := NewBar(&out)
	b.Begin("measure", 2)
	b.Step("one")
	b.Step("two")
	b.End()
	if got := out.String(); !strings.HasPrefix(got, "measure …\nmeasure: ") || strings.Contains(got, "\r") {
		t.Errorf("%q", got)
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if Terminal(f) || Terminal(&bytes.Buffer{}) {
		t.Error("it is taken for one")
	}
}

func TestABarShowsWhatIsDone(t *testing.T) {
	var out bytes.Buffer
	b := &Bar{out: &out, shown: true}
	b.Begin("measure", 1)
	b.Step("the wire")
	b.End()
	if got := out.String(); !strings.Contains(got, "the wire") {
		t.Errorf("%q", got)
	}
}
