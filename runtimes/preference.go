package runtimes

import "strings"

// Preference says what matters most in the choice of a runtime. The zero value
// is Speed, as number 0 is on the wire.
type Preference uint8

// The preferences, in the order of their numbers on the wire.
const (
	Speed Preference = iota
	Security
	Memory
	Balanced

	preferenceCount = iota
)

var preferenceNames = [preferenceCount]string{"Speed", "Security", "Memory", "Balanced"}

// String returns the wire name.
func (p Preference) String() string {
	if int(p) >= preferenceCount {
		return ""
	}
	return preferenceNames[p]
}

// ParsePreference reads a wire name without regard to case.
func ParsePreference(name string) (Preference, bool) {
	for p, known := range preferenceNames {
		if strings.EqualFold(name, known) {
			return Preference(p), true
		}
	}
	return 0, false
}

// PreferenceOf reads a number of the wire, 0 to 3.
func PreferenceOf(n int) (Preference, bool) {
	if n < 0 || n >= preferenceCount {
		return 0, false
	}
	return Preference(n), true
}
