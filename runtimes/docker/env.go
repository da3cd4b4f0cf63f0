package docker

import "strings"

// mergeEnv joins lists of "KEY=value"; a later one replaces an earlier one of
// the same name, in the earlier one's place. What has no "=" is left out.
func mergeEnv(lists ...[]string) []string {
	var merged []string
	place := make(map[string]int)
	for _, list := range lists {
		for _, entry := range list {
			name, _, ok := strings.Cut(entry, "=")
			if !ok || name == "" {
				continue
			}
			if i, there := place[name]; there {
				merged[i] = entry
				continue
			}
			place[name] = len(merged)
			merged = append(merged, entry)
		}
	}
	return merged
}
