package guest

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// visit runs f while the calling thread is in the groups of version 1 to which
// the files belong. What f forks stays there.
//
// The thread's return cannot be left out: as long as it is away, the server
// would end the agent with the execution.
func visit(group, home []*os.File, f func() error) error {
	if len(group) == 0 {
		return f()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := enter(group); err != nil {
		goHome(home)
		return fmt.Errorf("its control group cannot be entered: %w", err)
	}
	defer goHome(home)
	return f()
}

// enter moves the calling thread, and it alone.
func enter(group []*os.File) error {
	for _, tasks := range group {
		if _, err := unix.Write(int(tasks.Fd()), []byte("0")); err != nil {
			return err
		}
	}
	return nil
}

func goHome(home []*os.File) {
	if err := enter(home); err != nil {
		fmt.Fprintln(os.Stderr, "guest: return from a control group:", err)
		os.Exit(1)
	}
}
