#!/bin/sh
# SPDX-License-Identifier: MIT
# The headers as a module's or an embedder's author meets them: each one alone, in C and in
# C++, without a warning; and a module written in C++ has the entry that the loader looks for.
: "${TEST_SRCDIR:=.}" "${TEST_CC:=cc}" "${TEST_CXX:=c++}"
include=$TEST_SRCDIR/include
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
warnings="-Wall -Wextra -Wpedantic -Werror -I$include"
n=0
failed=0

# report NAME: what stands in $dir/why, if anything, is why it failed.
report()
{
	n=$((n + 1))
	if [ -s "$dir/why" ]; then
		echo "not ok $n - $1"
		sed 's/^/# /' "$dir/why"
		failed=1
	else
		echo "ok $n - $1"
	fi
}

skip()
{
	n=$((n + 1))
	echo "ok $n - $1 # SKIP no $TEST_CXX"
}

has_cxx()
{
	command -v "$TEST_CXX" >/dev/null
}

for header in "$include"/popart/*.h; do
	name=popart/$(basename "$header")
	echo "#include <$name>" >"$dir/alone.c"
	cp "$dir/alone.c" "$dir/alone.cc"
	# shellcheck disable=SC2086 # words are what is meant
	$TEST_CC -std=c99 $warnings -c "$dir/alone.c" -o "$dir/alone.o" >"$dir/why" 2>&1
	report "$name in C99"
	if has_cxx; then
		# shellcheck disable=SC2086
		$TEST_CXX -std=c++11 $warnings -c "$dir/alone.cc" -o "$dir/alone.o" >"$dir/why" 2>&1
		report "$name in C++11"
	else
		skip "$name in C++11"
	fi
done

cat >"$dir/sample.cc" <<'END'
#include <popart/module.h>
static void stop(void *) {}
POPART_MODULE(sample, .summary = "no module, but looks like one", .stop = stop);
END
if has_cxx; then
	# shellcheck disable=SC2086
	$TEST_CXX -std=c++20 $warnings -c "$dir/sample.cc" -o "$dir/sample.o" >"$dir/why" 2>&1 &&
		! nm "$dir/sample.o" | grep -q ' T popart_module_entry$' &&
		nm "$dir/sample.o" >"$dir/why"
	report 'a module in C++'
else
	skip 'a module in C++'
fi
echo "1..$n"
exit $failed
