# SPDX-License-Identifier: MIT
PASSWD_FILE_SOURCES = \
	modules/passwd_file/book.c modules/passwd_file/book.h \
	modules/passwd_file/accounts.c modules/passwd_file/accounts.h \
	modules/passwd_file/edit.c modules/passwd_file/edit.h \
	modules/passwd_file/line.c modules/passwd_file/line.h \
	modules/passwd_file/passwd_file.c \
	modules/passwd_file/rewrite.c modules/passwd_file/rewrite.h \
	modules/passwd_file/state.h \
	modules/passwd_file/users.c modules/passwd_file/users.h
PASSWD_FILE_LIBS = $(SECRETS_LIBS)
PASSWD_FILE_CFLAGS = $(SECRETS_CFLAGS)

if WITH_PASSWD_FILE
module_LTLIBRARIES += modules/passwd_file/passwd_file.la
modules_passwd_file_passwd_file_la_SOURCES = $(PASSWD_FILE_SOURCES)
modules_passwd_file_passwd_file_la_CFLAGS = $(PASSWD_FILE_CFLAGS)
modules_passwd_file_passwd_file_la_LDFLAGS = -module $(MODULE_LDFLAGS)
modules_passwd_file_passwd_file_la_LIBADD = $(PASSWD_FILE_LIBS)
endif
