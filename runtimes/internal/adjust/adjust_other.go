//go:build !linux

package adjust

// ResourceLimits changes nothing here.
func ResourceLimits(_ int, limits []ResourceLimit) ([]uint64, error) {
	if len(limits) == 0 {
		return nil, nil
	}
	return nil, ErrRefused
}

// Rooms are places that can be changed.
type Rooms struct{}

// PickRooms changes nothing here.
func PickRooms(int, []Place) (*Rooms, error) { return nil, ErrRefused }

// Apply changes nothing here.
func (*Rooms) Apply() (map[string]int64, error) { return nil, ErrRefused }

// Close does nothing here.
func (*Rooms) Close() {}

// Covers are texts that are ready to lie over files of a process.
type Covers struct{}

// PickProcessors changes nothing here.
func PickProcessors(int, string, ProcessorFiles, int, bool) (*Covers, error) { return nil, ErrRefused }

// Apply changes nothing here.
func (*Covers) Apply() error { return nil }

// Close does nothing here.
func (*Covers) Close() {}
