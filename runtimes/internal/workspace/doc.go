// Package workspace keeps the files of sessions.
//
// A [Tree] runs the seven file commands of [runtimes.Workspace] below
// one directory. It works on [os.Root] alone and never joins a path of the
// host, so that no "..", symlink or race of a program leads out; it opens
// without blocking and looks at the open handle before it reads, so that no
// FIFO or device holds it up. The server and the guest agent share it.
//
// A [Manager] makes one [Directory] per session: a tmpfs of limited size with
// a host uid of its own when the server is root, a plain directory when it is
// not. A session that asked for more than its share of memory has a file system
// on disk instead, where root can make one, which holds its home directory and
// its /tmp too.
//
// # Paths
//
// A path is relative to the workspace or absolute below /workspace. "." and
// ".." are resolved in the text before the file system is asked, and a path
// whose text leads out is refused at once. Everything else is a literal name:
// "~", "$HOME", "%2e%2e" and backslashes mean nothing here. Symlinks that stay
// inside are followed where POSIX follows them, absolute ones below /workspace
// among them, as programs see them. A trailing slash asks for a directory.
//
// Names that are not UTF-8 cannot be said in the protocol. A listing shows
// each invalid byte as \xNN, for the eye only: such a file is reached by a
// program, or goes with the directory it is in.
//
// # Temporaries
//
// What a command makes, a write over a file that is there excepted, is made
// complete under a temporary name in the top directory (see temporaryPrefix)
// and then renamed into place. Listings leave
// these names out. A command that fails removes its own; [Tree.Recover]
// removes those of an agent that was killed.
package workspace
