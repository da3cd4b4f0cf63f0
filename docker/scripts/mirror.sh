# shellcheck shell=bash
# mirror.sh is sourced by the scripts that make a root file system of this
# machine's own distribution. It reads the mirrors from the machine's apt, so
# that none is written down here.

# shellcheck source=/dev/null
RELEASE=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
# shellcheck source=/dev/null
DISTRIBUTION=$(. /etc/os-release && echo "${ID:-}")
export RELEASE DISTRIBUTION

# sources prints the host's package sources of the distribution itself, one a
# line in the one-line format; those of third parties are left out.
sources() {
	apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Identifier: Packages' |
		awk -v release="$RELEASE" '
			$1 ~ /^https?:/ && $4 ~ /^(Debian|Ubuntu)$/ && index($2, release) == 1 {
				print "deb", $1, $2, $3 }' | sort -u
}

# mirror prints the address the release itself comes from.
mirror() { sources | awk -v release="$RELEASE" '$3 == release { print $2; exit }'; }
