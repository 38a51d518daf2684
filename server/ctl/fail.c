/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "ctl/ctl.h"

#define LINE_MAX_OCTETS 4096u

static int say(enum ctl_exit status, struct buf *line)
{
	(void)fflush(stdout); /* what went well comes first */
	(void)fprintf(stderr, "popartctl: %s\n", buf_cstr(line));
	buf_free(line);
	return status;
}

int ctl_fail(enum ctl_exit status, const char *fmt, ...)
{
	char text[LINE_MAX_OCTETS];
	struct buf line;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_init(&line, LINE_MAX_OCTETS * 4);
	text_add_printable(&line, view_str(text), sizeof(text));
	return say(status, &line);
}

enum ctl_exit ctl_exit_for(int status)
{
	switch (status) {
	case POPART_OK:
		return CTL_OK;
	case POPART_R_DENIED:
	case POPART_R_NEXT:
	case POPART_R_GONE:
		return CTL_NO;
	case POPART_R_IN_USE:
	case POPART_R_LOGIN_DELAY:
	case POPART_R_TEMP:
	case POPART_E_UNAVAIL:
	case POPART_E_DEADLINE:
	case POPART_E_CANCELLED:
		return CTL_LATER;
	default:
		return CTL_FAILED;
	}
}

int ctl_fail_call(const struct host_call *call, int status, const char *about)
{
	struct popart_str why = buf_view(&call->detail);
	struct buf line;

	if (why.len == 0)
		why = buf_view(&call->client);
	if (why.len == 0)
		why = view_str(host_status_name(status));
	buf_init(&line, LINE_MAX_OCTETS * 4);
	buf_printf(&line, "%s: ", about);
	if (call->inst)
		buf_printf(&line, "%s: ", host_instance_name(call->inst));
	text_add_printable(&line, why, LINE_MAX_OCTETS);
	if (call->os_error)
		buf_printf(&line, ": %s", strerror(call->os_error));
	return say(ctl_exit_for(status), &line);
}

/* Higher ones are worse: to try again does not mend them. */
enum ctl_exit ctl_exit_worse(enum ctl_exit a, enum ctl_exit b)
{
	return a > b ? a : b;
}
