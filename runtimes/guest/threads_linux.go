package guest

import (
	"runtime"
	"sync"
)

// spareThreads are made at the start and stay: where no control group keeps
// programs apart from the agent, a program that takes all tasks of the
// environment would otherwise end it with the first thread that Go wants.
const spareThreads = 6

// makeThreads makes them: each goroutine holds one until all have theirs, and
// Go keeps a thread that it has.
func makeThreads() {
	var there, gone sync.WaitGroup
	release := make(chan struct{})
	there.Add(spareThreads)
	for range spareThreads {
		gone.Go(func() {
			runtime.LockOSThread()
			there.Done()
			<-release
			runtime.UnlockOSThread()
		})
	}
	there.Wait()
	close(release)
	gone.Wait()
}
