# SPDX-License-Identifier: MIT
pkginclude_HEADERS = \
	include/popart/abi.h \
	include/popart/accounts.h \
	include/popart/auth.h \
	include/popart/conf.h \
	include/popart/driver.h \
	include/popart/host.h \
	include/popart/module.h \
	include/popart/session.h \
	include/popart/storage.h

# For modules that are built with autoconf.
aclocaldir = $(datadir)/aclocal
dist_aclocal_DATA = include/popart.m4
