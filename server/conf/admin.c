/* SPDX-License-Identifier: MIT */
#include <sys/un.h>
#include "conf/address.h"
#include "conf/load.h"

#define SOCKET_NAME "/admin.socket"
#define SOCKET_MAX  (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static void read_mode(struct load *l, const struct conf_value *v)
{
	unsigned mode = 0;
	bool good = v->text.len >= 3 && v->text.len <= 4;

	for (size_t i = 0; i < v->text.len && good; i++) {
		good = v->text.ptr[i] >= '0' && v->text.ptr[i] <= '7';
		mode = mode * 8 + (unsigned)(v->text.ptr[i] - '0');
	}
	if (v->bad || !v->given) {
		l->conf->admin_mode = l->conf->admin_group ? 0660 : 0600;
		return;
	}
	if (!good || mode > 0777)
		report_error(l->report, v->file, v->line,
			"mode: \"%.80s\" is no mode of a file; write one like \"0660\"",
			v->text.ptr);
	l->conf->admin_mode = mode;
}

static void read_socket(struct load *l, struct conf_value *v)
{
	struct buf path;

	if (v->bad)
		return;
	if (!v->given) {
		buf_init(&path, 4096);
		buf_add_str(&path, l->conf->run_dir);
		buf_add_str(&path, SOCKET_NAME);
		v->text = view_str(load_keep(l, buf_cstr(&path)));
		buf_free(&path);
	}
	if (v->text.len > SOCKET_MAX)
		report_error(l->report, v->file, v->line,
			"socket: \"%.200s\" is too long for a socket, which may have %zu "
			"octets; set admin = { socket = \"...\"; };",
			v->text.ptr, SOCKET_MAX);
	l->conf->admin_socket = v->text.ptr;
}

/* Who can connect there reads everything but names of users. */
static void read_metrics(struct load *l, const struct conf_value *v)
{
	struct conf *c = l->conf;

	if (v->bad || v->text.len == 0)
		return;
	c->admin_metrics = v->text.ptr;
	if (!address_parse(v->text, &c->admin_metrics_addr, &c->admin_metrics_len))
		report_error(l->report, v->file, v->line,
			"metrics: \"%.80s\" is no IP address with a port; write one like "
			"\"127.0.0.1:9110\"",
			v->text.ptr);
	else if (!address_is_loopback(&c->admin_metrics_addr))
		report_error(l->report, v->file, v->line,
			"metrics: %.80s is open to other machines, and has neither TLS nor a "
			"password; write a loopback address like \"127.0.0.1:9110\", and put a "
			"proxy before it",
			v->text.ptr);
}

void load_admin(struct load *l)
{
	config_setting_t *s = config_setting_get_member(l->root, "admin");
	struct conf_group g = { .group = s, .where = " in admin", .others = load_no_keys };
	struct popart_conf *v;

	if (!s || !l->conf->run_dir)
		return;
	if (!config_setting_is_group(s)) {
		report_error(l->report, config_setting_source_file(s),
			config_setting_source_line(s), "admin must be a group { ... }, not %s",
			tree_type(s));
		return;
	}
	v = values_read(&g, conf_admin_rows, sizeof conf_admin_rows[0], l->report);
	l->tree->admin = v;
	if (!v)
		return;
	if (conf_str(v, "group").len > 0)
		l->conf->admin_group = conf_str(v, "group").ptr;
	read_mode(l, values_find(v, "mode"));
	/* Its memory is the tree's as much as ours. */
	read_socket(l, (struct conf_value *)(uintptr_t)values_find(v, "socket"));
	read_metrics(l, values_find(v, "metrics"));
}
