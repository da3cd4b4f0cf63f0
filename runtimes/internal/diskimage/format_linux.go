package diskimage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	blockSize = 4 << 10
	inodeSize = 256
	// features are told in full, whatever mke2fs.conf(5) of the host has. There
	// is no journal and there are no checksums: see ext4(5).
	features = "none,filetype,ext_attr,extent,dir_index,flex_bg,sparse_super,large_file,huge_file,uninit_bg,dir_nlink,extra_isize"
	// formatTries is how often a size is corrected by what the one before had free.
	formatTries = 4
	// slack is how much more than asked for an image may have free.
	slack = 64
)

// format makes a template whose free blocks are those asked for.
func (m *Maker) format(s shape) (*template, error) {
	tool, err := findTool()
	if err != nil {
		return nil, err
	}
	wanted := (s.bytes + blockSize - 1) / blockSize
	// A guess of what the file system itself takes: tables of inodes, and
	// bitmaps of each 128 MiB.
	blocks := wanted + s.inodes*inodeSize/blockSize + wanted/8192 + 64
	for try := 0; ; try++ {
		t, free, err := m.formatBlocks(tool, blocks, s.inodes)
		if err != nil {
			return nil, err
		}
		if more := free - wanted; more >= 0 && (more <= slack || try >= formatTries) {
			return t, nil
		} else if try >= 2*formatTries {
			return nil, fmt.Errorf("an image of %d blocks has %d free, not %d", blocks, free, wanted)
		} else {
			blocks -= more
		}
	}
}

// findTool looks where an ordinary PATH has no directories for administrators.
func findTool() (string, error) {
	for _, name := range []string{"mke2fs", "/usr/sbin/mke2fs", "/sbin/mke2fs"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoTool
}

// formatBlocks makes an image of so many blocks and reads it back.
func (m *Maker) formatBlocks(tool string, blocks, inodes int64) (*template, int64, error) {
	f, err := os.CreateTemp(m.dir, "format_") // mke2fs wants a name; no session has an underscore
	if err != nil {
		return nil, 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := f.Truncate(blocks * blockSize); err != nil {
		return nil, 0, err
	}
	cmd := exec.Command(tool, "-q", "-F", "-t", "ext4", "-O", features, "-b", strconv.Itoa(blockSize),
		"-I", strconv.Itoa(inodeSize), "-N", strconv.FormatInt(inodes, 10), "-m", "0",
		"-E", "lazy_itable_init=1,nodiscard,root_owner=0:0", f.Name())
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C"}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, 0, fmt.Errorf("%s: %w: %s", filepath.Base(tool), err, strings.TrimSpace(string(out)))
	}
	t := &template{bytes: blocks * blockSize}
	if t.blocks, err = written(f); err != nil {
		return nil, 0, err
	}
	free, err := freeBlocks(t)
	return t, free, err
}

// written returns what is in a sparse file, without blocks of zeros
// (lseek(2), SEEK_DATA).
func written(f *os.File) ([]block, error) {
	var blocks []block
	zeros := make([]byte, blockSize)
	for end := int64(0); ; {
		start, err := unix.Seek(int(f.Fd()), end, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return blocks, nil // no more data
		}
		if err != nil {
			return nil, fmt.Errorf("read the template: %w", err)
		}
		if end, err = unix.Seek(int(f.Fd()), start, unix.SEEK_HOLE); err != nil {
			return nil, fmt.Errorf("read the template: %w", err)
		}
		for at := start; at < end; at += blockSize {
			data := make([]byte, blockSize)
			if n, err := f.ReadAt(data, at); err != nil && err != io.EOF {
				return nil, fmt.Errorf("read the template: %w", err)
			} else if data = data[:n]; !bytes.Equal(data, zeros[:n]) {
				blocks = append(blocks, block{at, data})
			}
		}
	}
}

// freeBlocks reads the superblock (ext4(5): at byte 1024, the low word of the
// free blocks 12 bytes into it).
func freeBlocks(t *template) (int64, error) {
	const superblock, magic = 1024, 0xEF53
	if len(t.blocks) == 0 || t.blocks[0].offset != 0 || len(t.blocks[0].data) < 2*superblock ||
		binary.LittleEndian.Uint16(t.blocks[0].data[superblock+0x38:]) != magic {
		return 0, fmt.Errorf("mke2fs left no superblock")
	}
	return int64(binary.LittleEndian.Uint32(t.blocks[0].data[superblock+0x0C:])), nil
}
