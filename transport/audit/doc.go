// Package audit keeps a log of what clients do: one JSON object a line, each with
// the digest of the line before, so that a line that was changed, taken out or
// put in shows. The file is rotated by size and age, and the chain goes on from
// one file to the next.
//
// Lines are written by one goroutine. It takes what has come meanwhile at once,
// so that one sync of the disk serves many.
package audit
