//go:build !race

package script

// strain is how many times as much time and memory a worker may take.
const strain = 1
