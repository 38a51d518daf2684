#!/bin/sh
# SPDX-License-Identifier: MIT
# The example, as a stranger would use it: two messages, read by curl and by poplib.
: "${TEST_BUILDDIR:=.}"
dir=$(mktemp -d) || exit 99
mkdir "$dir/mail"
"$TEST_BUILDDIR/docs/examples/embed" "$dir/mail" >"$dir/url" 2>"$dir/err" &
pid=$!
trap 'kill $pid 2>/dev/null; rm -rf "$dir"' EXIT
printf 'Subject: one\n\nbody\n.dot\nno end' >"$dir/mail/1.eml"
mkfifo "$dir/mail/fifo"
printf 'Subject: two\r\n\r\nbody\r\n' >"$dir/mail/2.eml"
n=0
while [ ! -s "$dir/url" ] && [ $n -lt 100 ]; do
	sleep 0.1
	n=$((n + 1))
done
url=$(cat "$dir/url")
n=0
failed=0

check()
{
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "expected:" "$2" "got:" "$3" | sed 's/^/# /'
		failed=1
	fi
}

echo 1..5
check 'it listens' pop3://127.0.0.1 "${url%:*}"
check 'curl: LIST' '1 36 2 22' \
	"$(curl -sS --max-time 60 -u me:pw "$url/" | tr -d '\r' | tr '\n' ' ' | sed 's/ $//')"
check 'curl: RETR' "$(printf 'Subject: one\n\nbody\n.dot\nno end')" \
	"$(curl -sS --max-time 60 -u me:pw "$url/1" | tr -d '\r')"
check 'curl: UIDL, two of them' 2 \
	"$(curl -sS --max-time 60 -u me:pw -X UIDL "$url/" | cut -d ' ' -f 2 | sort -u | wc -l)"
check 'poplib: two sessions at once, TOP, DELE, QUIT' \
	'[b"Subject: one", b""] -ERR [SYS/PERM] 1 of 1 deleted messages could not be removed' \
	"$(python3 - "${url##*:}" <<'PY'
import poplib, sys
a, b = (poplib.POP3('127.0.0.1', int(sys.argv[1]), timeout=60) for _ in 'ab')
for s in a, b:
    s.user('me')
    s.pass_('pw')
top = b.top(1, 0)[1]
a.dele(2)
try:
    a.quit()
except poplib.error_proto as e:
    print('[%s]' % ', '.join('b"%s"' % line.decode() for line in top), e.args[0].decode())
b.quit()
PY
)"
exit $failed
