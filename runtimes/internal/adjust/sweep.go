package adjust

import (
	"errors"
	"os"
	"path/filepath"
)

// textPrefix begins the names of texts on their way.
const textPrefix = "cover-"

// Sweep removes from a directory what an earlier life left of PickProcessors.
func Sweep(directory string) error {
	left, err := filepath.Glob(filepath.Join(directory, textPrefix+"*"))
	errs := []error{err}
	for _, text := range left {
		errs = append(errs, os.Remove(text))
	}
	return errors.Join(errs...)
}
