#!/bin/sh
# SPDX-License-Identifier: MIT
# embed.sh FILE...: C on standard output, with the octets of the files of the page.
set -eu

type_of()
{
	case $1 in
	*.html) echo "text/html; charset=utf-8" ;;
	*.css) echo "text/css; charset=utf-8" ;;
	*.js) echo "text/javascript; charset=utf-8" ;;
	*.svg) echo "image/svg+xml" ;;
	*)
		echo "embed.sh: what is $1?" >&2
		return 1
		;;
	esac
}

echo '/* SPDX-License-Identifier: MIT */'
echo '/* Made by embed.sh. */'
echo '#include "web/page.h"'
n=0
for file; do
	echo "static const unsigned char data${n}[] = {"
	od -An -v -tu1 "$file" | sed 's/[0-9][0-9]*/&,/g'
	echo '};'
	n=$((n + 1))
done
echo 'const struct page_file page_files[] = {'
n=0
for file; do
	type=$(type_of "$file")
	printf '{ "%s", "%s", data%d, sizeof(data%d) },\n' "${file##*/}" "$type" "$n" "$n"
	n=$((n + 1))
done
echo '{ 0, 0, 0, 0 } };'
