package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "", "run only these cases, as P1,W8")
	render := flag.Bool("render", false, "run nothing, write the page from the results that there are")
	flag.Parse()
	if err := run(*only, *render); err != nil {
		fmt.Fprintln(os.Stderr, "hostiletest:", err)
		os.Exit(1)
	}
}

// run runs the cases in the checkout that is the working directory.
func run(only string, renderOnly bool) error {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	root := strings.TrimSpace(string(out))
	dir := filepath.Join(root, "cmd", "codebeaker", "hostiletest", "testdata")
	failed := false
	if !renderOnly {
		cases := Cases
		if only != "" {
			ids := strings.Split(only, ",")
			cases = slices.DeleteFunc(slices.Clone(Cases), func(c Case) bool { return !slices.Contains(ids, c.ID) })
		}
		results, err := Load(dir, who())
		if err != nil {
			return err
		}
		results.Facts = gather()
		begin := time.Now()
		if failed, err = results.run(root, dir, cases); err != nil {
			return err
		}
		fmt.Printf("%d cases as %s in %v\n", len(cases), who(), time.Since(begin).Round(time.Second))
	}
	page, err := Page(dir)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "docs", "hostile.md"), []byte(page), 0o644); err != nil {
		return err
	}
	if failed {
		return fmt.Errorf("cases failed")
	}
	return nil
}
