// Package diskimage makes file systems of a fixed size out of room on the
// host's disk: an ext4 in a file, mounted through a loop device (loop(4)).
//
// The file has no name, so that no program can open it and nothing is left of
// it once the mount is gone, whoever ended the server. Its blocks are reserved
// when it is made (fallocate(2)): a program that was given so much room has it,
// however full the host's disk gets meanwhile. What is in it is thrown away
// with it, so there is no journal and no flush.
//
// mke2fs(8) formats one image of each size; the next ones are copies of the few
// blocks that it wrote.
package diskimage
