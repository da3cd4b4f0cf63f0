package docker

import (
	"context"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
)

// tool is a program whose version clients are told.
type tool struct {
	name string
	args []string
	// version takes it out of what the program prints.
	version func(output string) string
}

// toolsOf lists the tools of a language. C# is told apart by the image's label:
// .NET and Mono are not the same language.
func toolsOf(language runtimes.Language, image *imageFacts) []tool {
	switch language {
	case runtimes.JavaScript, runtimes.TypeScript:
		return []tool{
			{"node", []string{"--version"}, func(out string) string { return strings.TrimPrefix(out, "v") }},
			{"tsx", []string{"--version"}, func(out string) string { return strings.TrimPrefix(word(out, 1), "v") }},
		}
	case runtimes.Python:
		return []tool{{"python3", []string{"--version"}, func(out string) string { return word(out, 1) }}}
	case runtimes.Go:
		return []tool{{"go", []string{"version"}, func(out string) string { return strings.TrimPrefix(word(out, 2), "go") }}}
	case runtimes.CSharp:
		if image.toolchain == "mono" {
			return []tool{{"mono", []string{"--version"}, func(out string) string { return word(out, 4) }}}
		}
		return []tool{{"dotnet", []string{"--version"}, func(out string) string { return word(out, 0) }}}
	}
	return nil
}

// word returns the nth word of the first line, or "".
func word(text string, n int) string {
	line, _, _ := strings.Cut(text, "\n")
	words := strings.Fields(line)
	if n >= len(words) {
		return ""
	}
	return words[n]
}

// askVersions runs the tools in an environment. One that is not there is left
// out.
func askVersions(ctx context.Context, env runtimes.Environment, tools []tool) (map[string]string, error) {
	versions := make(map[string]string)
	for _, t := range tools {
		exit, output, err := run(ctx, env, runtimes.Command{Name: t.name, Args: t.args})
		if err != nil {
			return nil, err
		}
		if exit.Status != runtimes.Completed {
			continue
		}
		if version := t.version(strings.TrimSpace(output)); version != "" {
			versions[t.name] = version
		}
	}
	return versions, nil
}
