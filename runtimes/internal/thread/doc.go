// Package thread runs what may not run where other goroutines do. Linux only.
package thread
