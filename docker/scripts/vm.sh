#!/usr/bin/env bash
# vm.sh boots a machine of today (Debian 12, systemd, control groups v2) in
# emulation, without KVM, and runs the tests of cmd/codebeaker/vmtest in it.
#
# The root file system comes from the packages of this machine's own
# distribution (Debian on x86-64, root) and is kept in .cache/vm until its recipe
# changes. What was built here goes on a second disk that is laid over it. The
# machine has no network. What it writes to its second serial line is the output
# of this script; its console is in .cache/logs/vm-console.log.
#
# With the argument "prepare" it makes that root file system and ends.
#
#   VM_CASES=names   some of the cases only: Root User UserWithoutBus DelegatedUnit
#   VM_DOCKER=1      with a Docker engine in the machine, and the case Docker
#   VM_RUN=/path     a program in the machine to run instead of the tests
#   VM_EXTRA=folder  laid over the machine's root
#   VM_TIMEOUT=9m    when the machine is ended
#   VM_MEMORY=4096   its memory in MiB
#
# It leaves behind: the packages qemu-system-x86, mmdebstrap and e2fsprogs, and
# .cache/vm.
set -euo pipefail
# shellcheck source=docker/scripts/steps.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/steps.sh"
# shellcheck source=docker/scripts/mirror.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/mirror.sh"

FILES=$ROOT/docker/vm # what is the machine's own
RUN=${VM_RUN:-/usr/local/lib/vm/tests}
CASES=${VM_CASES:-Root User UserWithoutBus DelegatedUnit${VM_DOCKER:+ Docker}}
KIND=${VM_DOCKER:+docker-}root # of root file system
PACKAGES=systemd-sysv,dbus,dbus-user-session,libpam-systemd,kmod,python3,procps${VM_DOCKER:+,docker.io,apparmor}

# recipe prints what decides whether the root file system has to be made again.
recipe() {
	{
		echo "$PACKAGES $RELEASE"
		kernel_package
		declare -f make_tree add_kernel slim add_users add_tools make_disk make_root
		"$CACHE/tools/bin/bun" --version
		"$CACHE/tools/bin/deno" --version
		cat "$FILES/init"
	} | sha256sum | cut -c1-16
}

# kernel_package prints the package of the newest kernel for virtual machines.
kernel_package() { apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '$1 == "Depends:" { print $2; exit }'; }

install_packages() {
	local missing=() pair
	for pair in qemu-system-x86_64:qemu-system-x86 mmdebstrap:mmdebstrap mke2fs:e2fsprogs; do
		[[ -n $(type -P "${pair%%:*}") ]] || missing+=("${pair#*:}")
	done
	((${#missing[@]} == 0)) || step "install ${missing[*]}" apt_install "${missing[@]}"
}

# make_tree takes half the time of debootstrap, which unpacks most packages twice.
make_tree() {
	sources | mmdebstrap --mode=root --variant=minbase --include="$PACKAGES" --dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' "$RELEASE" "$TREE" -
}

# add_kernel FOLDER unpacks the kernel: its modules into the tree, itself into a
# folder.
add_kernel() {
	(cd "$1" && apt-get download "$(kernel_package)" && dpkg -x ./*.deb unpacked && rm ./*.deb) &&
		cp -a "$1"/unpacked/lib/modules "$TREE/usr/lib/" &&
		mv "$1"/unpacked/boot/vmlinuz-* "$1/vmlinuz" &&
		rm -r "$1/unpacked" &&
		chroot "$TREE" depmod "$(ls "$TREE/usr/lib/modules")"
}

# slim removes what no test reads and what starts for nothing.
slim() {
	rm -rf "$TREE"/var/cache/apt/* "$TREE"/var/lib/apt/lists/* "$TREE"/var/log/* "$TREE"/etc/apt/sources.list \
		"$TREE"/usr/share/{doc,man,info,locale}/*
	local unit
	for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
		fstrim.timer systemd-timesyncd.service e2scrub_reap.service getty@tty1.service serial-getty@ttyS0.service; do
		ln -sf /dev/null "$TREE/etc/systemd/system/$unit"
	done
	rm -f "$TREE"/etc/systemd/system/*.wants/{docker,containerd}.* # the case that needs them starts them
	echo machine >"$TREE/etc/hostname"
	printf '127.0.0.1 localhost machine\n' >"$TREE/etc/hosts"
	: >"$TREE/etc/fstab"
}

# add_users makes two ordinary users. The first one has a systemd and a bus of
# its own from the boot on, as after a login; the second one never logs in.
add_users() {
	chroot "$TREE" useradd --create-home --shell /bin/bash withbus
	chroot "$TREE" useradd --create-home --shell /bin/bash withoutbus
	mkdir -p "$TREE/var/lib/systemd/linger"
	touch "$TREE/var/lib/systemd/linger/withbus"
}

add_tools() {
	install -D -m 0755 "$FILES/init" "$TREE/usr/local/lib/vm/init"
	install -m 0755 "$CACHE/tools/bin/bun" "$CACHE/tools/bin/deno" "$TREE/usr/local/bin/"
}

# make_disk FOLDER FILE MEGABYTES makes a disk of a folder, with that much free.
make_disk() {
	local size
	size=$(($(du -sm "$1" | cut -f1) * 11 / 10 + $3))
	rm -f "$2"
	mke2fs -q -t ext4 -E lazy_itable_init=1,root_owner=0:0 -O ^has_journal -d "$1" "$2" "${size}M"
}

# make_root makes the root file system and the kernel, both or none.
make_root() {
	local new=$STORE.new
	rm -rf "$new"
	mkdir -p "$new"
	TREE=$(mktemp -d "${TMPDIR:-/tmp}/codebeaker-vm.XXXXXX")
	chmod 0755 "$TREE"
	step "bootstrap a machine of Debian $RELEASE" make_tree
	step "get the kernel $(kernel_package)" add_kernel "$new"
	slim
	add_users
	add_tools
	step "make the disk of the machine" make_disk "$TREE" "$new/root.img" 1500
	rm -rf --one-file-system "$TREE"
	rm -rf "$CACHE/vm/$KIND"-????????????????
	mv "$new" "$STORE"
}

# gather_tests FOLDER builds the server, the agent and the tests, none of which
# needs a C library.
gather_tests() {
	make -C "$ROOT" guest-amd64 &&
		cp "$CACHE/guest/guest-linux-amd64" "$1/" &&
		CGO_ENABLED=0 go build -C "$ROOT" -trimpath -o "$1/codebeaker" ./cmd/codebeaker &&
		CGO_ENABLED=0 go test -C "$ROOT" -c -trimpath -o "$1/vmtest" ./cmd/codebeaker/vmtest &&
		install -m 0755 "$FILES/tests" "$1/tests" &&
		echo "$CASES" >"$1/cases"
}

# gather FOLDER lays out what the second disk brings.
gather() {
	local lib=$1/usr/local/lib/vm
	mkdir -p "$lib" "$1/etc/systemd/system" &&
		cp "$FILES"/vm.{target,service} "$1/etc/systemd/system/" &&
		install -m 0755 "$FILES/run" "$lib/run" &&
		echo "$RUN" >"$lib/program" &&
		{ [[ -n ${VM_RUN:-} ]] || gather_tests "$lib"; } &&
		{ [[ -z ${VM_EXTRA:-} ]] || cp -a "$VM_EXTRA/." "$1/"; }
}

# make_over makes the second disk.
make_over() { gather "$OVER/tree" && make_disk "$OVER/tree" "$OVER/over.img" 16; }

# run_machine boots it, prints its second serial line, and ends it in time.
run_machine() {
	local status=0
	: >"$LOGS/vm-console.log"
	timeout --foreground --kill-after=10 "${VM_TIMEOUT:-9m}" qemu-system-x86_64 \
		-nodefaults -no-user-config -no-reboot -display none \
		-accel tcg,thread=multi -smp 2 -cpu max -m "${VM_MEMORY:-4096}" \
		-kernel "$STORE/vmlinuz" \
		-append "console=ttyS0 root=/dev/nvme0n1 rootwait rw init=/usr/local/lib/vm/init panic=-1 mitigations=off init_on_alloc=0 tsc=reliable systemd.show_status=false systemd.log_color=false systemd.unit=vm.target" \
		-device nvme,serial=codebeaker \
		-drive "if=none,id=root,format=raw,snapshot=on,file=$STORE/root.img" -device nvme-ns,drive=root,nsid=1 \
		-drive "if=none,id=over,format=raw,readonly=on,file=$OVER/over.img" -device nvme-ns,drive=over,nsid=2 \
		-serial "file:$LOGS/vm-console.log" \
		-chardev stdio,id=run,signal=off -serial chardev:run \
		</dev/null | tee "$LOGS/vm-run.log" || status=$?
	((status != 124)) || echo "machine: ended after ${VM_TIMEOUT:-9m}"
	return "$status"
}

# judge fails when the run did, or did not come to its end.
judge() {
	local name absent=0
	if [[ -z ${VM_RUN:-} ]]; then
		for name in $CASES; do
			grep -q $'^\\(ok  \\|FAIL\\)\tcmd/codebeaker/vmtest '"$name"$'\t' "$LOGS/vm-run.log" && continue
			printf 'FAIL\tcmd/codebeaker/vmtest %s\tno result\n' "$name"
			absent=$((absent + 1))
		done
	fi
	if ! grep -q "^machine: $RUN ended with status " "$LOGS/vm-run.log"; then
		echo "the machine's console ends with:"
		tail -n 40 "$LOGS/vm-console.log" | tr -d '\r'
		fail "the machine did not come to the end of $RUN"
	fi
	((absent == 0)) && grep -qx "machine: $RUN ended with status 0" "$LOGS/vm-run.log" || fail "$RUN failed in the machine"
}

main() {
	as_root || fail "only root can make a machine from packages" "run: sudo ${BASH_SOURCE[0]}"
	[[ $DISTRIBUTION == debian && $(uname -m) == x86_64 ]] || fail "the machine is made on Debian on x86-64 only"
	export PATH=$PATH:/usr/sbin:/sbin
	mkdir -p "$CACHE/vm"
	install_packages
	for tool in bun deno; do
		"$CACHE/tools/bin/$tool" --version >/dev/null || fail "there is no $tool" "run: make tools"
	done
	[[ -n $(kernel_package) ]] || step "read the package lists" apt-get -o DPkg::Lock::Timeout=300 update
	STORE=$CACHE/vm/$KIND-$(recipe)
	trap 'rm -rf --one-file-system -- "${TREE:-}" "${OVER:-}"' EXIT
	[[ -f $STORE/root.img ]] || make_root
	[[ ${1:-} != prepare ]] || return 0
	OVER=$(mktemp -d "${TMPDIR:-/tmp}/codebeaker-vm.XXXXXX")
	mkdir "$OVER/tree"
	step "build the server and the second disk" make_over
	local start
	start=$(date +%s%N)
	run_machine || true
	say "the machine ran for $(seconds_since "$start")"
	judge
}

main "$@"
