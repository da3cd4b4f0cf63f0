package native

import (
	"context"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What is compiled in the background took half of a processor from whoever wanted
// it: the kernel shares it among sessions, whatever the priority of processes.
func TestWhatIsCompiledInTheBackgroundLeavesTheProcessorToOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("it keeps a processor busy")
	}
	defer func(n string) { sessionNice = n }(sessionNice)
	sessionNice = "19"
	runtime.LockOSThread() // and never unlocked: the thread, which has one processor from here on, ends
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	const busy = "while :; do :; done"
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	other := exec.CommandContext(ctx, "sh", "-c", busy)
	other.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	background := niced(ctx, "sh", "-c", busy)
	runGroup(background)
	other.Wait()
	if used, others := background.ProcessState.UserTime(), other.ProcessState.UserTime(); used > others/4 {
		t.Errorf("in the background %v were used, and %v by a session", used, others)
	}
}
