# SPDX-License-Identifier: MIT
libadmin_la_SOURCES = \
	server/admin/admin.c server/admin/admin.h \
	server/admin/cage.c server/admin/cage.h \
	server/admin/http.c server/admin/http.h \
	server/admin/locks.c server/admin/locks.h \
	server/admin/metrics.c server/admin/metrics.h server/admin/metrics_table.h \
	server/admin/modules.c server/admin/modules.h \
	server/admin/operate.c server/admin/operate.h \
	server/admin/peers.c server/admin/peers.h \
	server/admin/quarantined.c server/admin/quarantined.h \
	server/admin/rates.c server/admin/rates.h \
	server/admin/scene.c server/admin/scene.h \
	server/admin/sessions.c server/admin/sessions.h \
	server/admin/status.c server/admin/status.h \
	server/admin/tls.c server/admin/tls.h
libadmin_la_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(MICROHTTPD_CFLAGS)
