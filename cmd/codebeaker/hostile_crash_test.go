package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// K1: a server that is killed while it creates, runs, writes and closes leaves
// nothing that its next start does not remove. No reply of it is unsaid: sessions
// that were acknowledged are told as unknown by the next.
func TestAServerKilledAtAnyPointIsSweptByTheNext(t *testing.T) {
	notShort(t)
	path, dir := buildServer(t), shortTempDir(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("the seed is %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var known []string // sessions of the server before
	points := 2
	if os.Getenv("SOAK") != "" {
		points = 8
	}
	for range points {
		server := startBinary(t, path, dir)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		for _, id := range known {
			c, err := client.Dial(ctx, server.url, client.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Call(ctx, protocol.MethodSessionGet, object{"sessionId": id}, nil); err == nil || !strings.Contains(err.Error(), "-32001") {
				t.Errorf("a session of the server before: %v", err)
			}
			c.Close()
		}
		known = nil
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, e := range each {
			all.Go(func() {
				c, err := client.Dial(ctx, server.url, client.Options{Redial: client.Redial{Off: true}})
				if err != nil {
					return
				}
				defer c.Close()
				for ctx.Err() == nil {
					s, err := c.Create(ctx, protocol.SessionCreate{Language: e.language, RuntimeType: protocol.RuntimeType(e.kind.String())})
					if err != nil {
						return // killed, or no such runtime
					}
					mu.Lock()
					known = append(known, s.SessionID)
					mu.Unlock()
					for _, command := range []object{
						{"type": "write_file", "path": "f", "content": strings.Repeat("x", 1<<20)}, shellLine("setsid sleep 1000 & sleep 0.1"),
					} {
						if c.Call(ctx, protocol.MethodSessionExecute, object{"sessionId": s.SessionID, "command": command}, nil) != nil {
							return
						}
					}
					if c.CloseSession(ctx, s.SessionID) != nil {
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(200+random.IntN(2500)) * time.Millisecond)
		if err := server.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = server.cmd.Wait()
		cancel()
		all.Wait()
	}
	last := startBinary(t, path, dir)
	mark, err := os.ReadFile(filepath.Join(dir, "mark"))
	if err != nil {
		t.Fatal(err)
	}
	traces{dir, strings.TrimSpace(string(mark))}.wantNone(t, "")
	last.stop(t)
}

// K7: a file of the data directory that was cut or changed keeps no server from
// starting, but that of the keys, which names its line.
func TestFilesOfTheDataDirectoryMayBeSpoiled(t *testing.T) {
	path, dir := buildServer(t), shortTempDir(t)
	startBinary(t, path, dir, "--runtimes", "fake").stop(t)
	for name, text := range map[string]string{"mark": "\x00", "figures.json": `{"version":1,"fig`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		server := startBinary(t, path, dir, "--runtimes", "fake")
		if status := postOnce(hostOf(server)); status != http.StatusOK {
			t.Errorf("%s: status %d", name, status)
		}
		server.stop(t)
	}
}

func hostOf(b *binary) string {
	return strings.TrimSuffix(strings.TrimPrefix(b.url, "ws://"), "/ws/jsonrpc")
}

// R13: what programs for numbers need of the kernel is allowed.
func TestLibrariesForNumbersWork(t *testing.T) {
	p := sharedServer(t)
	tried := false
	for _, c := range each {
		if c.language != "python" {
			continue
		}
		t.Run(c.kind.String(), func(t *testing.T) {
			needLanguage(t, p, c.kind, c.language)
			f := connect(t, "python-websockets", p.URL())
			s := f.create(object{"language": c.language, "runtimeType": c.kind.String()})
			defer f.close(s)
			programs := map[string]string{
				"numpy":  "import numpy as n; a = n.arange(10000.0).reshape(100, 100); print(n.linalg.matrix_rank(a @ a.T))",
				"pandas": "import pandas as p; print(p.DataFrame({'a': [1, 1, 2], 'b': [1, 2, 3]}).groupby('a').b.sum()[1] - 1)",
			}
			for name, text := range programs {
				if o := f.shell(s, "python3", "-c", "import importlib.util as u, sys; sys.exit(not u.find_spec('"+name+"'))"); !o.Success {
					t.Logf("no %s here: apt-get install python3-%s", name, name)
					continue
				}
				tried = true
				o := f.start(s, object{"type": "execute_shell", "commandName": "python3", "args": []string{"-c", text}}, object{"timeoutMs": 30_000}).wait()
				if o.Result.Stdout != "2\n" {
					t.Errorf("%s: %+v", name, o)
				}
			}
		})
	}
	if !tried {
		t.Skip("neither the machine's python3 nor the image has numpy or pandas: apt-get install python3-numpy python3-pandas")
	}
}

// readyz is what the server says of itself.
func readyz(t *testing.T, host string) (status int, said map[string]any) {
	t.Helper()
	response, err := http.Get("http://" + host + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_ = json.NewDecoder(response.Body).Decode(&said)
	return response.StatusCode, said
}
