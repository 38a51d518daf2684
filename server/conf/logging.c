/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include "base/log.h"
#include "conf/load.h"

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
	l->conf->log_target = conf_str(v, "target").ptr;
	l->conf->log_format = (int)conf_int(v, "format");
	l->conf->log_level = log_level_at((size_t)conf_int(v, "level"));
	if (!target->bad && !view_eq(target->text, VIEW_LIT("stderr")) &&
		!view_has(target->text, '/'))
		report_error(l->report, target->file, target->line,
			"log target \"%.80s\" is not available in this version; write "
			"\"stderr\" or the path of a file",
			l->conf->log_target);
}

void conf_report_log(const struct conf *conf, struct report *r)
{
	struct place at = conf_place(conf, "log");

	report_error(r, at.file, at.line,
		"cannot open the log %s: %s; it must be a file that the workers' user can "
		"write",
		conf->log_target, strerror(errno));
}

struct log *conf_open_log(const struct conf *conf, const char *process, struct report *r)
{
	const struct log_setup setup = {
		.target = conf->log_target,
		.format = (enum log_format)conf->log_format,
		.level = conf->log_level,
		.process = process,
	};
	struct log *log = log_new(&setup);

	if (!log)
		conf_report_log(conf, r);
	return log;
}
