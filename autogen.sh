#!/bin/sh
# SPDX-License-Identifier: MIT
#
# autogen.sh             generate configure and Makefile.in
# autogen.sh run         build popartd in build/ and serve a demo, full again at each start
# autogen.sh run DIR     serve the Maildir DIR, in which nothing is changed
# autogen.sh check       build, then run all tests, plain and with sanitizers
#
# run and check install Debian packages that are missing. What is done is not done again.
set -eu
cd "$(dirname "$0")"
# popartd loads no module that its group may write.
umask 022

# What configure looks for.
build_packages="gcc libc6-dev make autoconf automake libtool pkg-config
	libgnutls28-dev libconfig-dev libcrypt-dev libargon2-dev libsqlite3-dev
	libjansson-dev libmicrohttpd-dev libcurl4-gnutls-dev
	libcunit1-dev"
run_packages="curl openssl"
# Mail clients, and what looks at sources and manuals.
check_packages="g++ rustc curl openssl gnutls-bin testssl.sh fetchmail mpop getmail6 mutt procmail
	postal perl python3 sqlite3 chromium chromium-driver git strace valgrind logrotate
	clang-format-14 codespell
	cppcheck mandoc shellcheck systemd python3-prometheus-client python3-yaml jq
	bash-completion zsh
	libdb5.3 libgnutls-dane0 libicu72 libidn12 libnsl2 libpcre2-8-0 libsasl2-2 libssl3"
# What popart-deliver is tried with: unpacked, as a machine has one MTA at most, and that is
# not ours to replace. The libraries above are theirs. And promtool, whose package would start
# a service.
unpacked_packages="postfix exim4-daemon-light prometheus"

say()
{
	printf '%s\n' "autogen.sh: $*"
}

die()
{
	say "$*" >&2
	exit 1
}

usage()
{
	sed -n '4,9s/^# \{0,1\}//p' "$0"
}

install_packages()
{
	if ! command -v dpkg-query >/dev/null; then
		say "not a Debian system: please see to these packages yourself:" "$@"
		return
	fi
	missing=
	for package in "$@"; do
		# A word for each architecture; "not-installed" is one, too.
		case " $(dpkg-query -W -f '${db:Status-Status} ' "$package" 2>/dev/null)" in
		*' installed '*) ;;
		*) missing="$missing $package" ;;
		esac
	done
	[ -n "$missing" ] || return 0

	as_root=
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null ||
			die "run as root: apt-get install --no-install-recommends$missing"
		as_root=sudo
	fi
	say "installing what is missing: apt-get install$missing"
	$as_root apt-get -q update
	# shellcheck disable=SC2086 # words are what is meant
	$as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q install -y --no-install-recommends $missing
}

# is_newer FILE THAN
is_newer()
{
	[ -n "$(find "$1" -newer "$2")" ]
}

is_generated()
{
	[ -e configure ] && [ -e Makefile.in ] && ! is_newer configure.ac configure &&
		! is_newer Makefile.am Makefile.in &&
		[ -z "$(find include server modules tests docs -name local.mk \
			-newer Makefile.in)" ]
}

generate()
{
	! is_generated || return 0
	for tool in autoreconf automake libtoolize pkg-config; do
		command -v "$tool" >/dev/null ||
			die "$tool is missing; ./autogen.sh run installs all that is needed"
	done
	say "generating configure"
	mkdir -p .build-aux
	autoreconf -fi
}

# build DIR [CONFIGURE-OPTION...]
build()
{
	dir=$1
	shift
	mkdir -p "$dir" || return
	if [ ! -e "$dir/config.status" ] || is_newer configure "$dir/config.status"; then
		say "configuring in $dir"
		top=$PWD
		(cd "$dir" && "$top/configure" --enable-developer "$@") || return
	fi
	say "building in $dir"
	make -s -C "$dir" -j"$(nproc)"
}

# unpack DIR PACKAGE...: what would be installed goes below DIR, which MTA_ROOT then names.
unpack()
{
	MTA_ROOT=$PWD/$1
	export MTA_ROOT
	command -v apt-get >/dev/null && [ ! -e "$1/done" ] || return 0
	say "unpacking in $*"
	mkdir -p "$1"
	(
		cd "$1" && shift && apt-get -q download "$@" &&
			for package in *.deb; do dpkg-deb -x "$package" . || exit; done &&
			touch "done"
	) || say "cannot get them: apt-get update may be due"
}

prepare()
{
	# shellcheck disable=SC2086 # words are what is meant
	install_packages $build_packages "$@"
	generate
}

# run [DIR]
run()
{
	# shellcheck disable=SC2086
	prepare $run_packages
	build build
	[ $# -gt 0 ] || exec tests/support/demo.sh build build/demo
	tests/support/demo-certificate.sh build/demo/tls
	cat <<-END

		popartd serves $1 on 127.0.0.1:1100, and with TLS on 127.0.0.1:1995; nothing in
		it is changed. Ctrl-C stops it. From another terminal:

		    curl -s pop3://demo:demo@127.0.0.1:1100/      # the list of messages
		    curl -s pop3://demo:demo@127.0.0.1:1100/1     # the first of them
		    curl -s --cacert $PWD/build/demo/tls/cert.pem pop3s://demo:demo@127.0.0.1:1995/1

	END
	exec build/popartd --maildir "$1" --user demo:demo --listen 127.0.0.1:1100 \
		--tls-listen 127.0.0.1:1995 --certificate build/demo/tls/cert.pem \
		--key build/demo/tls/key.pem
}

# results DIR OUTCOME...: how many tests of the last make check in DIR ended so.
results()
{
	suite=$1/test-suite.log
	shift
	for outcome in "$@"; do
		sed -n "s/^# $outcome: *//p" "$suite"
	done | awk '{ n += $1 } END { print n + 0 }'
}

# failures DIR [LINES]: the tests that failed in the last make check in DIR, each with the last
# that it said before, or else what it said then; so many lines of it.
failures()
{
	awk -v where="$1" -v most="${2-25}" '
		/^#/ { if (after-- > 0) print "    " $0; said[++n] = $0; next }
		/^(FAIL|XPASS|ERROR): .* / {
			print where ": " $0
			for (i = n > most ? n - most + 1 : 1; i <= n; i++)
				print "    " substr(said[i], 1, 400)
			after = n > 0 ? 0 : most
		}
		/^(PASS|SKIP|XFAIL): / { after = 0 }
		!/^not ok/ { n = 0 }' "$1/test-suite.log"
}

# test_build DIR [CONFIGURE-OPTION...]: builds, runs make check and adds up the results. A
# build that does not get as far as its tests counts as one failure. Tests wait half of their
# time, so that two share a processor.
test_build()
{
	rm -f "$1/test-suite.log"
	if ! { build "$@" && say "testing in $1" && make -s -C "$1" -j$(($(nproc) * 2)) check; }; then
		broken="$broken $1"
	fi
	if [ -e "$1/test-suite.log" ]; then
		passed=$((passed + $(results "$1" PASS)))
		failed=$((failed + $(results "$1" FAIL XPASS ERROR)))
		skipped=$((skipped + $(results "$1" SKIP)))
	else
		failed=$((failed + 1))
	fi
}

check()
{
	# shellcheck disable=SC2086
	prepare $check_packages
	# shellcheck disable=SC2086
	unpack build/mta $unpacked_packages
	passed=0
	failed=0
	skipped=0
	broken=
	test_build build
	test_build build/asan --enable-sanitizer=address,undefined
	test_build build/tsan --enable-sanitizer=thread

	# All that they said, and once more in short: often only the end of a log is kept.
	for most in 25 1; do
		for build in $broken; do
			[ ! -e "$build/test-suite.log" ] || failures "$build" "$most"
		done
	done
	[ -z "$broken" ] || say "see above and test-suite.log in:$broken"
	[ "$skipped" = 0 ] || say "$skipped tests were skipped"
	echo "$passed passed, $failed failed"
	[ -z "$broken" ] && [ "$failed" = 0 ]
}

case ${1-} in
'')
	generate
	;;
run)
	[ $# -le 2 ] || die "run takes one directory"
	shift
	# A directory is meant from where the caller stands.
	if [ $# -gt 0 ]; then
		[ -d "$OLDPWD/$1" ] && set -- "$OLDPWD/$1"
		[ -d "$1" ] || die "$1 is not a directory"
	fi
	run "$@"
	;;
check)
	[ $# = 1 ] || die "check takes no arguments"
	check
	;;
-h | --help | help)
	usage
	;;
*)
	usage >&2
	exit 1
	;;
esac
