package box

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// startIn starts a process in its control group.
func startIn(b Birth, name string, argv []string, attr *os.ProcAttr) (process *os.Process, err error) {
	if b.Directory != nil {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, int(b.Directory.Fd())
	}
	if len(b.Tasks) == 0 {
		return os.StartProcess(name, argv, attr)
	}
	done := make(chan struct{})
	go onOwnThread(done, func() {
		if err = enterAll(b.Tasks); err == nil {
			process, err = os.StartProcess(name, argv, attr)
		}
	})
	<-done
	return process, err
}

// onOwnThread calls f on a thread that ends afterwards, for it has gone
// where no other goroutine belongs: a locked thread ends with its goroutine
// (runtime.LockOSThread), and the runtime clones none from it. The process's
// first thread will not do; the kernel charges all memory of the process where
// that one is.
func onOwnThread(done chan<- struct{}, f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		close(done)
		return
	}
	moved := make(chan struct{})
	go onOwnThread(moved, f) // this thread is taken: it gets another
	<-moved
	runtime.UnlockOSThread()
	close(done)
}

// enterAll moves the calling thread. A thread that writes "0" names itself.
func enterAll(tasks []*os.File) error {
	for _, file := range tasks {
		if _, err := unix.Write(int(file.Fd()), []byte("0")); err != nil {
			return fmt.Errorf("enter control group: %w", err)
		}
	}
	return nil
}
