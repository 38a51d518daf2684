#!/bin/sh
# SPDX-License-Identifier: MIT
#
# demo-messages.sh DIR: a dozen messages, no two alike, the same in every run, in files that
# sort in their order. An existing DIR is left alone.
set -eu
LC_ALL=C
export LC_ALL

target=$1
[ ! -d "$target" ] || exit 0
dir=$target.new
rm -rf "$dir"
mkdir -p "$dir"

# The number of the message that is being made.
count()
{
	echo $(($(find "$dir" -type f -name '[0-9]*' | wc -l) + 1))
}

headers()
{
	count=$(count)
	cat <<-END
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

# put: the message on standard input becomes the next one.
put()
{
	cat >"$dir/message"
	mv "$dir/message" "$dir/$(printf %02d "$(count)")"
}

{
	headers "Welcome to popart"
	printf '\n%s\n%s\n' "This is plain text with the line ends of Unix." \
		"On the wire every line ends with CR LF, and the listed size counts both."
} | put

{
	headers "Line ends as on the wire"
	printf '\nStored with CR LF,\nso nothing has to be converted.\n'
} | to_crlf | put

{
	headers "No newline at the end"
	printf '\nThe last line just stops'
} | put

{
	headers "Dots"
	printf '\n.\n..\n. a dot and a space\n.hidden\nno dot\n.\n'
} | put

{
	headers "Octets above 127"
	printf 'MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\n'
	printf 'Content-Transfer-Encoding: 8bit\n\nCaf\351 cr\350me, stra\337e.\n'
} | put

{
	headers "Gr$(printf '\303\274\303\237e') aus K$(printf '\303\266')ln, $(printf '\346\227\245\346\234\254')"
	printf '\nThe header is UTF-8 as it is, as RFC 6532 has it.\n'
} | put

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
} | put

{
	headers "A very long line"
	printf '\nbefore\n'
	head -c 100000 /dev/zero | tr '\0' x
	printf '\nafter\n'
} | put

{
	headers "No text"
	printf '\n'
} | put

headers "Only headers, not even a blank line" | put

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
} | put

{
	headers "One megabyte"
	printf '\n'
	awk 'BEGIN { for (i = 1; i <= 16384; i++) printf "%08d %s\n", i, "the quick brown fox jumps over the lazy dog, again." }'
} | put

mv "$dir" "$target"
