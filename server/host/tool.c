/* SPDX-License-Identifier: MIT */
#include "host/host.h"

struct host *host_tool_new(struct host_setup setup, const struct conf *conf, struct report *r)
{
	struct host *host;

	setup.role = POPART_ROLE_TOOL;
	setup.threads = 1;
	setup.module_path = conf->module_path;
	host = host_new(&setup);
	if (!host) {
		report_error(r, NULL, 0, "out of memory");
		return NULL;
	}
	if (host_load(host, conf, r) && host_check(host, r) && host_start(host, r)) {
		if (host_thread_start(host, 0, r))
			return host;
		host_stop(host);
	}
	host_free(&host);
	return NULL;
}

void host_tool_free(struct host **host)
{
	if (!*host)
		return;
	host_thread_stop(*host, 0);
	host_stop(*host);
	host_free(host);
}
