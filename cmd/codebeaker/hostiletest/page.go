package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// groups are the parts of the page by the first letter of an id.
var groups = []struct{ letter, title, about string }{
	{"P", "Programs", "What runs in a session wants out, or wants everything."},
	{"F", "Files", "What file commands meet in a workspace that a program has prepared."},
	{"W", "WebSocket, HTTP, keys", "What a client, or a stranger, does to a connection."},
	{"J", "JSON-RPC", "What a client says."},
	{"V", "JSON-RPC, the specification's own examples", ""},
	{"S", "Sessions", "What a client makes of sessions."},
	{"K", "Crash safety", "What becomes of everything when something dies."},
	{"R", "Failures of others", "Real failures of peers, pinned here."},
}

// Page is docs/hostile.md by the results in a directory.
func Page(dir string) (string, error) {
	results := map[string]*Results{}
	for _, who := range []string{Root, User} {
		r, err := Load(dir, who)
		if err != nil {
			return "", err
		}
		results[who] = r
	}
	var b strings.Builder
	b.WriteString(`# Hostile cases

What is tried against CodeBeaker, on each runtime, for a server that is root and for one that is an ordinary user, what came
of it, and what stopped it. ` + "`make hostile`" + ` runs all of it alone and writes this page; it replaces the results of who runs
it and keeps those of the other. The cases and the tests that prove them are the table in
` + "`cmd/codebeaker/hostiletest/cases.go`" + `; [security](security.md) has the threats.

A cell is what came of it as root, then as an ordinary user: **met**, **FAILED**, ` + "`skip`" + ` (the test ran and said why not, see the
notes), ` + "`–`" + ` (not tried there: the case is about something else, or proves nothing new), ` + "`?`" + ` (not run yet). *Boxes* is what Bun,
Deno and Native share, *server* what is no runtime's.

| | root | ordinary user |
| --- | --- | --- |
`)
	row := func(name string, of func(*Results) string) {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, orDash(of(results[Root])), orDash(of(results[User])))
	}
	row("date", days)
	row("kernel", func(r *Results) string { return r.Facts.Kernel })
	row("control groups", func(r *Results) string { return r.Facts.Groups })
	row("versions", func(r *Results) string {
		var all []string
		for _, name := range slices.Sorted(maps.Keys(r.Facts.Versions)) {
			all = append(all, name+" "+r.Facts.Versions[name])
		}
		return strings.Join(all, ", ")
	})
	row("cases met", count)
	var notes []string
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n", g.title)
		if g.about != "" {
			fmt.Fprintf(&b, "%s\n\n", g.about)
		}
		b.WriteString("| | tried | what must come of it | " + strings.Join(Places, " | ") + " | stopped by |\n| --- | --- | --- |" + strings.Repeat(" --- |", len(Places)) + " --- |\n")
		for _, c := range Cases {
			if !strings.HasPrefix(c.ID, g.letter) {
				continue
			}
			note := noteOf(c, results)
			mark := ""
			if note != "" {
				mark = " [" + c.ID + "]"
				notes = append(notes, note)
			}
			fmt.Fprintf(&b, "| %s | %s%s | %s |", c.ID, c.Title, mark, c.Want)
			for _, place := range Places {
				fmt.Fprintf(&b, " %s |", cell(c, place, results))
			}
			fmt.Fprintf(&b, " %s |\n", orDash(c.Stops))
		}
	}
	b.WriteString("\n## Notes\n\nWhat cannot be met and why, how peers stand, and what tests said where they did not run.\n\n")
	for _, note := range notes {
		b.WriteString(note)
	}
	return b.String(), nil
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// days are the first and the last day that the results are of.
func days(r *Results) string {
	all := slices.Sorted(maps.Values(r.Dates))
	if len(all) == 0 || all[0] == all[len(all)-1] {
		return strings.Join(slices.Compact(all), "")
	}
	return all[0] + " to " + all[len(all)-1]
}

// word is what came of a case in a place.
func word(c Case, place string, r *Results) string {
	outcome, ok := r.Cases[c.ID][place]
	switch {
	case !ok:
		return "–"
	case outcome.Failed > 0:
		return "**FAILED**"
	case outcome.Passed > 0:
		return "met"
	default:
		return "skip"
	}
}

func cell(c Case, place string, results map[string]*Results) string {
	if len(c.Tests) == 0 {
		return "–"
	}
	words := make([]string, 2)
	for i, who := range []string{Root, User} {
		words[i] = word(c, place, results[who])
		if results[who].Cases[c.ID] == nil {
			words[i] = "?"
		}
	}
	if words[0] == words[1] && words[0] != "met" {
		return words[0]
	}
	return strings.Join(words, ", ")
}

// count is how many cases were met everywhere, partly and not.
func count(r *Results) string {
	met, failed, none := 0, 0, 0
	for _, c := range Cases {
		passed, broke := 0, 0
		for _, o := range r.Cases[c.ID] {
			passed += o.Passed
			broke += o.Failed
		}
		switch {
		case broke > 0:
			failed++
		case passed > 0:
			met++
		default:
			none++
		}
	}
	return fmt.Sprintf("%d of %d; %d failed, %d without a result", met, len(Cases), failed, none)
}

// noteOf says what a table has no room for.
func noteOf(c Case, results map[string]*Results) string {
	var parts []string
	if c.Unmet != "" {
		parts = append(parts, "Not met: "+c.Unmet+".")
	}
	if c.Peers != "" {
		parts = append(parts, "Peers: "+c.Peers+".")
	}
	if c.Elsewhere != "" {
		parts = append(parts, "More of it is run by `"+c.Elsewhere+"`.")
	}
	for _, who := range []string{Root, User} {
		for _, place := range Places {
			if o := results[who].Cases[c.ID][place]; o.Passed == 0 && o.Failed == 0 && o.Reason != "" {
				parts = append(parts, fmt.Sprintf("%s as %s: %s.", place, who, strings.TrimSuffix(o.Reason, ".")))
			}
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "- **" + c.ID + "** " + strings.Join(parts, " ") + "\n"
}
