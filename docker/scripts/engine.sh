#!/usr/bin/env bash
# engine.sh gets a Docker engine to answer on this machine.
#
# An engine that answers is left as it is. Otherwise, as root on Debian or
# Ubuntu, the engine is installed from the distribution's packages and started:
# by systemd where it runs, else by hand, listening on its unix socket only.
# It leaves behind: the packages, group docker, and a dockerd that outlives this
# script, with its pid in /var/run/docker.pid and its log in
# /var/log/codebeaker-dockerd.log.
set -euo pipefail
# shellcheck source=docker/scripts/steps.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/steps.sh"

SOCKET=/var/run/docker.sock
PIDFILE=/var/run/docker.pid
DAEMON_LOG=/var/log/codebeaker-dockerd.log

refuse_unless_installable() {
	if [[ -n ${DOCKER_HOST:-} ]]; then
		fail "the engine at DOCKER_HOST=$DOCKER_HOST does not answer" \
			"start it, or unset DOCKER_HOST to use one on this machine"
	fi
	if [[ $(uname -s) != Linux ]]; then
		fail "no Docker engine answers" "install and start Docker Desktop, colima or another engine, then try again"
	fi
	if [[ -S $SOCKET && ! -w $SOCKET ]]; then
		fail "user $(id -un) may not use the engine's socket $SOCKET" \
			"sudo usermod -aG docker $(id -un), then log in again"
	fi
	if ! as_root; then
		fail "no Docker engine answers and only root can install or start one" \
			"run: sudo $ROOT/docker/scripts/engine.sh" \
			"and then: sudo usermod -aG docker $(id -un), and log in again"
	fi
	if ! command -v dockerd >/dev/null && ! command -v apt-get >/dev/null; then
		fail "this machine has no apt-get" "install Docker as https://docs.docker.com/engine/install/ says"
	fi
}

# install_engine adds docker.io and, where the distribution keeps the client
# apart (Debian 13), docker-cli.
install_engine() {
	local packages=(docker.io iptables ca-certificates)
	apt-get -o DPkg::Lock::Timeout=300 update
	if ! command -v docker >/dev/null && apt-cache show docker-cli >/dev/null 2>&1; then
		packages+=(docker-cli)
	fi
	apt_install "${packages[@]}"
}

# mount_cgroups gives a machine without any cgroup mount the unified hierarchy;
# dockerd refuses to start without one.
mount_cgroups() {
	grep -q ' cgroup2\? ' /proc/self/mounts && return 0
	mkdir -p /sys/fs/cgroup
	mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
}

# forget_dead removes a pid file whose process is gone or is another program by
# now: dockerd refuses to start beside it, and takes a recycled pid in
# containerd's file for its own containerd and waits for it in vain.
forget_dead() {
	local file=$1 program=$2 pid
	[[ -f $file ]] || return 0
	pid=$(cat "$file")
	[[ -n $pid && -r /proc/$pid/comm && $(cat "/proc/$pid/comm") == "$program" ]] || rm -f "$file"
}

# launch starts dockerd in a session of its own, so that neither the end of this
# script nor a Ctrl-C in its terminal reaches it. Arguments go to dockerd.
launch() {
	mount_cgroups
	forget_dead "$PIDFILE" dockerd
	forget_dead /var/run/docker/containerd/containerd.pid containerd
	setsid dockerd --host "unix://$SOCKET" --pidfile "$PIDFILE" "$@" \
		>>"$DAEMON_LOG" 2>&1 </dev/null &
	await_engine $!
}

# await_engine waits until the engine answers, its process ends, or 60 s passed.
await_engine() {
	local pid=$1 deadline=$((SECONDS + 60))
	while ((SECONDS < deadline)); do
		engine_answers && return 0
		if ! kill -0 "$pid" 2>/dev/null; then
			tail -n 15 "$DAEMON_LOG"
			return 1
		fi
		sleep 0.2
	done
	kill "$pid" 2>/dev/null || true
	tail -n 15 "$DAEMON_LOG"
	return 1
}

# start_engine prefers the init system. Without one, a kernel that has no
# netfilter still runs containers that need no network, which are the default.
start_engine() {
	if [[ -d /run/systemd/system ]]; then
		systemctl start docker && engine_answers
		return
	fi
	launch || {
		echo "trying again without networks of its own"
		launch --bridge=none --iptables=false --ip6tables=false
	}
}

main() {
	if engine_answers; then
		say "Docker engine $(docker version --format '{{.Server.Version}}') answers"
		return
	fi
	refuse_unless_installable
	command -v dockerd >/dev/null || step "install the Docker engine" install_engine
	step "start the Docker engine" start_engine
	say "Docker engine $(docker version --format '{{.Server.Version}}') answers; log: $DAEMON_LOG"
}

main "$@"
