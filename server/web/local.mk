# SPDX-License-Identifier: MIT
WEB_PAGE = \
	$(srcdir)/server/web/page/app.js \
	$(srcdir)/server/web/page/format.js \
	$(srcdir)/server/web/page/history.js \
	$(srcdir)/server/web/page/icon.svg \
	$(srcdir)/server/web/page/index.html \
	$(srcdir)/server/web/page/plot.js \
	$(srcdir)/server/web/page/style.css \
	$(srcdir)/server/web/page/table.js \
	$(srcdir)/server/web/page/verdict.js \
	$(srcdir)/server/web/page/views.js
libweb_la_SOURCES = \
	server/web/answer.c server/web/answer.h \
	server/web/gate.c server/web/gate.h \
	server/web/page.h \
	server/web/web.c server/web/web.h
nodist_libweb_la_SOURCES = server/web/page.c
libweb_la_CPPFLAGS = $(AM_CPPFLAGS) $(MICROHTTPD_CFLAGS)
EXTRA_DIST += server/web/embed.sh $(WEB_PAGE)

# The files of the page, as a table in C.
server/web/page.c: $(srcdir)/server/web/embed.sh $(WEB_PAGE)
	$(AM_V_GEN)$(MKDIR_P) server/web && \
	$(SHELL) $(srcdir)/server/web/embed.sh $(WEB_PAGE) >$@.tmp && mv $@.tmp $@
CLEANFILES += server/web/page.c server/web/page.c.tmp
