package calibration

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// record is what is kept of one runtime.
type record struct {
	// Key names what was measured: another version, other tools or other
	// layers are measured again.
	Key        string    `json:"key"`
	Language   string    `json:"language"`
	Samples    int       `json:"samples"`
	StartupMS  float64   `json:"startupMs"`
	MemoryMB   float64   `json:"memoryMB"`
	MeasuredAt time.Time `json:"measuredAt"`
}

func (r record) figures() runtimes.Figures {
	return runtimes.Figures{
		Startup: time.Duration(r.StartupMS * float64(time.Millisecond)),
		Memory:  int64(r.MemoryMB * (1 << 20)),
	}
}

// key names what an availability stands for.
func key(a runtimes.Availability) string {
	var tools []string
	for tool, version := range a.Tools {
		tools = append(tools, tool+"="+version)
	}
	slices.Sort(tools)
	return fmt.Sprintf("%s;%s;%d", a.Version, strings.Join(tools, ","), a.Isolation.Score)
}

// load reads the records; a file that is missing or broken has none.
func load(file string) map[string]record {
	records := map[string]record{}
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &records) != nil {
		return map[string]record{}
	}
	return records
}

// save replaces the file whole.
func save(file string, records map[string]record) error {
	text, err := json.MarshalIndent(records, "", "  ")
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".figures-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(append(text, '\n'))
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}
