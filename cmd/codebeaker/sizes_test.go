package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/client"
)

// countUp is a program that writes 20 MB of numbered lines of 10 bytes; in JSON
// each newline takes two.
const (
	countUp      = "import sys\nfor n in range(0, 2_000_000, 100_000): sys.stdout.write(''.join('%09d\\n' % i for i in range(n, n + 100_000)))"
	countUpBytes = 20_000_000
)

// Clients that are not ours close at messages above what they take by
// themselves, which is 1 MiB for websockets in Python.
func TestAClientWithItsOwnLimitsSurvivesLargeAnswers(t *testing.T) {
	p := sharedServer(t)
	needLanguage(t, p, runtimes.Native, "python")
	eachClient(t, func(t *testing.T, connect func(*testing.T, string) *foreign) {
		f := connect(t, p.URL())
		s := f.create(object{"language": "python", "runtimeType": "Native"})
		type result struct {
			Stdout, StdoutEncoding string
			StdoutTruncated        bool
			StdoutOmittedBytes     int
		}
		run := func(code string) (r result) {
			t.Helper()
			var o struct {
				Success bool
				Result  result
			}
			f.call("session.execute", object{"sessionId": s.ID, "command": object{
				"type": "execute_shell", "commandName": "python3", "args": []string{"-c", code}}}, &o)
			if !o.Success {
				t.Errorf("%+v", o)
			}
			return o.Result
		}
		r := run(countUp)
		if n := len(r.Stdout); n < 900_000 || !r.StdoutTruncated || n+r.StdoutOmittedBytes != countUpBytes ||
			!strings.HasPrefix(r.Stdout, "000000000\n000000001\n") || !strings.HasSuffix(r.Stdout, "001999998\n001999999\n") {
			t.Errorf("%d bytes, %d left out, truncated %v", n, r.StdoutOmittedBytes, r.StdoutTruncated)
		}
		r = run("import sys; sys.stdout.write('\\x01' * 3_000_000)")
		if kept, err := base64.StdEncoding.DecodeString(r.Stdout); err != nil || r.StdoutEncoding != "base64" ||
			len(kept) < 700_000 || len(kept)+r.StdoutOmittedBytes != 3_000_000 {
			t.Errorf("%d bytes as %q, %v", len(kept), r.StdoutEncoding, err)
		}
		run("f = open('large', 'wb'); f.write(b'0123456789' * 300_000); f.close()")
		var got []byte
		for {
			var o struct {
				Result struct {
					Content   string
					Truncated bool
				}
			}
			f.call("session.execute", object{"sessionId": s.ID, "command": object{"type": "read_file", "path": "large", "offset": len(got)}}, &o)
			if got = append(got, o.Result.Content...); !o.Result.Truncated || o.Result.Content == "" {
				break
			}
		}
		if !bytes.Equal(got, bytes.Repeat([]byte("0123456789"), 300_000)) {
			t.Errorf("%d bytes of the file", len(got))
		}
		run("for n in range(9000): open('n%05d' % n + 'x' * 60, 'w').close()")
		var o struct {
			Result struct {
				Entries   []struct{ Name string }
				Truncated bool
			}
		}
		f.call("session.execute", object{"sessionId": s.ID, "command": object{"type": "list_directory"}}, &o)
		if n := len(o.Result.Entries); n < 3000 || n >= 9000 || !o.Result.Truncated {
			t.Errorf("%d entries, truncated %v", n, o.Result.Truncated)
		}
		f.close(s)
	})
}

func TestTheGoClientTakesAllOfALargeOutputAndItsResult(t *testing.T) {
	p := sharedServer(t)
	needLanguage(t, p, runtimes.Native, "python")
	f := connect(t, "python-websockets", p.URL())
	s := f.create(object{"language": "python", "runtimeType": "Native"})
	c, err := client.Dial(t.Context(), p.URL(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Run(t.Context(), s.ID, client.Program("python3", "-c", countUp))
	if err != nil || len(r.Stdout) != countUpBytes || !bytes.HasSuffix(r.Stdout, []byte("\n001999999\n")) {
		t.Fatalf("%v, %d bytes", err, len(r.Stdout))
	}
	if kept := r.Process(); len(kept.Stdout) != 1<<20 || kept.StdoutOmittedBytes != countUpBytes-1<<20 || !kept.StdoutTruncated {
		t.Errorf("%d bytes in the result, %d left out", len(kept.Stdout), kept.StdoutOmittedBytes)
	}
	f.close(s)
}

// The first client of the README, as it stands there, with a program that
// writes 100 MB.
func TestTheClientOfTheREADMESurvivesLargeOutput(t *testing.T) {
	p := sharedServer(t)
	need(t, p, runtimes.Bun)
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(page), "```python\n")
	script, _, found := strings.Cut(script, "```")
	for from, to := range map[string]string{
		"ws://127.0.0.1:5039/ws/jsonrpc":                                  p.URL(),
		"console.log('hello', 6 * 7)":                                     "console.log('0123456789'.repeat(1e7))",
		`print(result["result"]["stdout"], result["result"]["exitCode"])`: `print(json.dumps(result))`,
	} {
		if !strings.Contains(script, from) || !found {
			t.Fatalf("the README has no %s in its example", from)
		}
		script = strings.Replace(script, from, to, 1)
	}
	f := connect(t, "python-websockets", p.URL()) // or it is not installed
	defer f.leave()
	out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", script).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
	}
	_, last, _ := strings.Cut(string(out), "\n")
	var r struct {
		Success bool
		Result  struct {
			Stdout             string
			StdoutOmittedBytes int
		}
	}
	if err := json.Unmarshal([]byte(last), &r); err != nil || !r.Success ||
		len(r.Result.Stdout) < 1_000_000 || len(r.Result.Stdout)+r.Result.StdoutOmittedBytes != 100_000_001 {
		t.Errorf("%v, %d bytes, %d left out", err, len(r.Result.Stdout), r.Result.StdoutOmittedBytes)
	}
}
