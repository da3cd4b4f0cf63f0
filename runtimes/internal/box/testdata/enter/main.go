// Program enter stands in for the agent in the tests of package box: it reads
// a Config from descriptor 3, enters it, becomes the box's user and runs the
// program that its arguments name with its standard output on descriptor 3.
// Without arguments it says "entered" and waits until the link is closed.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"github.com/codebeaker/codebeaker/runtimes/internal/box"
)

func main() {
	link := os.NewFile(3, "link")
	if err := run(link); err != nil {
		fmt.Fprintln(link, "enter:", err)
		os.Exit(1)
	}
}

func run(link *os.File) error {
	var cfg box.Config
	if err := json.NewDecoder(link).Decode(&cfg); err != nil {
		return err
	}
	if err := box.Enter(cfg); err != nil {
		return err
	}
	if len(os.Args) < 2 {
		fmt.Fprintln(link, "entered")
		_, err := io.Copy(io.Discard, link) // stay until the test is done
		return err
	}
	sys := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		sys.Credential = &syscall.Credential{Uid: uint32(cfg.UID), Gid: uint32(cfg.GID)}
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	process, err := os.StartProcess(os.Args[1], os.Args[1:], &os.ProcAttr{
		Dir: "/", Env: []string{"PATH=/usr/bin:/bin", "UID=" + strconv.Itoa(cfg.UID)}, Files: []*os.File{null, link, link}, Sys: sys,
	})
	if err != nil {
		return err
	}
	_, err = process.Wait()
	return err
}
