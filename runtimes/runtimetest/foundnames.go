package runtimetest

import (
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

var namedFindings = []finding{
	{
		name: "Names", on: everyKind, check: ownNames,
		what: "`localhost` is 127.0.0.1 and ::1, the session's own host name (`session-` and eight random characters) is 127.0.0.1; " +
			"`/etc/hosts`, `hostname`, `resolv.conf` and `nsswitch.conf` say so",
	},
	{
		name: "NamesWithNetwork", on: everyKind, check: namesWithNetwork,
		what: "the same with a network, where a session can have one ([below](#the-network)), and a name server in `resolv.conf`",
	},
	{
		name: "LocalServers", on: everyKind, check: localServers,
		what: "a server on 127.0.0.1, ::1 or every address, on any port from 1, is reached by its address, as `localhost` and by the host name",
	},
	{
		name: "Variables", on: everyKind, check: commonVariables,
		what: "`HOME=/home/user`, `USER=user`, `SHELL=/bin/sh`, `TMPDIR=/tmp`, `LANG=C.UTF-8`, `TERM=xterm-256color`, `PYTHONUNBUFFERED=1`",
	},
	{
		name: "OverridesWin", on: everyKind, check: overrides,
		what: "any variable of `session.create` replaces ours, and any of a command that of the session",
	},
	{
		name: "OwnProgramsAreOnPath", on: everyKind, check: ownPrograms,
		what: "`PATH` begins with `~/.local/bin`, `~/go/bin`, `~/.bun/bin`, `~/.deno/bin` and `~/.dotnet/tools`, all writable",
	},
	{
		name: "OutputInTime", on: pythonKinds, check: outputInTime,
		what: "what Python prints comes while it runs, and is there after a time limit",
	},
}

// namesLine asks as programs do: getent's own ahostsv4 knows no loopback where
// that is all there is (getaddrinfo(3), AI_ADDRCONFIG).
const namesLine = `name=$(uname -n)
test "$(cat /etc/hostname)" = "$name"
case $name in session-*) ;; *) echo "it is called $name"; exit 1 ;; esac
getent ahosts localhost | grep -q '^127\.0\.0\.1 '
getent hosts localhost | grep -Eq '^(::1|127\.0\.0\.1) '
getent hosts "$name" | grep -q '^127\.0\.0\.1 '
getent hosts 127.0.0.1 | grep -qw localhost
grep -q "[[:space:]]$name" /etc/hosts
grep -Eq '^hosts:.*files' /etc/nsswitch.conf
test -r /etc/resolv.conf
`

func ownNames(t *testing.T, p *place) { p.sh(t, namesLine) }

// namesWithNetwork is looked at once for each runtime.
func namesWithNetwork(t *testing.T, p *place) {
	if !p.first {
		t.Skip("looked at in another language of this runtime")
	}
	spec := p.suite.spec()
	p.spec(&spec)
	spec.Network = runtimes.Internet
	env, err := p.rt.Create(t.Context(), spec)
	if err != nil {
		t.Skipf("no session has a network here: %v", err)
	}
	t.Cleanup(func() { p.remove(t, env, spec.Name) })
	p.succeeds(t, env, p.shell(t, "set -e\n"+namesLine+"grep -q '^nameserver ' /etc/resolv.conf\n"))
}

// serving are programs that take triples of an address, a name and a port,
// serve on the address and fetch "hello" by the name.
var serving = map[kind]struct{ file, text, run string }{
	dockerPython: {"serve.py", servePython, "python3 serve.py"},
	nativePython: {"serve.py", servePython, "python3 serve.py"},
	dockerNode:   {"serve.mjs", serveJavaScript, "node serve.mjs"},
	nativeNode:   {"serve.mjs", serveJavaScript, "node serve.mjs"},
	bun:          {"serve.mjs", serveJavaScript, "bun serve.mjs"},
	deno:         {"serve.mjs", serveJavaScript, "deno run -A serve.mjs"},
	dockerGo:     {"serve.go", serveGo, "go run serve.go"},
	nativeGo:     {"serve.go", serveGo, "go run serve.go"},
	dockerDotnet: {"serve.cs", serveCSharp, "serve() { if command -v dotnet >/dev/null; then dotnet run serve.cs -- \"$@\"; " +
		"else mcs -out:/tmp/serve.exe serve.cs && mono /tmp/serve.exe \"$@\"; fi; }; serve"},
}

func localServers(t *testing.T, p *place) {
	program := serving[p.kind]
	p.put(t, map[string]string{program.file: program.text})
	got := p.sh(t, `set -- 127.0.0.1 127.0.0.1 80 0.0.0.0 localhost 1 0.0.0.0 "$(uname -n)" 443
if grep -q . /proc/net/if_inet6; then set -- "$@" ::1 ::1 81; fi
echo $#; `+program.run+` "$@"`)
	count, said, _ := strings.Cut(got, "\n")
	want := map[string]int{"9": 3, "12": 4}[count] // a kernel may have no IPv6
	if want == 0 || said != strings.Repeat("hello\n", want) {
		t.Errorf("it printed %q", got)
	}
}

const servePython = `import socket, sys, threading
args = sys.argv[1:]
for address, name, port in zip(args[::3], args[1::3], args[2::3]):
    server = socket.create_server((address, int(port)), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    def serve():
        client, _ = server.accept()
        client.sendall(b"hello")
        client.close()
    threading.Thread(target=serve).start()
    print(socket.create_connection((name, int(port))).makefile().read())
`

const serveJavaScript = `import net from "node:net"
import process from "node:process"
const args = process.argv.slice(2)
for (let i = 0; i < args.length; i += 3) {
  const [address, name, port] = args.slice(i, i + 3)
  const server = net.createServer((client) => client.end("hello"))
  await new Promise((ok, no) => server.on("error", no).listen(Number(port), address, ok))
  console.log(await new Promise((ok, no) => {
    let all = ""
    net.connect(Number(port), name).on("data", (d) => all += d).on("end", () => ok(all)).on("error", no)
  }))
  server.close()
}
`

const serveGo = `package main

import (
	"io"
	"net"
	"os"
)

func main() {
	for args := os.Args[1:]; len(args) > 0; args = args[3:] {
		server, err := net.Listen("tcp", net.JoinHostPort(args[0], args[2]))
		if err != nil {
			panic(err)
		}
		go func() {
			client, _ := server.Accept()
			client.Write([]byte("hello\n"))
			client.Close()
		}()
		conn, err := net.Dial("tcp", net.JoinHostPort(args[1], args[2]))
		if err != nil {
			panic(err)
		}
		io.Copy(os.Stdout, conn)
	}
}
`

const serveCSharp = `using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
class Serve {
    static void Main(string[] args) {
        for (int i = 0; i < args.Length; i += 3) {
            var server = new TcpListener(IPAddress.Parse(args[i]), int.Parse(args[i + 2]));
            server.Start();
            new Thread(() => {
                using (var client = server.AcceptTcpClient()) client.GetStream().Write(new byte[] { 104, 101, 108, 108, 111 }, 0, 5);
            }).Start();
            var address = Dns.GetHostAddresses(args[i + 1])[0];
            if (address.AddressFamily != server.LocalEndpoint.AddressFamily) address = IPAddress.Loopback;
            using (var conn = new TcpClient(address.AddressFamily)) {
                conn.Connect(address, int.Parse(args[i + 2]));
                Console.WriteLine(new StreamReader(conn.GetStream()).ReadToEnd());
            }
        }
    }
}
`

// ourVariables are those that are the same in every environment.
var ourVariables = []string{
	"HOME=/home/user", "USER=user", "SHELL=/bin/sh", "TMPDIR=/tmp", "LANG=C.UTF-8", "TERM=xterm-256color", "PYTHONUNBUFFERED=1",
}

func commonVariables(t *testing.T, p *place) {
	got := p.variables(t, nil)
	for _, want := range ourVariables {
		if name, value, _ := strings.Cut(want, "="); got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
	for _, forced := range []string{"GOFLAGS", "CGO_ENABLED", "GOENV", "GOWORK", "PYTHONDONTWRITEBYTECODE"} {
		if value, is := got[forced]; is {
			t.Errorf("%s is forced to be %q", forced, value)
		}
	}
}

// variables are those of a command.
func (p *place) variables(t *testing.T, env []string) map[string]string {
	t.Helper()
	cmd := p.programs.Environment()
	cmd.Env = env
	got := make(map[string]string)
	for line := range strings.Lines(p.succeeds(t, p.env, cmd)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if _, twice := got[name]; twice {
			t.Errorf("%s is there twice", name)
		}
		got[name] = value
	}
	return got
}

func overrides(t *testing.T, p *place) {
	if got := p.variables(t, nil)["LOGNAME"]; got != "of-the-session" { // see place.spec
		t.Errorf("a variable of the session is %q", got)
	}
	var all []string
	for name := range p.variables(t, nil) {
		if name != "PWD" && name != "_" { // sh(1) sets these itself
			all = append(all, name+"=of the command")
		}
	}
	cmd := runtimes.Command{Name: "/usr/bin/env", Env: all}
	got := p.succeeds(t, p.env, cmd)
	for _, want := range all {
		if strings.Count("\n"+got, "\n"+want+"\n") != 1 {
			t.Errorf("%q is not there, or not once", want)
		}
	}
}

func ownPrograms(t *testing.T, p *place) {
	got := p.sh(t, `for dir in .local/bin go/bin .bun/bin .deno/bin .dotnet/tools; do
mkdir -p "$HOME/$dir"
own=own-$(echo "$dir" | tr -d ./)
printf '#!/bin/sh\necho %s\n' "$dir" >"$HOME/$dir/$own"
chmod +x "$HOME/$dir/$own"
$own
done`)
	if got != ".local/bin\ngo/bin\n.bun/bin\n.deno/bin\n.dotnet/tools\n" {
		t.Errorf("found by name: %q", got)
	}
}

func outputInTime(t *testing.T, p *place) {
	cmd := runtimes.Command{Name: "python3", Args: []string{"-c", "import time\nprint('first')\ntime.sleep(600)"}}
	process, r := p.start(t, p.env, cmd)
	r.untilText(runtimes.Stdout, "first\n")
	process.Stop(runtimes.TimeLimitExceeded)
	if exit := r.wait(); exit.Status != runtimes.TimeLimitExceeded || r.text(runtimes.Stdout) != "first\n" {
		t.Errorf("%+v after %q", exit, r.text(runtimes.Stdout))
	}
}
