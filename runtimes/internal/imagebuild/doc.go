// Package imagebuild builds the language images beside a server that runs, one
// after another, by a script that makes one of them. How far it is lies in a
// directory that every server of the user and the doctor read: whoever misses
// an image says whether it is being built, waits for its turn, or failed.
//
// One process builds at a time for an engine: a lock of the directory is held
// by it and by the script that it started, so that the lock goes with them,
// however they end. What a killed process has left as "building" is not told as
// that.
package imagebuild
