# SPDX-License-Identifier: MIT
dist_doc_DATA += README.md NEWS LICENSE docs/ADMIN.md docs/ARCHITECTURE.md docs/HACKING.md \
	docs/METRICS.md docs/MODULES.md docs/PERFORMANCE.md docs/RFC.md \
	docs/popartctl-web.png docs/openapi.yaml \
	docs/growth-login.svg docs/growth-memory.svg docs/growth-messages.svg \
	docs/growth-octets.svg docs/growth-threads.svg
dist_man_MANS += \
	docs/man/popart-auth.3 \
	docs/man/popart-deliver.8 \
	docs/man/popart-maildir.5 \
	docs/man/popart-mbox.5 \
	docs/man/popart-module-check.1 \
	docs/man/popart-module.7 \
	docs/man/popart-passwd_file.5 \
	docs/man/popart-sqlite.5 \
	docs/man/popart-static.5 \
	docs/man/popart-storage.3 \
	docs/man/popart.conf.5 \
	docs/man/popartctl.8 \
	docs/man/popartd.8

# For Prometheus and Grafana.
monitoringdir = $(docdir)/monitoring
dist_monitoring_DATA = docs/monitoring/popart-alerts.yaml docs/monitoring/popart-dashboard.json
EXTRA_DIST += docs/monitoring/test-alerts.yaml
