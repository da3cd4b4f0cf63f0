package boxed

import (
	"errors"
	"os"
	"strings"
	"syscall"
)

// reason says in a sentence, without a path or a secret of the server, what to
// do about a box that could not be made.
func reason(err error) string {
	refused := errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) ||
		errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EUSERS) || errors.Is(err, syscall.EINVAL)
	switch {
	case !refused:
		return "the box could not be made; the server's log says why"
	case os.Geteuid() == 0:
		return "the server is root but may not make namespaces or mounts; " +
			"a container that holds it needs CAP_SYS_ADMIN and seccomp and AppArmor that allow them"
	default:
		return "this host does not allow user namespaces to ordinary users: " + userNamespaceAdvice(readSetting)
	}
}

// userNamespaceAdvice names the setting that stands in the way.
func userNamespaceAdvice(setting func(string) string) string {
	const asRoot = ", or run the server as root"
	switch {
	case setting("/proc/sys/kernel/unprivileged_userns_clone") == "0":
		return "`sysctl kernel.unprivileged_userns_clone=1` does" + asRoot
	case setting("/proc/sys/user/max_user_namespaces") == "0":
		return "`sysctl user.max_user_namespaces=10000` does" + asRoot
	case setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
		return "`sysctl kernel.apparmor_restrict_unprivileged_userns=0` does" + asRoot
	}
	return "a container that holds the server must allow them (seccomp, AppArmor, systempaths=unconfined)" + asRoot
}

func readSetting(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
