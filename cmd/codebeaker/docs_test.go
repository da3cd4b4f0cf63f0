package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/codebeaker/codebeaker/runtimes"
)

const docs = "../../docs"

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docs, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// firstCells returns the names in backquotes in the first column of the table
// that follows the marker.
func firstCells(t *testing.T, text, marker string) []string {
	t.Helper()
	_, text, ok := strings.Cut(text, marker)
	if !ok {
		t.Fatalf("there is no %q", marker)
	}
	var names []string
	_, text, _ = strings.Cut(text, "\n| --- ")
	for i, line := range strings.Split(text, "\n") {
		if i > 0 && !strings.HasPrefix(line, "|") {
			break
		}
		if cells := strings.Split(line, "|"); i > 0 && len(cells) > 1 {
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
				names = append(names, name[1])
			}
		}
	}
	return names
}

func TestSettingsAreDocumented(t *testing.T) {
	documented := firstCells(t, page(t, "operations.md"), "<!-- settings")
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	addFlags(flags)
	var declared []string
	flags.VisitAll(func(f *pflag.Flag) { declared = append(declared, f.Name) })
	slices.Sort(documented)
	slices.Sort(declared)
	if !slices.Equal(documented, declared) {
		t.Errorf("documented %v\ndeclared   %v", documented, declared)
	}
}

// Numbers and durations stand in the table as they are in the code.
func TestDefaultsAreDocumented(t *testing.T) {
	rows := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| ([^|]*) \\|").FindAllStringSubmatch(page(t, "operations.md"), -1) {
		rows[row[1]] = row[2]
	}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	addFlags(flags)
	flags.VisitAll(func(f *pflag.Flag) {
		switch want := f.DefValue; f.Value.Type() {
		case "int", "int64", "float64", "bool":
			if want != "0" && rows[f.Name] != want { // 0 is said in words
				t.Errorf("%s is %s, documented as %s", f.Name, want, rows[f.Name])
			}
		case "duration":
			if d, err := time.ParseDuration(rows[f.Name]); err != nil || d.String() != want {
				t.Errorf("%s is %s, documented as %s", f.Name, want, rows[f.Name])
			}
		}
	})
}

func TestScoreTableIsDocumented(t *testing.T) {
	documented := firstCells(t, page(t, "runtimes.md"), "<!-- score")
	for _, layer := range []runtimes.Layer{
		runtimes.MountNamespace, runtimes.NoHostFiles, runtimes.PIDNamespace, runtimes.IPCNamespace,
		runtimes.UTSNamespace, runtimes.NetworkNamespace, runtimes.OwnUID, runtimes.NoCapabilities,
		runtimes.NoNewPrivileges, runtimes.Seccomp, runtimes.SeccompAllowList, runtimes.Landlock,
		runtimes.CgroupMemory, runtimes.CgroupPids, runtimes.CgroupCPU, runtimes.ResourceLimits,
		runtimes.DiskQuota, runtimes.TreeKill, runtimes.GVisor,
	} {
		if !slices.Contains(documented, string(layer)) {
			t.Errorf("%s has no row", layer)
		}
	}
}

// Every relative link of a page leads to a file that is there.
func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob(docs + "/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatal(pages, err)
	}
	decisions, _ := filepath.Glob(docs + "/decisions/*.md")
	pages = append(append(pages, decisions...), "../../README.md", "../../CONTRIBUTING.md")
	link := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	for _, path := range pages {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), found[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", path, found[1])
			}
		}
	}
}

// What a comment or a page cites is in the repository: a page or a file of Go by
// its path, from the root or beside the file that names it.
func TestCitedFilesExist(t *testing.T) {
	const root = "../.."
	file := regexp.MustCompile(`[A-Za-z0-9_./-]*[A-Za-z0-9_-]\.md\b|[A-Za-z0-9_./-]+/[a-z0-9_]+\.go\b`)
	comment := regexp.MustCompile(`(?:#|//) .*`)
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if name != ".." && strings.HasPrefix(name, ".") && name != ".ci" || name == "testdata" || name == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		kind := filepath.Ext(name)
		if !slices.Contains([]string{".go", ".md", ".sh", ""}, kind) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for number, line := range strings.Split(string(text), "\n") {
			if kind != ".md" {
				line = comment.FindString(line)
			}
			for _, cited := range file.FindAllString(line, -1) {
				if strings.Contains(line, "://") || strings.HasPrefix(cited, "bin/") {
					continue // elsewhere, or made by a command
				}
				beside, fromRoot := filepath.Join(filepath.Dir(path), cited), filepath.Join(root, cited)
				if !isFile(beside) && !isFile(fromRoot) {
					t.Errorf("%s:%d cites %s, which is not there", path, number+1, cited)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
