# SPDX-License-Identifier: MIT
# serial 1
# For configure.ac of a module of popartd; see popart-module(7).

# POPART_MODULE_API([MINOR], [IF-THERE], [IF-NOT])
# Looks for the headers of the module interface, version 1.MINOR or a newer 1.x (default: 1.0).
# Substitutes POPART_CFLAGS, and popart_moduledir, where the server looks for modules;
# --with-popart-moduledir=DIR chooses another place. IF-NOT: an error, unless it is given.
AC_DEFUN([POPART_MODULE_API], [
PKG_CHECK_MODULES([POPART], [popart], [popart_found=yes], [popart_found=no])
AS_IF([test "$popart_found" = yes],
	[popart_save_CPPFLAGS=$CPPFLAGS
	CPPFLAGS="$POPART_CFLAGS $CPPFLAGS"
	AC_MSG_CHECKING([for popart's module interface 1.m4_default([$1], [0])])
	AC_PREPROC_IFELSE([AC_LANG_SOURCE([[#include <popart/module.h>
#if POPART_API_MAJOR != 1 || POPART_API_MINOR < ]m4_default([$1], [0])[
#error the headers are of another version
#endif]])], [], [popart_found=no])
	AC_MSG_RESULT([$popart_found])
	CPPFLAGS=$popart_save_CPPFLAGS])
AC_ARG_WITH([popart-moduledir],
	[AS_HELP_STRING([--with-popart-moduledir=DIR],
		[install the module there @<:@where popartd looks@:>@])],
	[popart_moduledir=$withval],
	[AS_IF([test "$popart_found" = yes],
		[popart_moduledir=`$PKG_CONFIG --variable=moduledir popart`])])
AC_SUBST([popart_moduledir])
AS_IF([test "$popart_found" = yes], [m4_default([$2], [:])],
	[m4_default([$3],
		[AC_MSG_ERROR([the headers of popart's module interface 1.m4_default([$1], [0]) are missing])])])
])
