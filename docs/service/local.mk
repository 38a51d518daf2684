# SPDX-License-Identifier: MIT
# What an installed server is run with: units, its account, its directories, log rotation.
service_made = docs/service/popart.service docs/service/tmpfiles.d/popart.conf
EXTRA_DIST += docs/service/popart.service.in docs/service/tmpfiles.d/popart.conf.in \
	docs/service/logrotate.d/popart
CLEANFILES += $(service_made)

examplesdir = $(docdir)/examples
dist_examples_DATA = docs/service/popart.conf.example
if WITH_SYSTEMD_UNITS
systemdsystemunit_DATA = docs/service/popart.service
dist_systemdsystemunit_DATA = docs/service/popart.socket
endif
if WITH_SYSUSERS
dist_sysusers_DATA = docs/service/sysusers.d/popart.conf
endif
if WITH_TMPFILES
tmpfiles_DATA = docs/service/tmpfiles.d/popart.conf
endif
# For those who install none of it, and for the tests.
all-local: $(service_made)

fill_in = $(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) -e 's|@sbindir[@]|$(sbindir)|g' \
	-e 's|@sysconfdir[@]|$(sysconfdir)|g' -e 's|@docdir[@]|$(docdir)|g'
docs/service/popart.service: docs/service/popart.service.in Makefile
	$(fill_in) $(srcdir)/docs/service/popart.service.in >$@.tmp && mv -f $@.tmp $@
docs/service/tmpfiles.d/popart.conf: docs/service/tmpfiles.d/popart.conf.in Makefile
	$(fill_in) $(srcdir)/docs/service/tmpfiles.d/popart.conf.in >$@.tmp && mv -f $@.tmp $@

# The administrator's own changes stay.
logrotate = $(DESTDIR)$(sysconfdir)/logrotate.d/popart
install-data-local:
	@$(MKDIR_P) "$(DESTDIR)$(sysconfdir)/logrotate.d"
	@if test -e "$(logrotate)"; then \
		echo "$(logrotate) is there already, and stays as it is"; \
	else \
		$(INSTALL_DATA) $(srcdir)/docs/service/logrotate.d/popart "$(logrotate)"; \
	fi
uninstall-local:
	@if cmp -s $(srcdir)/docs/service/logrotate.d/popart "$(logrotate)"; then \
		rm -f "$(logrotate)"; \
	fi
