#!/bin/sh
# SPDX-License-Identifier: MIT
#
# demo-maildir.sh DIR: a Maildir with a dozen messages, no two alike, the same in every run.
# An existing DIR is left alone.
set -eu
LC_ALL=C
export LC_ALL

target=$1
[ ! -d "$target" ] || exit 0
dir=$target.new
rm -rf "$dir"
mkdir -p "$dir/cur" "$dir/new" "$dir/tmp"

# The number of the message that is being made.
count()
{
	echo $(($(find "$dir/cur" "$dir/new" -type f | wc -l) + 1))
}

headers()
{
	count=$(count)
	cat <<-END
		Return-Path: <alice@example.org>
		Date: Mon, 02 Nov 2026 09:$(printf %02d "$count"):00 +0000
		From: Alice <alice@example.org>
		To: demo@example.org
		Message-ID: <demo-$count@example.org>
		Subject: $1
	END
}

to_crlf()
{
	sed "s/\$/$(printf '\r')/"
}

# put DIRECTORY NAME-ENDING: the message on standard input. In the ending, SIZE stands for
# the octets of the file, WIRE for those with every line ended by CRLF.
put()
{
	count=$(count)
	cat >"$dir/tmp/message"
	size=$(wc -c <"$dir/tmp/message")
	newlines=$(tr -cd '\n' <"$dir/tmp/message" | wc -c)
	crlfs=$(grep -c "$(printf '\r')\$" "$dir/tmp/message" || true)
	wire=$((size + newlines - crlfs))
	ending=$(echo "$2" | sed "s/SIZE/$size/; s/WIRE/$wire/")
	file=$dir/$1/$((1793610000 + count * 60)).M${count}P1.demo$ending
	mv "$dir/tmp/message" "$file"
	touch -d "@$((1793610000 + count * 60))" "$file"
}

{
	headers "Welcome to popart"
	printf '\n%s\n%s\n' "This is plain text with the line ends of Unix." \
		"On the wire every line ends with CR LF, and the listed size counts both."
} | put cur ":2,S"

{
	headers "Line ends as on the wire"
	printf '\nStored with CR LF,\nso nothing has to be converted.\n'
} | to_crlf | put cur ",S=SIZE,W=WIRE:2,S"

{
	headers "No newline at the end"
	printf '\nThe last line just stops'
} | put new ""

{
	headers "Dots"
	printf '\n.\n..\n. a dot and a space\n.hidden\nno dot\n.\n'
} | put cur ",S=SIZE:2,RS"

{
	headers "Octets above 127"
	printf 'MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\n'
	printf 'Content-Transfer-Encoding: 8bit\n\nCaf\351 cr\350me, stra\337e.\n'
} | put cur ",W=WIRE:2,"

{
	headers "Gr$(printf '\303\274\303\237e') aus K$(printf '\303\266')ln, $(printf '\346\227\245\346\234\254')"
	printf '\nThe header is UTF-8 as it is, as RFC 6532 has it.\n'
} | put new ",S=SIZE,W=WIRE"

{
	headers "=?utf-8?Q?With_an_attachment?="
	cat <<-'END'
		MIME-Version: 1.0
		Content-Type: multipart/mixed; boundary="popart-demo"

		This is a message with more than one part.
		--popart-demo
		Content-Type: text/plain; charset=us-ascii

		A table is attached.
		--popart-demo
		Content-Type: text/csv; name="sizes.csv"
		Content-Disposition: attachment; filename="sizes.csv"

		message,octets
		1,512
		2,1024
		--popart-demo--
	END
} | put cur ":2,F"

{
	headers "A very long line"
	printf '\nbefore\n'
	head -c 100000 /dev/zero | tr '\0' x
	printf '\nafter\n'
} | put cur ",S=SIZE:2,"

{
	headers "No text"
	printf '\n'
} | put new ",S=SIZE"

headers "Only headers, not even a blank line" | put new ""

{
	headers "A picture"
	cat <<-'END'
		MIME-Version: 1.0
		Content-Type: image/png; name="dot.png"
		Content-Transfer-Encoding: base64
		Content-Disposition: inline; filename="dot.png"

		iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA
		WjR9awAAAABJRU5ErkJggg==
	END
} | put cur ":2,S"

{
	headers "One megabyte"
	printf '\n'
	awk 'BEGIN { for (i = 1; i <= 16384; i++) printf "%08d %s\n", i, "the quick brown fox jumps over the lazy dog, again." }'
} | put cur ",S=SIZE,W=WIRE:2,"

mv "$dir" "$target"
