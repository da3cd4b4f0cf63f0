package rpc

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// TestTranscripts plays testdata/*.txtar. Each file of an archive is one
// connection, or one POST for each message when its name begins with "http".
// Lines "-> " are sent, one message each; lines "<- " are what must come, in
// this order. Ids and times that differ from run to run have stable names.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, setup{fake: fake.Options{Score: 6}})
	names := newNames()
	for i := range archive.Files {
		f := &archive.Files[i]
		var got string
		if strings.HasPrefix(f.Name, "http") {
			got = play(t, string(f.Data), names, &postPlayer{w: w})
		} else {
			got = play(t, string(f.Data), names, &socketPlayer{w.dial(websocket.DialOptions{})})
		}
		if !*update && got != string(f.Data) {
			t.Errorf("%s: %s\n%s", file, f.Name, difference(string(f.Data), got))
		}
		f.Data = []byte(got)
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// player sends a message and returns what comes: exactly want messages, or as
// many as there are when want is negative.
type player interface {
	play(t *testing.T, message string, want int) []string
}

// play plays a transcript and returns it as it went.
func play(t *testing.T, transcript string, names *names, p player) string {
	var out strings.Builder
	lines := strings.Split(strings.TrimSuffix(transcript, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		message, ok := strings.CutPrefix(lines[i], "-> ")
		if !ok {
			if !strings.HasPrefix(lines[i], "<- ") {
				out.WriteString(lines[i] + "\n") // a comment
			}
			continue
		}
		out.WriteString(lines[i] + "\n")
		want := 0
		for i+1+want < len(lines) && strings.HasPrefix(lines[i+1+want], "<- ") {
			want++
		}
		if *update {
			want = -1
		}
		for _, got := range p.play(t, names.real(strings.ReplaceAll(message, "⏎", "\n")), want) {
			out.WriteString("<- " + names.stable(got) + "\n")
		}
	}
	return out.String()
}

type socketPlayer struct{ *peer }

func (p *socketPlayer) play(t *testing.T, message string, want int) (got []string) {
	p.send(message)
	for want < 0 || len(got) < want {
		wait := 5 * time.Second
		if want < 0 {
			wait = 300 * time.Millisecond
		}
		select {
		case m := <-p.messages:
			got = append(got, m)
		case <-time.After(wait):
			if want >= 0 {
				t.Errorf("%d messages instead of %d after %s", len(got), want, message)
			}
			return got
		}
	}
	// What else came stands before the answer to this.
	const probe = `{"jsonrpc":"2.0","id":"probe","method":"rpc.none"}`
	p.send(probe)
	for m := range p.messages {
		if strings.Contains(m, `"id":"probe"`) {
			break
		}
		got = append(got, m)
	}
	return got
}

type postPlayer struct{ w *world }

func (p *postPlayer) play(t *testing.T, message string, _ int) []string {
	status, body := p.w.post(t, message)
	got := []string{fmt.Sprint(status)}
	if body != "" {
		got = append(got, strings.Split(strings.TrimSuffix(body, "\n"), "\n")...)
	}
	return got
}

// names gives what differs from run to run stable names.
type names struct{ toStable, toReal map[string]string }

func newNames() *names { return &names{map[string]string{}, map[string]string{}} }

var (
	variable = regexp.MustCompile(`\b(n1\.)?[0-9A-HJKMNP-TV-Z]{26}\b`)
	volatile = regexp.MustCompile(`"(durationMs|wallMs|cpuMs|peakMemoryBytes|idleMinutes|lifetimeMinutes|callsPerSecond)":[0-9.e-]+`)
	times    = regexp.MustCompile(`"(createdAt|lastActivity|startedAt|modifiedAt)":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`)
	fakeIDs  = regexp.MustCompile(`"environmentId":"[^"]+"`)
)

func (n *names) stable(s string) string {
	s = fakeIDs.ReplaceAllString(s, `"environmentId":"ENV"`)
	s = volatile.ReplaceAllString(s, `"$1":0`)
	s = times.ReplaceAllString(s, `"$1":"TIME"`)
	return variable.ReplaceAllStringFunc(s, func(id string) string {
		if n.toStable[id] == "" {
			kind := "EXECUTION"
			if strings.HasPrefix(id, "n1.") {
				kind = "SESSION"
			}
			name := fmt.Sprintf("%s%d", kind, len(n.toStable)+1)
			n.toStable[id], n.toReal[name] = name, id
		}
		return n.toStable[id]
	})
}

var stableName = regexp.MustCompile(`\b(SESSION|EXECUTION)\d+\b`)

func (n *names) real(s string) string {
	return stableName.ReplaceAllStringFunc(s, func(name string) string {
		if id := n.toReal[name]; id != "" {
			return id
		}
		return name
	})
}

// difference shows the first lines that differ.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		var a, b string
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\nwant %s\ngot  %s", i+1, a, b)
		}
	}
	return "the same"
}
