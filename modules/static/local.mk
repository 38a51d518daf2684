# SPDX-License-Identifier: MIT
if WITH_STATIC
module_LTLIBRARIES += modules/static/static.la
modules_static_static_la_SOURCES = modules/static/static.c
modules_static_static_la_LDFLAGS = -module $(MODULE_LDFLAGS)
endif
