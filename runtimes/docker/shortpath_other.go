//go:build !linux

package docker

// shortPath gives the directory itself: elsewhere the engine runs in a virtual
// machine, so that no directory is shared with it.
func shortPath(directory string) (short string, done func(), err error) {
	return directory, func() {}, nil
}
