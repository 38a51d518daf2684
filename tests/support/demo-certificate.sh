#!/bin/sh
# SPDX-License-Identifier: MIT
#
# demo-certificate.sh DIR: one for this machine only, in cert.pem and key.pem. It is not done
# again while it is good for a day, so that clients may go on trusting it.
set -eu
if [ -e "$1/cert.pem" ] && [ -e "$1/key.pem" ] &&
	openssl x509 -checkend 86400 -noout -in "$1/cert.pem" >/dev/null; then
	exit 0
fi
mkdir -p "$1"
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 \
	-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
	-keyout "$1/key.pem" -out "$1/cert.pem" 2>/dev/null || {
	echo "demo-certificate.sh: openssl cannot make a certificate in $1" >&2
	exit 1
}
