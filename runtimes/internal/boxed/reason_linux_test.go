package boxed

import (
	"strings"
	"testing"
)

func TestTheAdviceNamesTheSettingInTheWay(t *testing.T) {
	for _, path := range []string{
		"/proc/sys/kernel/unprivileged_userns_clone", "/proc/sys/user/max_user_namespaces",
		"/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
	} {
		value := map[bool]string{true: "1", false: "0"}[strings.Contains(path, "apparmor")]
		advice := userNamespaceAdvice(func(asked string) string {
			if asked == path {
				return value
			}
			return ""
		})
		if name := path[strings.LastIndex(path, "/")+1:]; !strings.Contains(advice, name) {
			t.Errorf("%s: %q", name, advice)
		}
	}
	if advice := userNamespaceAdvice(func(string) string { return "" }); !strings.Contains(advice, "container") {
		t.Errorf("got %q", advice)
	}
}
