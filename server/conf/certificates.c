/* SPDX-License-Identifier: MIT */
#include "conf/certificates.h"
#include "conf/values.h"

static const char *const inner[] = { "certificates", NULL };
static const char *const none[] = { NULL };

static void out_of_memory(struct report *r)
{
	report_error(r, NULL, 0, "out of memory");
}

static const char *text_of(const struct popart_conf *values, const char *name)
{
	struct popart_str v = conf_str(values, name);

	return v.len > 0 ? v.ptr : NULL;
}

/* The key may stand in the certificate's file. */
static void add_certificate(struct conf *c, const struct popart_conf *values)
{
	const struct conf_value *place = values_find(values, "certificate");
	struct conf_certificate *out = &c->certificates[c->ncertificates];

	out->certificate = text_of(values, "certificate");
	out->key = text_of(values, "key");
	out->ocsp = text_of(values, "ocsp");
	out->file = place->file;
	out->line = place->line;
	if (!out->key)
		out->key = out->certificate;
	if (out->certificate)
		c->ncertificates++;
}

/* What belongs to a certificate that is not there. */
static void check_orphans(const struct popart_conf *values, struct report *r)
{
	static const char *const names[] = { "key", "ocsp" };

	if (values_find(values, "certificate")->given)
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct conf_value *v = values_find(values, names[i]);

		if (v->given)
			report_error(r, v->file, v->line,
				"%s in tls is without its certificate; add: certificate = "
				"\"...\";",
				names[i]);
	}
}

static void read_one(struct conf *c, config_setting_t *s, struct report *r)
{
	const struct conf_group g = { .group = s, .where = " in certificates", .others = none };
	struct popart_conf *v;

	if (!config_setting_is_group(s)) {
		report_error(r, config_setting_source_file(s), config_setting_source_line(s),
			"certificates is a list of groups { ... }; this is %s", tree_type(s));
		return;
	}
	v = values_read(&g, conf_certificate_rows, sizeof(conf_certificate_rows[0]), r);
	if (!v)
		return;
	c->tree->certificates[c->tree->ncertificates++] = v;
	add_certificate(c, v);
}

/* Room for the pair that stands in the group itself and for those in its list. */
static bool make_room(struct conf *c, size_t n, struct report *r)
{
	struct arena *a = &c->tree->arena;

	c->certificates = arena_alloc(a, (n + 1) * sizeof(*c->certificates));
	c->tree->certificates = arena_alloc(a, (n + 1) * sizeof(struct popart_conf *));
	if (c->certificates && c->tree->certificates)
		return true;
	out_of_memory(r);
	return false;
}

static void read_group(struct conf *c, config_setting_t *s, struct report *r)
{
	const struct conf_group g = { .group = s, .where = " in tls", .others = inner };
	config_setting_t *list = config_setting_get_member(s, "certificates");
	size_t n = list ? tree_groups(list) : 0;

	if (list && n == 0)
		report_error(r, config_setting_source_file(list),
			config_setting_source_line(list),
			"certificates must be a group or a list of groups, and not empty: "
			"certificates = ( { certificate = \"...\"; key = \"...\"; } );");
	c->tree->tls = values_read(&g, conf_tls_rows, sizeof(conf_tls_rows[0]), r);
	if (!c->tree->tls || !make_room(c, n, r))
		return;
	check_orphans(c->tree->tls, r);
	add_certificate(c, c->tree->tls);
	c->tls_priorities = text_of(c->tree->tls, "priorities");
	c->tls_file = values_find(c->tree->tls, "priorities")->file;
	c->tls_line = values_find(c->tree->tls, "priorities")->line;
	for (size_t i = 0; i < n; i++)
		read_one(c, tree_group(list, i), r);
}

static void check_listeners(const struct conf *c, const char *name, struct report *r)
{
	bool any = false;

	for (size_t i = 0; i < c->nlisten; i++) {
		const struct conf_listener *l = &c->listen[i];

		any |= l->tls;
		if (l->tls && c->ncertificates == 0)
			report_error(r, l->file, l->line,
				"%s is to speak TLS, but there is no certificate; add: tls = "
				"{ certificate = \"/etc/ssl/pop.pem\"; key = "
				"\"/etc/ssl/private/pop.key\"; };",
				l->text);
	}
	if (c->tree->tls && !any && c->nlisten > 0)
		report_warn(r, c->tls_file ? c->tls_file : name, c->tls_line,
			"tls is not used: no listener speaks it; add to one: tls = true;");
}

void certificates_read(
	struct conf *c, const config_setting_t *root, const char *name, struct report *r)
{
	config_setting_t *s = config_setting_get_member(root, "tls");
	unsigned errors = r->errors;

	if (s && config_setting_is_group(s))
		read_group(c, s, r);
	else if (s)
		report_error(r, config_setting_source_file(s), config_setting_source_line(s),
			"tls must be a group { ... }, not %s", tree_type(s));
	if (r->errors == errors)
		check_listeners(c, name, r);
}
