package boxed_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
)

// crashVariable holds the data directory of the server that is to be killed.
const crashVariable = "BOXED_TEST_CRASH"

func TestAKilledServerLeavesNoProcessAndItsGroupsAreSwept(t *testing.T) {
	if dir := os.Getenv(crashVariable); dir != "" {
		serveUntilKilled(t, dir)
		return
	}
	boxedtest.NotShort(t)
	dir := boxedtest.DataDir(t)
	server := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	server.Env = append(os.Environ(), crashVariable+"="+dir)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	agent := agentOf(t, bufio.NewScanner(out))
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	server.Wait()
	for deadline := time.Now().Add(5 * time.Second); syscall.Kill(agent, 0) == nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the agent survives its server")
		}
	}
	if left := hostProcesses(t, "sleep\x00765432"); len(left) != 0 {
		t.Errorf("processes %v survive", left)
	}
	options := boxedtest.OptionsIn(t, dir)
	r := boxed.New(options, shellFlavor())
	defer r.Close()
	if err := r.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := boxedtest.Groups(t, options, "s1"); len(left) != 0 {
		t.Errorf("control groups are left: %v", left)
	}
	if err := options.Workspaces.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// serveUntilKilled makes an environment, runs a program in it that tries to
// live on, and tells the agent's pid.
func serveUntilKilled(t *testing.T, dir string) {
	r := boxed.New(boxedtest.OptionsIn(t, dir), shellFlavor())
	e := boxedtest.Create(t, r, spec())
	_, program := boxedtest.Start(t, e, command("trap '' TERM HUP; setsid sleep 765432 & echo ready; sleep 765432"))
	waitFor(t, program, "ready")
	fmt.Println("agent", e.(*boxed.Environment).PID())
	time.Sleep(time.Minute) // until killed
}

func agentOf(t *testing.T, lines *bufio.Scanner) int {
	t.Helper()
	var seen []string
	for lines.Scan() {
		seen = append(seen, lines.Text())
		if number, ok := strings.CutPrefix(lines.Text(), "agent "); ok {
			pid, err := strconv.Atoi(number)
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("the server did not start:\n%s", strings.Join(seen, "\n"))
	return 0
}
