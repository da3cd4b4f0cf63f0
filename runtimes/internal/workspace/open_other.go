//go:build !unix

package workspace

const noControllingTerminal = 0
