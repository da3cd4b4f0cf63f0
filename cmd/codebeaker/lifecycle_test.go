package main

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// each are a runtime and a language that every test of this file runs on.
var each = []struct {
	kind     runtimes.Type
	language string
}{{runtimes.Bun, "javascript"}, {runtimes.Deno, "javascript"}, {runtimes.Native, "python"}, {runtimes.Docker, "python"}}

func onEach(t *testing.T, p *Program, test func(t *testing.T, f *foreign, s session)) {
	for _, c := range each {
		t.Run(c.kind.String(), func(t *testing.T) {
			needLanguage(t, p, c.kind, c.language)
			f := connect(t, "python-websockets", p.URL())
			test(t, f, f.create(map[string]any{"language": c.language, "runtimeType": c.kind.String()}))
		})
	}
}

func TestAClosedSessionLeavesNothingWhateverItRan(t *testing.T) {
	p := sharedServer(t)
	onEach(t, p, func(t *testing.T, f *foreign, s session) {
		background := map[string]any{"sessionId": s.ID, "background": true, "command": map[string]any{
			"type": "execute_shell", "commandName": "sh", "args": []string{"-c", "trap '' TERM; setsid sleep 1000 & sleep 1000"}}}
		f.call("session.execute", background, nil)
		f.shell(s, "sh", "-c", "mkdir -p deep/er; echo x >deep/er/file; chmod 000 deep; (setsid sleep 1000 &) ; exit 3")
		if found := tracesOf(p).find(t, s.name()); len(found) == 0 {
			t.Error("a living session leaves no trace: this test looks in the wrong places")
		}
		f.close(s)
		tracesOf(p).wantNone(t, s.name())
	})
}

func TestAnEnvironmentKilledFromOutsideIsReplacedOnTheSameFiles(t *testing.T) {
	p := sharedServer(t)
	onEach(t, p, func(t *testing.T, f *foreign, s session) {
		f.write(s, "kept.txt", "still here")
		running := f.send("session.execute", map[string]any{"sessionId": s.ID, "command": map[string]any{
			"type": "execute_shell", "commandName": "sleep", "args": []string{"1000"}}})
		f.note("session.stateChanged", func(p map[string]any) bool { return p["state"] == "Active" })
		killFromOutside(t, s)
		f.note("session.stateChanged", func(p map[string]any) bool {
			return p["state"] == "Recovering" && p["reason"] == "environmentLost"
		})
		var o outcome
		f.result(running, &o)
		if o.Result.Status != "EnvironmentLost" || o.Result.ExitCode != nil {
			t.Errorf("the running command: %+v", o)
		}
		f.note("session.stateChanged", func(p map[string]any) bool { return p["reason"] == "recovered" })
		if o := f.shell(s, "cat", "kept.txt"); o.Result.Stdout != "still here" {
			t.Errorf("%+v", o)
		}
		var now session
		f.call("session.get", map[string]any{"sessionId": s.ID}, &now)
		if now.EnvironmentID == s.EnvironmentID {
			t.Error("the environment has the old id")
		}
		f.close(s)
		tracesOf(p).wantNone(t, now.name())
		tracesOf(p).wantNone(t, s.name())
	})
}

// killFromOutside ends the environment behind the server's back.
func killFromOutside(t *testing.T, s session) {
	t.Helper()
	if s.ContainerID != "" {
		if out, err := exec.Command("docker", "rm", "--force", s.ContainerID).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		return
	}
	guests := traces{}.processes()
	if len(guests) != 1 {
		t.Fatalf("one box is expected to run, there are %q", guests)
	}
	pid, err := strconv.Atoi(strings.TrimPrefix(strings.Fields(guests[0])[0], "/proc/"))
	if err != nil {
		t.Fatal(err)
	}
	guest, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := guest.Kill(); err != nil {
		t.Fatal(err)
	}
}

func TestALimitThatIsReportedIsInForce(t *testing.T) {
	p := sharedServer(t)
	onEach(t, p, func(t *testing.T, f *foreign, s session) {
		f.close(s)
		s = f.create(map[string]any{"language": s.Language, "runtimeType": s.Runtime,
			"memoryLimitMB": 100, "processLimit": 40, "diskLimitMB": 16})
		if limit := s.Limits["diskMB"]; limit != nil {
			if o := f.shell(s, "sh", "-c", "head -c 40m /dev/zero >big"); o.Success || !strings.Contains(o.Result.Stderr, "space") {
				t.Errorf("disk limit %v: %+v", *limit, o)
			}
		}
		if limit := s.Limits["processes"]; limit != nil {
			o := f.shell(s, "sh", "-c", "i=0; while [ $i -lt 100 ]; do sleep 5 & i=$((i+1)); done; jobs | wc -l")
			if o.Success && strings.TrimSpace(o.Result.Stdout) == "100" {
				t.Errorf("process limit %v: %+v", *limit, o)
			}
		}
		limit := s.Limits["memoryMB"]
		if limit == nil { // nothing bounds all of them together
			limit = s.Limits["processMemoryMB"]
		}
		if limit != nil && *limit < 400 { // not that of an engine that reserves more than it uses
			o := f.shell(s, "dd", "if=/dev/zero", "of=/dev/null", "bs=400M", "count=1")
			if o.Success || slices.Contains(s.Isolation.Layers, "cgroupMemory") && o.Result.Status != "MemoryLimitExceeded" {
				t.Errorf("memory limit %v: %+v", *limit, o)
			}
		}
		f.close(s)
	})
}

func TestAServerThatIsKilledIsSweptByTheNext(t *testing.T) {
	notShort(t)
	binary, dir := buildServer(t), shortTempDir(t)
	first := startBinary(t, binary, dir)
	f := connect(t, "npm-ws", first.url)
	var mark string
	created := 0
	for _, c := range each {
		m := f.reply(f.send("session.create", map[string]any{"language": c.language, "runtimeType": c.kind.String()}))
		if m.Error != nil {
			if required(c.kind.String()) {
				t.Fatalf("%v: %s", c.kind, m.Error.Message)
			}
			continue
		}
		created++
	}
	if created == 0 {
		t.Skip("no runtime is available")
	}
	text, err := os.ReadFile(dir + "/mark")
	if err != nil {
		t.Fatal(err)
	}
	mark = strings.TrimSpace(string(text))
	tr := traces{dir, mark}
	if len(tr.find(t, "")) == 0 {
		t.Fatal("the sessions leave no trace")
	}
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.cmd.Wait()
	second := startBinary(t, binary, dir)
	tr.wantNone(t, "")
	g := connect(t, "npm-ws", second.url)
	var list struct{ Count int }
	g.call("session.list", map[string]any{}, &list)
	if list.Count != 0 {
		t.Errorf("%d sessions are listed", list.Count)
	}
	second.stop(t)
}

func TestTerminationEndsEverythingAndSaysSo(t *testing.T) {
	notShort(t)
	binary, dir := buildServer(t), shortTempDir(t)
	server := startBinary(t, binary, dir)
	eachClient(t, func(t *testing.T, connect func(*testing.T, string) *foreign) {
		if server == nil {
			server = startBinary(t, binary, dir)
		}
		f := connect(t, server.url)
		var made []session
		for _, c := range each {
			m := f.reply(f.send("session.create", map[string]any{"language": c.language, "runtimeType": c.kind.String()}))
			if m.Error == nil {
				made = append(made, session{})
			}
		}
		start := time.Now()
		server.stop(t)
		server = nil
		for range made {
			f.note("session.closed", func(p map[string]any) bool { return p["reason"] == "shutdown" })
		}
		f.await("the close", func() bool { return f.closed != nil })
		if *f.closed != 1001 {
			t.Errorf("closed with %d", *f.closed)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		text, _ := os.ReadFile(dir + "/mark")
		traces{dir, strings.TrimSpace(string(text))}.wantNone(t, "")
	})
}
