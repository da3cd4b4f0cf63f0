package jsonrpc_test

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what is answered into the transcripts")

// Each pair of files NAME.in and NAME.out of a transcript is a message and the
// messages that answer it, one a line.
func TestTranscripts(t *testing.T) {
	for _, path := range []string{"testdata/specification.txtar", "testdata/envelope.txtar"} {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(archive.Files) < 30 {
			t.Fatalf("%s has %d files", path, len(archive.Files))
		}
		for i := 0; i < len(archive.Files); i += 2 {
			in, out := archive.Files[i], &archive.Files[i+1]
			t.Run(strings.TrimSuffix(in.Name, ".in"), func(t *testing.T) {
				got := new(dispatcher).answer(strings.TrimSuffix(string(in.Data), "\n"))
				if *update {
					out.Data = []byte(strings.Join(append(got, ""), "\n"))
					return
				}
				compare(t, got, strings.Split(strings.TrimSuffix(string(out.Data), "\n"), "\n"))
			})
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// compare compares messages as JSON, and the members of a batch in any order.
func compare(t *testing.T, got, want []string) {
	t.Helper()
	want = slices.DeleteFunc(want, func(s string) bool { return s == "" })
	if len(got) != len(want) {
		t.Fatalf("got %d messages, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range got {
		if diff := cmp.Diff(normal(t, want[i]), normal(t, got[i])); diff != "" {
			t.Errorf("message %d (-want +got):\n%s", i, diff)
		}
	}
}

func normal(t *testing.T, msg string) []string {
	t.Helper()
	parts := []json.RawMessage{json.RawMessage(msg)}
	if msg[0] == '[' {
		if err := json.Unmarshal([]byte(msg), &parts); err != nil {
			t.Fatalf("%v in %s", err, msg)
		}
	}
	lines := []string{msg[:1]} // an array of one is not an object
	for _, part := range parts {
		var v any
		if err := json.Unmarshal(part, &v); err != nil {
			t.Fatalf("%v in %s", err, part)
		}
		line, _ := json.Marshal(v)
		lines = append(lines, string(line))
	}
	slices.Sort(lines[1:])
	return lines
}
