//go:build race

package script

// strain is how many times as much time and memory a worker may take: the race
// detector asks for both.
const strain = 6
