# SPDX-License-Identifier: MIT
# Uncomment with the first source:
#if WITH_MAILDIR
#module_LTLIBRARIES += modules/maildir/maildir.la
#modules_maildir_maildir_la_SOURCES = modules/maildir/maildir.c
#modules_maildir_maildir_la_LDFLAGS = -module $(MODULE_LDFLAGS)
#endif
