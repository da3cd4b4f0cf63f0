package thread

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Apart calls f on a thread that ends afterwards, for it has gone
// where no other goroutine belongs: a locked thread ends with its goroutine
// (runtime.LockOSThread), and the runtime clones none from it. The process's
// first thread will not do; the kernel charges all memory of the process where
// that one is.
func Apart(f func()) {
	done := make(chan struct{})
	go onOwnThread(done, f)
	<-done
}

func onOwnThread(done chan<- struct{}, f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		close(done)
		return
	}
	Apart(f) // this thread is taken: it gets another
	runtime.UnlockOSThread()
	close(done)
}
