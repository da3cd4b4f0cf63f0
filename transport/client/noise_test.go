package client_test

import (
	"io"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes/fake"
)

// noise is what the program noise writes with these arguments: bytes of all
// values and characters of several bytes, in pieces of all sizes, on both
// streams.
func noise(seed uint64, size int, write func(stream int, p []byte) error) error {
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r := rand.New(source)
	for size > 0 {
		n := min(1+r.IntN(1<<r.IntN(15)), size)
		p := make([]byte, n)
		if r.IntN(3) > 0 {
			copy(p, strings.Repeat("abc\nüß€𝄞"[r.IntN(3):], n/8+1)) // cut anywhere
		} else {
			_, _ = source.Read(p)
		}
		if err := write(r.IntN(2), p); err != nil {
			return err
		}
		size -= n
	}
	return nil
}

// written is what noise writes on each stream.
func written(seed uint64, size int) (both [2][]byte) {
	_ = noise(seed, size, func(stream int, p []byte) error {
		both[stream] = append(both[stream], p...)
		return nil
	})
	return both
}

// noisy is the program noise SEED SIZE.
func noisy(r *fake.Run) int {
	seed, _ := strconv.ParseUint(r.Arg(0), 10, 64)
	size, _ := strconv.Atoi(r.Arg(1))
	to := []io.Writer{r.Stdout(), r.Stderr()}
	if noise(seed, size, func(stream int, p []byte) error { _, err := to[stream].Write(p); return err }) != nil {
		return 1
	}
	return 0
}
