// Package deno is the runtime of Deno, which runs JavaScript and TypeScript, in
// a namespace box. Deno's own permissions (--allow-read and the like) are the
// program's choice and only a second layer: an import with {type: "text"} reads
// any file that the box shows, whatever they say.
package deno
