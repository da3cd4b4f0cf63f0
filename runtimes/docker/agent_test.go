package docker

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// agentFor is a program that consists of a header, elf(5).
func agentFor(machine elf.Machine) []byte {
	header := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Ehsize: 64,
	}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	header.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	header.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	var file bytes.Buffer
	binary.Write(&file, binary.LittleEndian, header)
	return file.Bytes()
}

func TestAnAgentThatCannotRunOnTheEngineIsAReason(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guest")
	if got, err := agentProblem(path, "amd64"); err == nil || !strings.Contains(got, "make build") {
		t.Errorf("one that is missing gives %q", got)
	}
	for _, c := range []struct {
		content []byte
		engine  string
		fine    bool
	}{
		{agentFor(elf.EM_X86_64), "amd64", true},
		{agentFor(elf.EM_AARCH64), "arm64", true},
		{agentFor(elf.EM_AARCH64), "amd64", false},
		{agentFor(elf.EM_X86_64), "s390x", false},
		{[]byte("#!/bin/sh\n"), "amd64", false},
	} {
		if err := os.WriteFile(path, c.content, 0o755); err != nil {
			t.Fatal(err)
		}
		if got, err := agentProblem(path, c.engine); (got == "") != c.fine || (err == nil) != c.fine {
			t.Errorf("on %s it gives %q", c.engine, got)
		}
	}
}
