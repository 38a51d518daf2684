#!/bin/sh
# SPDX-License-Identifier: MIT
#
# demo.sh BUILD DIR [PORT TLS-PORT]: serves a dozen messages in a database, with the programs
# in BUILD. Whatever was deleted is there again. What is in DIR is made at the first start;
# the configuration is left alone then, and may be changed.
set -eu
support=$(dirname "$0")
build=$(cd "$1" && pwd)
mkdir -p "$2"
dir=$(cd "$2" && pwd)
port=${3-1100}
tls_port=${4-1995}
conf=$dir/popart.conf

configuration()
{
	# In a path of mail, % begins something.
	template=$(printf '%s' "$dir" | sed 's/%/%%/g')
	cat <<-END
		# The demo of popart. Change what you like, and start it again; popart.conf(5) has every
		# key. Remove this file to have it back as it was.

		# POP3 on this machine only, with and without TLS.
		listen = (
			{ address = "127.0.0.1:$port"; },
			{ address = "127.0.0.1:$tls_port"; tls = true; }
		);
		tls = { certificate = "$dir/tls/cert.pem"; key = "$dir/tls/key.pem"; };

		# Who may log in.
		auth = ( { module = "static"; user = "demo"; password = "demo"; } );

		# Where the mail is: a database for each user. At every start the demo empties this
		# directory and delivers its messages anew.
		storage = ( { module = "sqlite"; path = "$template/mail/%u.db"; } );

		# How it does: popartctl status, top, why, web.
		admin = { };

		run_dir = "$dir/run";
	END
	# Started by root, the server wants to be told whom to become.
	if [ "$(id -u)" = 0 ]; then
		printf '%s\n' 'user = "root";'
	fi
}

# Two demos at once would have one database. The server inherits the lock.
exec 9<"$dir"
if ! flock -n 9; then
	echo "demo.sh: the demo in $dir is running already; end it with Ctrl-C first" >&2
	exit 1
fi

"$support/demo-certificate.sh" "$dir/tls"
"$support/demo-messages.sh" "$dir/messages"
if [ ! -e "$conf" ]; then
	(umask 077 && configuration >"$conf.new")
	mv "$conf.new" "$conf"
fi
"$build/popartd" -t -c "$conf" >"$dir/checked" 2>&1 || {
	cat "$dir/checked" >&2
	exit 1
}
rm -rf "$dir/mail"
mkdir -m 700 "$dir/mail"
for message in "$dir/messages"/*; do
	"$build/popart-deliver" -c "$conf" -u demo --return-path alice@example.org \
		<"$message" 2>"$dir/delivered" || {
		cat "$dir/delivered" >&2
		exit 1
	}
done

cat <<-END

	popartd serves a dozen messages to user demo, password demo. What you delete is gone, and
	there again at the next start. Ctrl-C stops it. From another terminal:

	    curl -s pop3://demo:demo@127.0.0.1:$port/                  # the list of messages
	    curl -s pop3://demo:demo@127.0.0.1:$port/1                 # the first of them
	    curl -s --cacert $dir/tls/cert.pem pop3s://demo:demo@127.0.0.1:$tls_port/1
	    curl -s -I -X 'DELE 1' pop3://demo:demo@127.0.0.1:$port/   # delete it
	    echo 'Subject: Hello' | $build/popart-deliver -c $conf -u demo
	    $build/popartctl -c $conf status                           # or top, sessions, web

	The configuration is $conf; it is yours to change.

END
exec "$build/popartd" -c "$conf"
