// Package bun is the runtime of Bun, which runs JavaScript and TypeScript, in a
// namespace box. Bun itself restricts programs in no way.
package bun
