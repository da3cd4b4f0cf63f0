package syscalls

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The numbers are those that x/sys reads off the kernel's sources.
func TestNumbersAreTheKernels(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^\tSYS_(\w+)\s+= (\d+)`)
	for arch, number := range map[string]func(Call) int{
		"amd64": func(c Call) int { return c.AMD64 },
		"arm64": func(c Call) int { return c.ARM64 },
	} {
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "unix", "zsysnum_linux_"+arch+".go"))
		if err != nil {
			t.Fatal(err)
		}
		kernel := map[string]int{}
		for _, m := range line.FindAllStringSubmatch(string(text), -1) {
			kernel[strings.ToLower(m[1])], _ = strconv.Atoi(m[2])
		}
		seen := map[string]bool{}
		for _, c := range Allowed {
			want, there := kernel[c.Name]
			if !there {
				want = -1
			}
			if got := number(c); got != want {
				t.Errorf("%s on %s is %d, want %d", c.Name, arch, got, want)
			}
			if seen[c.Name] || c.AMD64 < 0 && c.ARM64 < 0 {
				t.Errorf("%s is there twice, or nowhere", c.Name)
			}
			seen[c.Name] = true
		}
	}
}

func TestNoHostileCallIsAllowed(t *testing.T) {
	allowed := map[string]bool{}
	for _, c := range Allowed {
		allowed[c.Name] = true
	}
	for name := range strings.FieldsSeq(`io_setup io_uring_setup io_uring_enter io_uring_register bpf userfaultfd perf_event_open
		keyctl add_key request_key kcmp pidfd_getfd process_madvise rt_sigqueueinfo rt_tgsigqueueinfo clone3
		mount umount2 unshare setns pivot_root chroot open_by_handle_at name_to_handle_at move_mount open_tree open_tree_attr
		fsopen fsconfig fsmount fspick mount_setattr statmount listmount fanotify_init
		init_module finit_module delete_module kexec_load kexec_file_load reboot settimeofday clock_settime clock_adjtime adjtimex
		sethostname setdomainname swapon swapoff acct quotactl quotactl_fd syslog iopl ioperm modify_ldt vhangup
		mbind set_mempolicy migrate_pages move_pages lookup_dcookie nfsservctl uselib ustat sysfs`) {
		if allowed[name] {
			t.Errorf("%s is allowed", name)
		}
	}
}
