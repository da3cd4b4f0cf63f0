// Package native is the runtime of the host's own toolchains: python3, node and
// go, each confined in a namespace box. Which of them are there decides the
// languages; TypeScript only where node itself strips types (22.6 and later).
package native
