/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"
#include "conf/certificates.h"
#include "conf/load.h"
#include "conf/source.h"

#define EXPIRE_MAX  65535u
#define TEXT_MAX    (1u << 20)
#define NAMES_MAX   (1u << 20) /* of included files */
#define IDLE_RFC_MS (INT64_C(600) * 1000)

static const char *const groups[] = { "listen", "auth", "storage", "tls", "log", "admin",
	NULL };
const char *const load_no_keys[] = { NULL };

void load_no_memory(struct load *l)
{
	report_error(l->report, l->name, 0, "out of memory");
}

const char *load_keep(struct load *l, const char *s)
{
	const char *kept = arena_copy(&l->tree->arena, view_str(s)).ptr;

	if (!kept)
		load_no_memory(l);
	return kept;
}

size_t load_count_groups(struct load *l, const char *key, const char *example)
{
	config_setting_t *s = config_setting_get_member(l->root, key);
	size_t n = s ? tree_groups(s) : 0;

	if (!s) {
		report_error(l->report, l->name, 0, "%s is missing; add: %s", key, example);
		return 0;
	}
	if (n == 0) {
		report_error(l->report, config_setting_source_file(s),
			config_setting_source_line(s),
			"%s must be a group or a list of groups, and not empty: %s", key,
			example);
		return 0;
	}
	return n;
}

config_setting_t *load_nth_group(struct load *l, const char *key, size_t i)
{
	config_setting_t *s = tree_group(config_setting_get_member(l->root, key), i);

	if (config_setting_is_group(s))
		return s;
	report_error(l->report, config_setting_source_file(s), config_setting_source_line(s),
		"%s is a list of groups { ... }; this is %s", key, tree_type(s));
	return NULL;
}

/* The values' memory lives as long as the conf, a NUL follows each. NULL: not set. */
static const char *string_of(const struct popart_conf *values, const char *name)
{
	struct popart_str v = conf_str(values, name);

	return v.len > 0 ? v.ptr : NULL;
}

static void check_hostname(struct load *l, const struct conf_value *v)
{
	bool good = v->text.len > 0 && v->text.len <= LOAD_HOSTNAME_MAX;

	if (!v->given || v->bad)
		return;

	for (size_t i = 0; i < v->text.len; i++) {
		char c = v->text.ptr[i];
		good &= (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			(c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
	}
	if (!good)
		report_error(l->report, v->file, v->line,
			"hostname: \"%.80s\" is no host name; write one like "
			"\"pop.example.net\"",
			v->text.ptr);
}

static void read_expire(struct load *l, const struct conf_value *v)
{
	uint64_t days;

	if (v->bad)
		return;
	if (view_eq(v->text, VIEW_LIT("never")))
		l->conf->expire_days = -1;
	else if (view_eq(v->text, VIEW_LIT("off")))
		l->conf->expire_days = -2;
	else if (view_u64(v->text, EXPIRE_MAX, &days))
		l->conf->expire_days = (int32_t)days;
	else
		report_error(l->report, v->file, v->line,
			"expire: \"%.80s\" is none of: \"never\", a number of days (0 to "
			"65535), \"off\"",
			v->text.ptr);
}

static void check_idle_timeout(struct load *l, const struct conf_value *v)
{
	struct buf text;

	if (v->bad || v->number >= IDLE_RFC_MS)
		return;
	buf_init(&text, 64);
	text_add_duration(&text, v->number);
	report_warn(l->report, v->file, v->line,
		"idle_timeout is %s; RFC 1939 asks for at least 10m", buf_cstr(&text));
	buf_free(&text);
}

static void read_server(struct load *l)
{
	const struct conf_group g = { .group = l->root, .where = "", .others = groups };
	struct popart_conf *v =
		values_read(&g, conf_server_rows, sizeof conf_server_rows[0], l->report);
	struct conf *c = l->conf;

	l->tree->server = v;
	if (!v)
		return;
	load_defaults(l, v);
	c->hostname = string_of(v, "hostname");
	c->user = string_of(v, "user");
	c->ngroups = conf_list(v, "supplementary_groups", &c->groups);
	c->run_dir = string_of(v, "run_dir");
	c->state_dir = string_of(v, "state_dir");
	c->module_path = string_of(v, "module_path");
	c->workers = (unsigned)conf_int(v, "workers");
	c->threads = (unsigned)conf_int(v, "threads");
	c->max_connections = (unsigned)conf_int(v, "max_connections");
	c->max_connections_per_address = (unsigned)conf_int(v, "max_connections_per_address");
	c->max_bad_commands = (unsigned)conf_int(v, "max_bad_commands");
	c->idle_timeout_ms = conf_int(v, "idle_timeout");
	c->login_timeout_ms = conf_int(v, "login_timeout");
	c->handshake_timeout_ms = conf_int(v, "handshake_timeout");
	c->start_timeout_ms = conf_int(v, "start_timeout");
	c->drain_timeout_ms = conf_int(v, "drain_timeout");
	c->retire_timeout_ms = conf_int(v, "retire_timeout");
	c->worker_timeout_ms = conf_int(v, "worker_timeout");
	c->call_deadline_ms = conf_int(v, "call_deadline");
	c->quarantine_ms = conf_int(v, "quarantine");
	c->login_delay_s = (unsigned)((conf_int(v, "login_delay") + 999) / 1000);
	c->implementation = conf_int(v, "implementation");
	c->apop = conf_int(v, "apop");
	check_hostname(l, values_find(v, "hostname"));
	check_idle_timeout(l, values_find(v, "idle_timeout"));
	read_expire(l, values_find(v, "expire"));
}

struct conf *conf_load(struct popart_str text, const char *name, struct report *report)
{
	struct load l = { .name = name, .report = report };
	unsigned errors = report->errors;
	struct conf *conf = calloc(1, sizeof *conf);

	if (!conf) {
		load_no_memory(&l);
		return NULL;
	}
	l.conf = conf;
	l.tree = conf->tree = tree_parse(text, name, report);
	if (l.tree) {
		conf->name = load_keep(&l, name);
		l.root = config_root_setting(&l.tree->libconfig);
		read_server(&l);
		load_listen(&l);
		certificates_read(conf, l.root, name, report);
		load_blocks(&l, "auth",
			"auth = { module = \"static\"; user = \"demo\"; password = \"...\"; };",
			&conf->auth, &conf->nauth);
		load_blocks(&l, "storage",
			"storage = { module = \"maildir\"; path = "
			"\"/var/vmail/%d/%n/Maildir\"; };",
			&conf->storage, &conf->nstorage);
		load_log(&l);
		load_admin(&l);
	}
	if (report->errors != errors)
		conf_free(&conf);
	return conf;
}

struct conf *conf_load_fd(int fd, const char *name, struct report *r)
{
	struct conf *conf = NULL;
	struct stat st;
	ssize_t n = -1;
	char *text;

	if (fstat(fd, &st) != 0 || st.st_size > (off_t)TEXT_MAX) {
		report_error(r, NULL, 0, "the copy of the configuration is unreadable");
		return NULL;
	}
	text = malloc((size_t)st.st_size + 1);
	if (text)
		n = pread(fd, text, (size_t)st.st_size, 0);
	if (n == st.st_size)
		conf = conf_load(view_of(text, (size_t)n), name, r);
	else
		report_error(r, NULL, 0, "cannot read the copy of the configuration: %s",
			strerror(errno));
	if (text)
		explicit_bzero(text, (size_t)st.st_size);
	free(text);
	return conf;
}

bool conf_flatten(
	struct popart_str text, const char *name, struct buf *out, struct report *report)
{
	struct arena arena;
	struct source source;
	bool ok;

	arena_init(&arena, NAMES_MAX);
	ok = source_read(&source, &arena, text, name, report);
	if (ok)
		source_write(&source, out);
	if (out->failed)
		report_error(report, name, 0, "too large with what it includes");
	source_free(&source);
	arena_free(&arena);
	return ok && !out->failed;
}

struct place conf_place(const struct conf *conf, const char *key)
{
	const struct conf_tree *t = conf->tree;
	const struct conf_value *v;

	if (strcmp(key, "log") == 0)
		v = values_find(t->log, "target");
	else if (strncmp(key, "admin.", 6) == 0)
		v = t->admin ? values_find(t->admin, key + 6) : NULL;
	else
		v = values_find(t->server, key);
	if (!v || !v->given)
		return (struct place){ .file = conf->name };
	return (struct place){ .file = v->file, .line = v->line };
}

void conf_free(struct conf **p)
{
	struct conf *conf = *p;

	if (!conf)
		return;
	if (conf->tree) {
		conf_values_free(&conf->tree->server);
		conf_values_free(&conf->tree->log);
		conf_values_free(&conf->tree->tls);
		conf_values_free(&conf->tree->admin);
		for (size_t i = 0; i < conf->tree->ncertificates; i++)
			conf_values_free(&conf->tree->certificates[i]);
		for (size_t i = 0; i < conf->tree->nlisten; i++)
			conf_values_free(&conf->tree->listen[i]);
		tree_free(&conf->tree);
	}
	free(conf);
	*p = NULL;
}
