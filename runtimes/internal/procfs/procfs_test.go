package procfs

import (
	"reflect"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMountsAreReadAsTheKernelWritesThem(t *testing.T) {
	const text = `22 1 8:1 / / ro,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
23 22 0:5 /a\040b /mnt/tab\011\134end rw,nosuid master:2 propagate_from:1 - tmpfs none rw,size=4k
24 22 0:6 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
not a mount
25 22 0:7 / /short
`
	got := ParseMounts(text)
	want := []Mount{
		{"/", "/", []string{"ro", "relatime"}, "ext4", []string{"rw", "errors=remount-ro"}},
		{"/a b", "/mnt/tab\t\\end", []string{"rw", "nosuid"}, "tmpfs", []string{"rw", "size=4k"}},
		{"/", "/sys/fs/cgroup/memory", []string{"rw"}, "cgroup", []string{"rw", "memory"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !got[0].ReadOnly() || got[1].ReadOnly() {
		t.Error("read-only is wrong")
	}
}

func TestGroupsOfBothVersionsAreRead(t *testing.T) {
	got := ParseGroups("12:cpu,cpuacct:/a:b\n1:name=systemd:/user.slice\n0::/user.slice/x\nno group\n")
	want := []Group{{[]string{"cpu", "cpuacct"}, "/a:b"}, {[]string{"name=systemd"}, "/user.slice"}, {nil, "/user.slice/x"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if path, ok := Unified(got); !ok || path != "/user.slice/x" {
		t.Errorf("version 2: %q, %v", path, ok)
	}
	if path, ok := Unified(got[:2]); ok {
		t.Errorf("there is none: %q", path)
	}
}
