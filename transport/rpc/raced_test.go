//go:build race

package rpc

// raced: the race detector watches.
const raced = true
