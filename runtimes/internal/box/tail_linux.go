package box

import (
	"os"
	"sync"
)

// tailSize is how much of what an agent wrote to its standard error is kept.
const tailSize = 4 << 10

// tail keeps the end of what an agent wrote to its standard error: a stack
// trace, for the log. It is safe for use by several goroutines.
type tail struct {
	mu   sync.Mutex
	text []byte
	done chan struct{} // closed at end of file
}

// newTail returns a tail and the file that the agent is to write to.
func newTail() (*tail, *os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	t := &tail{done: make(chan struct{})}
	go t.follow(read)
	return t, write, nil
}

func (t *tail) follow(read *os.File) {
	defer close(t.done)
	defer read.Close()
	var chunk [512]byte
	for {
		n, err := read.Read(chunk[:])
		t.add(chunk[:n])
		if err != nil {
			return
		}
	}
}

func (t *tail) add(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
