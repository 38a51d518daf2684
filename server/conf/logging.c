/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"
#include "conf/load.h"

#define SYSLOG_SOCKET "/dev/log"

/* False: it is none. */
static bool read_target(struct conf *c, struct popart_str target)
{
	const char *path = target.ptr; /* ends with a NUL */

	if (view_eq(target, VIEW_LIT("stderr"))) {
		c->log_to = LOG_TO_STDERR;
	} else if (view_eq(target, VIEW_LIT("syslog"))) {
		c->log_to = LOG_TO_SYSLOG;
		c->log_path = SYSLOG_SOCKET;
	} else if (view_starts(target, VIEW_LIT("syslog:/"))) {
		c->log_to = LOG_TO_SYSLOG;
		c->log_path = path + strlen("syslog:");
	} else {
		c->log_to = LOG_TO_FILE;
		c->log_path = path;
	}
	return c->log_to != LOG_TO_FILE || view_has(target, '/');
}

static void check_target(struct load *l, const struct conf_value *v)
{
	if (!read_target(l->conf, v->text))
		report_error(l->report, v->file, v->line,
			"log target \"%.80s\" is none; write \"stderr\", \"syslog\" or the "
			"path of a file, with a \"/\" in it",
			v->text.ptr);
	else if (l->conf->log_to == LOG_TO_SYSLOG &&
		strlen(l->conf->log_path) >= sizeof((struct sockaddr_un *)0)->sun_path)
		report_error(l->report, v->file, v->line,
			"log target \"%.200s\": the path is too long for a socket",
			v->text.ptr);
}

void load_log(struct load *l)
{
	config_setting_t *s = config_setting_get_member(l->root, "log");
	struct conf_group g = { .group = s, .where = " in log", .others = load_no_keys };
	const struct conf_value *target;
	struct popart_conf *v;

	if (s && !config_setting_is_group(s)) {
		report_error(l->report, config_setting_source_file(s),
			config_setting_source_line(s), "log must be a group { ... }, not %s",
			tree_type(s));
		return;
	}
	if (!s) {
		/* An empty group gives every default. */
		s = config_setting_add(
			(config_setting_t *)(uintptr_t)l->root, "log", CONFIG_TYPE_GROUP);
		g.group = s;
	}
	v = s ? values_read(&g, conf_log_rows, sizeof conf_log_rows[0], l->report) : NULL;
	l->tree->log = v;
	if (!v)
		return;
	target = values_find(v, "target");
	if (!target->bad)
		check_target(l, target);
	l->conf->log_facility = log_facility_at((size_t)conf_int(v, "facility"));
	l->conf->log_format = (int)conf_int(v, "format");
	l->conf->log_level = log_level_at((size_t)conf_int(v, "level"));
	l->conf->log_refused_users = conf_int(v, "refused_users");
}

void conf_report_log(const struct conf *conf, struct report *r)
{
	struct place at = conf_place(conf, "log");

	if (errno == ELOOP)
		report_error(r, at.file, at.line,
			"cannot open the log %s: it is a symbolic link; name the file itself",
			conf->log_path);
	else
		report_error(r, at.file, at.line,
			"cannot open the log %s: %s; it must be a file that %s can write",
			conf->log_path, strerror(errno), geteuid() == 0 ? "root" : "you");
}

struct log *conf_log(const struct conf *conf, const char *process, int fd)
{
	const struct log_setup setup = {
		.to = (enum log_to)conf->log_to,
		.fd = fd,
		.socket = conf->log_path,
		.facility = conf->log_facility,
		.format = (enum log_format)conf->log_format,
		.level = conf->log_level,
		.process = process,
	};

	return log_new(&setup);
}
