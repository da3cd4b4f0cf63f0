package docker

import (
	"fmt"
	"os"
)

// shortPath gives a directory a name that is short enough for a socket in it.
// The name is good until done is called.
func shortPath(directory string) (short string, done func(), err error) {
	opened, err := os.Open(directory)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d", opened.Fd()), func() { opened.Close() }, nil
}
