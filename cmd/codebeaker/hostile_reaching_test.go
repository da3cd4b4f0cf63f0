package main

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// The programs of this file want what belongs to others.
func TestAHostileProgramThatReaches(t *testing.T) {
	keepTight(t, []promise{
		{"ForSocketsOfTheHost", reachesForSockets},
		{"ForThePortOfAnotherSession", reachesForPorts},
		{"ForMountsOfAnotherSession", reachesForMounts},
		{"ByTheCompiler", reachesByCompiler},
		{"ByTheFilesOfTools", reachesByFilesOfTools},
		{"ByForeignFunctions", reachesByForeignFunctions},
	})
}

// another is a second session of the same runtime, closed after the test.
func (f *foreign) another(t *testing.T, s session) session {
	t.Helper()
	other := f.create(object{"language": s.Language, "runtimeType": s.Runtime})
	t.Cleanup(func() {
		defer f.in(t)()
		f.close(other)
	})
	return other
}

// P25: neither a socket in a file nor one by a name of the kernel's leads out.
func reachesForSockets(t *testing.T, _ *Program, f *foreign, s session) {
	if o := f.shell(s, "sh", "-c", "find /run /var/run/ /tmp /dev /home /.codebeaker -type s 2>/dev/null; true"); o.Result.Stdout != "" {
		t.Errorf("there are sockets: %+v", o)
	}
	name := fmt.Sprintf("codebeaker-hostile-%d", time.Now().UnixNano())
	listener, err := net.Listen("unix", "@"+name)
	if err != nil {
		t.Skip("no abstract sockets on this system: ", err)
	}
	defer listener.Close()
	if s.Language != "python" {
		t.Skip("the tool has no abstract sockets; Native does it in the same kind of box")
	}
	o := f.inLanguage(s, `import socket
try: socket.socket(socket.AF_UNIX).connect("\0`+name+`"); print("connected")
except OSError as e: print(e.errno)`, "", nil).wait()
	if o.Result.Stdout != "111\n" { // ECONNREFUSED
		t.Errorf("%+v", o)
	}
}

// P28: a port is its session's own.
func reachesForPorts(t *testing.T, _ *Program, f *foreign, s session) {
	const port = "34567"
	server := f.inLanguage(s, `import socket, time
s = socket.create_server(("0.0.0.0", `+port+`)); print("up", flush=True); time.sleep(999)`,
		`import { createServer } from "node:net"
createServer().listen(`+port+`, "0.0.0.0", () => console.log("up"))`, nil)
	server.until("up")
	python := `import socket, sys
for host in sys.argv[1:] or ["127.0.0.1", "localhost", "::1"]:
    try: socket.create_connection((host, ` + port + `), 2); print("connected")
    except OSError as e: print("refused")`
	javaScript := `import { connect } from "node:net"
for (const host of ["127.0.0.1", "localhost", "::1"])
  console.log(await new Promise(done => connect(` + port + `, host).on("connect", () => done("connected")).on("error", () => done("refused"))))
process.exit(0)`
	if o := f.inLanguage(s, python, javaScript, nil).wait(); !strings.HasPrefix(o.Result.Stdout, "connected\n") {
		t.Errorf("the session itself: %+v", o)
	}
	if o := f.inLanguage(f.another(t, s), python, javaScript, nil).wait(); o.Result.Stdout != "refused\nrefused\nrefused\n" {
		t.Errorf("another session: %+v", o)
	}
	server.signal("SIGKILL")
	server.wait()
}

// P26: what two sessions can both write to is no file of theirs.
func reachesForMounts(t *testing.T, _ *Program, f *foreign, s session) {
	writable := func(s session) (found []string) {
		o := f.shell(s, "cat", "/proc/self/mountinfo")
		for line := range strings.Lines(o.Result.Stdout) {
			mount, file, _ := strings.Cut(line, " - ")
			fields, kind := strings.Fields(mount), strings.Fields(file)
			if len(fields) < 6 || len(kind) == 0 || !slices.Contains(strings.Split(fields[5], ","), "rw") {
				continue
			}
			if strings.HasPrefix(fields[4], "/dev/") && slices.Contains([]string{"null", "zero", "full", "random", "urandom", "tty"}, fields[4][len("/dev/"):]) {
				continue // devices without content
			}
			found = append(found, fields[2]+" "+fields[3]+" "+kind[0])
		}
		if len(found) == 0 {
			t.Errorf("a session without a writable mount: %+v", o)
		}
		return found
	}
	mine := writable(s)
	for _, theirs := range writable(f.another(t, s)) {
		if slices.Contains(mine, theirs) {
			t.Errorf("both sessions may write to %s", theirs)
		}
	}
}

// P30: what a compiler is made to read or to write is the session's.
func reachesByCompiler(t *testing.T, p *Program, f *foreign, s session) {
	if s.Language != "python" {
		t.Skip("the box is the same as that of Native, which has the same compiler")
	}
	if o := f.shell(s, "sh", "-c", "command -v gcc"); !o.Success {
		t.Skip("there is no C compiler here")
	}
	for name, c := range map[string]struct {
		text string
		want func(o outcome) bool
	}{
		"what is not there": {"#include \"/etc/shadow\"\n", func(o outcome) bool {
			return !o.Success && !strings.Contains(o.Result.Stderr, "root:")
		}},
		"what never ends": {"#include \"/dev/zero\"\n", func(o outcome) bool { return !o.Success }},
		"a large array":   {"char a[1 << 30] = {1};\nint main() { return 0; }\n", func(o outcome) bool { return !o.Success || s.Limits["diskMB"] == nil }},
		"many errors":     {strings.Repeat("x y z;\n", 10_000), func(o outcome) bool { return !o.Success && len(o.Result.Stderr) <= 2<<20 }},
		"itself":          {"#include \"bomb.c\"\n#include \"bomb.c\"\n", func(o outcome) bool { return !o.Success }},
	} {
		f.write(s, "bomb.c", c.text)
		o := f.start(s, object{"type": "execute_shell", "commandName": "gcc", "args": []string{"-fmax-errors=0", "-o", "bomb", "bomb.c"}}, object{"timeoutMs": 2000}).wait()
		if o.Result.Status == "EnvironmentLost" || !c.want(o) {
			t.Errorf("%s: %.2000v", name, o)
		}
		f.works(s)
	}
	f.shell(s, "sh", "-c", "rm -rf bomb* /tmp/*")
}

// P31: what tools read and load before a program acts inside only, as the
// session's user.
func reachesByFilesOfTools(t *testing.T, _ *Program, f *foreign, s session) {
	f.write(s, "evil.py", `import os, socket
def try_(f):
    try: return f()
    except OSError as e: return e.errno
open("/workspace/acted", "w").write(f"{os.getuid() != 0} {try_(lambda: open('/etc/shadow').read(1))} {socket.gethostname()[:8]}")`)
	f.write(s, "evil.cjs", `const fs = require("node:fs"), os = require("node:os")
let shadow; try { shadow = fs.readFileSync("/etc/shadow", "utf8") } catch (e) { shadow = e.code === "EACCES" ? 13 : e.code === "ENOENT" ? 2 : e }
fs.writeFileSync("/workspace/acted", process.getuid() !== 0 ? "True " + shadow + " " + os.hostname().slice(0, 8) : "False")`)
	f.write(s, "sitecustomize.py", "exec(open('/workspace/evil.py').read())\n")
	f.write(s, "bunfig.toml", "preload = [\"/workspace/evil.cjs\"]\n")
	env := map[string]object{
		"Docker": {"PYTHONPATH": "/workspace"}, "Native": {"PYTHONPATH": "/workspace"},
		"Bun": {"BUN_CONFIG_VERBOSE_FETCH": "1"}, "Deno": {"DENO_NO_UPDATE_CHECK": "1"},
	}[s.Runtime]
	command := map[string][]string{
		"Docker": {"python3", "-c", "print('ran')"}, "Native": {"python3", "-c", "print('ran')"},
		"Bun": {"bun", "-e", "console.log('ran')"}, "Deno": {"deno", "run", "-A", "--preload", "/workspace/evil.cjs", "/workspace/ran.js"},
	}[s.Runtime]
	f.write(s, "ran.js", "console.log('ran')\n")
	env["LD_PRELOAD"], env["GOFLAGS"] = "/workspace/none.so", "-toolexec=/workspace/none"
	o := f.start(s, object{"type": "execute_shell", "commandName": command[0], "args": command[1:], "env": env}, nil).wait()
	if !strings.Contains(o.Result.Stdout, "ran") {
		t.Errorf("%+v", o)
	}
	read := f.execute(s, object{"type": "read_file", "path": "acted"})
	if got := read.Result.Content; got != "True 2 session-" && got != "True 13 session-" {
		t.Errorf("what acted inside was %q: %+v, %+v", got, read, o)
	}
	if o := f.shell(f.another(t, s), "sh", "-c", "ls /workspace; env | grep -c PRELOAD"); o.Result.Stdout != "0\n" {
		t.Errorf("another session: %+v", o)
	}
	if _, err := os.Stat("/workspace/acted"); err == nil {
		t.Error("it acted on the host")
	}
	f.shell(s, "sh", "-c", "rm -rf /workspace/*")
	f.works(s)
}

// P34: a library's functions are under the kernel's rules as everything.
func reachesByForeignFunctions(t *testing.T, _ *Program, f *foreign, s session) {
	const refused = "-1 -1 -1\n"
	python := `import ctypes
c = ctypes.CDLL(None)
print(c.open(b"/etc/shadow", 0), c.unshare(0x10000000), c.chroot(b"/tmp"))`
	javaScript := map[string]string{
		runtimes.Bun.String(): `import { dlopen } from "bun:ffi"
const { symbols: c } = dlopen("libc.so.6", { open: { args: ["cstring", "i32"], returns: "i32" }, unshare: { args: ["i32"], returns: "i32" }, chroot: { args: ["cstring"], returns: "i32" } })
const path = text => Buffer.from(text + "\0")
console.log(c.open(path("/etc/shadow"), 0), c.unshare(0x10000000), c.chroot(path("/tmp")))`,
		runtimes.Deno.String(): `const { symbols: c } = Deno.dlopen("libc.so.6", { open: { parameters: ["buffer", "i32"], result: "i32" }, unshare: { parameters: ["i32"], result: "i32" }, chroot: { parameters: ["buffer"], result: "i32" } })
const path = text => new TextEncoder().encode(text + "\0")
console.log(c.open(path("/etc/shadow"), 0), c.unshare(0x10000000), c.chroot(path("/tmp")))`,
	}[s.Runtime]
	if o := f.inLanguage(s, python, javaScript, nil).wait(); o.Result.Stdout != refused {
		t.Errorf("%+v", o)
	}
}
