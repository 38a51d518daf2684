/* SPDX-License-Identifier: MIT */
#include "conf/address.h"
#include "conf/load.h"

static const char *const later[] = { "proxy", NULL };

static void check_listener(struct load *l, const struct conf_listener *listener)
{
	const struct conf *c = l->conf;

	if (listener->plaintext_auth && listener->tls)
		report_warn(l->report, listener->file, listener->line,
			"plaintext_auth means nothing with tls: all that %s receives is "
			"encrypted; take it out",
			listener->text);
	else if (listener->plaintext_auth && !address_is_loopback(&listener->addr))
		report_warn(l->report, listener->file, listener->line,
			"plaintext_auth: passwords for %s cross the network where all can read "
			"them",
			listener->text);
	for (size_t i = 0; i < c->nlisten; i++)
		if (address_port(&listener->addr) != 0 &&
			address_eq(&c->listen[i].addr, &listener->addr))
			report_error(l->report, listener->file, listener->line,
				"address \"%s\" is listened on already, by line %u",
				listener->text, c->listen[i].line);
}

static void read_listener(struct load *l, config_setting_t *s)
{
	const struct conf_group g = {
		.group = s, .where = " in listen", .others = load_no_keys, .later = later
	};
	struct conf_listener *listener = &l->conf->listen[l->conf->nlisten];
	struct popart_conf *v =
		values_read(&g, conf_listen_rows, sizeof conf_listen_rows[0], l->report);
	const struct conf_value *address;

	if (!v)
		return;
	l->tree->listen[l->tree->nlisten++] = v;
	address = values_find(v, "address");
	listener->text = address->text.ptr;
	listener->file = address->file;
	listener->line = address->line;
	listener->plaintext_auth = conf_int(v, "plaintext_auth");
	listener->tls = conf_int(v, "tls");
	if (address->bad)
		return;
	if (!address_parse(address->text, &listener->addr, &listener->addr_len)) {
		report_error(l->report, address->file, address->line,
			"address: \"%.80s\" is no IP address with a port; write one like "
			"\"127.0.0.1:1100\", \"[::1]:1100\" or \"*:1100\"",
			address->text.ptr);
		return;
	}
	check_listener(l, listener);
	l->conf->nlisten++;
}

void load_listen(struct load *l)
{
	size_t n =
		load_count_groups(l, "listen", "listen = { address = \"127.0.0.1:1100\"; };");

	if (n == 0)
		return;
	l->conf->listen = arena_alloc(&l->tree->arena, n * sizeof *l->conf->listen);
	l->tree->listen = arena_alloc(&l->tree->arena, n * sizeof(struct popart_conf *));
	if (!l->conf->listen || !l->tree->listen) {
		load_no_memory(l);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		config_setting_t *s = load_nth_group(l, "listen", i);

		if (s)
			read_listener(l, s);
	}
}
