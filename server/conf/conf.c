/* SPDX-License-Identifier: MIT */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/log.h"
#include "base/text.h"
#include "conf/address.h"
#include "conf/certificates.h"
#include "conf/source.h"
#include "conf/values.h"

#define HOSTNAME_MAX 255u
#define NAME_MAX_LEN 64u
#define EXPIRE_MAX   65535u
#define NAMES_MAX    (1u << 20) /* of included files */
#define IDLE_RFC_MS  (INT64_C(600) * 1000)

/* A configuration being read. */
struct load {
	struct conf *conf;
	struct conf_tree *tree;
	const config_setting_t *root;
	const char *name; /* of the file, for what is missing in it */
	struct report *report;
};

static const char *const groups[] = { "listen", "auth", "storage", "tls", "log", NULL };
static const char *const later[] = { "admin", NULL };
static const char *const later_listen[] = { "proxy", NULL };
static const char *const block_keys[] = { "module", "name", NULL };
static const char *const no_keys[] = { NULL };

static bool out_of_memory(struct load *l)
{
	report_error(l->report, l->name, 0, "out of memory");
	return false;
}

static const char *keep(struct load *l, const char *s)
{
	const char *kept = arena_copy(&l->tree->arena, view_str(s)).ptr;

	if (!kept)
		(void)out_of_memory(l);
	return kept;
}

/* Of an environment variable that is an absolute path; what stands behind is added. */
static const char *below(struct load *l, const char *variable, const char *rest)
{
	const char *dir = getenv(variable);
	struct buf path;
	const char *kept;

	if (!dir || dir[0] != '/')
		return NULL;
	buf_init(&path, 4096);
	buf_add_str(&path, dir);
	buf_add_str(&path, rest);
	kept = path.failed ? NULL : keep(l, buf_cstr(&path));
	buf_free(&path);
	return kept;
}

static const char *below_tmp(struct load *l, const char *rest)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/tmp/popart-%u%s", (unsigned)geteuid(), rest);
	return keep(l, path);
}

/* RUNTIME_DIRECTORY and STATE_DIRECTORY are systemd's. The master sets them too, for its
 * workers, who are somebody else and would come to other defaults. */
static const char *default_run_dir(struct load *l)
{
	const char *dir = below(l, "RUNTIME_DIRECTORY", "");

	if (dir)
		return dir;
	if (geteuid() == 0)
		return "/run/popart";
	dir = below(l, "XDG_RUNTIME_DIR", "/popart");
	return dir ? dir : below_tmp(l, "");
}

static const char *default_state_dir(struct load *l)
{
	const char *dir = below(l, "STATE_DIRECTORY", "");

	if (dir)
		return dir;
	if (geteuid() == 0)
		return "/var/lib/popart";
	dir = below(l, "XDG_STATE_HOME", "/popart");
	if (!dir)
		dir = below(l, "HOME", "/.local/state/popart");
	return dir ? dir : below_tmp(l, "/state");
}

/* POPART_MODULE_PATH is popartd's --module-path, POPART_MODULEDIR the build tree that it
 * is in: the environment tells its workers too. */
static void find_module_path(struct load *l, struct conf_value *v)
{
	const char *path = getenv("POPART_MODULE_PATH");

	if (!path && !v->given)
		path = getenv("POPART_MODULEDIR");
	if (path && path[0] != '\0')
		v->text = view_str(keep(l, path));
}

static const char *default_hostname(struct load *l)
{
	char name[HOSTNAME_MAX + 1];

	if (gethostname(name, sizeof name) != 0 || name[0] == '\0')
		return "localhost";
	name[sizeof name - 1] = '\0';
	return keep(l, name);
}

static unsigned cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
		return (unsigned)CPU_COUNT(&set);
	return 1;
}

/* The values' memory lives as long as the conf, a NUL follows each. NULL: not set. */
static const char *string_of(const struct popart_conf *values, const char *name)
{
	struct popart_str v = conf_str(values, name);

	return v.len > 0 ? v.ptr : NULL;
}

static void check_hostname(struct load *l, const struct conf_value *v)
{
	bool good = v->text.len > 0 && v->text.len <= HOSTNAME_MAX;

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

/* What an option row cannot say; filled in so that the dump has it too. */
static void find_defaults(struct load *l, struct popart_conf *values)
{
	for (size_t i = 0; i < values->n; i++) {
		struct conf_value *v = &values->values[i];

		if (strcmp(v->row->name, "workers") == 0 && v->number == 0)
			v->number = cores();
		if (strcmp(v->row->name, "module_path") == 0)
			find_module_path(l, v);
		if (v->given)
			continue;
		if (strcmp(v->row->name, "hostname") == 0)
			v->text = view_str(default_hostname(l));
		else if (strcmp(v->row->name, "run_dir") == 0)
			v->text = view_str(default_run_dir(l));
		else if (strcmp(v->row->name, "state_dir") == 0)
			v->text = view_str(default_state_dir(l));
	}
}

static void read_server(struct load *l)
{
	const struct conf_group g = {
		.group = l->root, .where = "", .others = groups, .later = later
	};
	struct popart_conf *v =
		values_read(&g, conf_server_rows, sizeof conf_server_rows[0], l->report);
	struct conf *c = l->conf;

	l->tree->server = v;
	if (!v)
		return;
	find_defaults(l, v);
	c->hostname = string_of(v, "hostname");
	c->user = string_of(v, "user");
	c->run_dir = string_of(v, "run_dir");
	c->state_dir = string_of(v, "state_dir");
	c->module_path = string_of(v, "module_path");
	c->workers = (unsigned)conf_int(v, "workers");
	c->threads = (unsigned)conf_int(v, "threads");
	c->max_connections = (unsigned)conf_int(v, "max_connections");
	c->max_bad_commands = (unsigned)conf_int(v, "max_bad_commands");
	c->idle_timeout_ms = conf_int(v, "idle_timeout");
	c->login_timeout_ms = conf_int(v, "login_timeout");
	c->handshake_timeout_ms = conf_int(v, "handshake_timeout");
	c->drain_timeout_ms = conf_int(v, "drain_timeout");
	c->login_delay_s = (unsigned)((conf_int(v, "login_delay") + 999) / 1000);
	c->implementation = conf_int(v, "implementation");
	c->apop = conf_int(v, "apop");
	check_hostname(l, values_find(v, "hostname"));
	check_idle_timeout(l, values_find(v, "idle_timeout"));
	read_expire(l, values_find(v, "expire"));
}

static void read_log(struct load *l)
{
	config_setting_t *s = config_setting_get_member(l->root, "log");
	struct conf_group g = { .group = s, .where = " in log", .others = no_keys };
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
	l->conf->log_target = string_of(v, "target");
	l->conf->log_format = (int)conf_int(v, "format");
	l->conf->log_level = log_level_at((size_t)conf_int(v, "level"));
	if (!l->conf->log_target)
		l->conf->log_target = "stderr";
	if (!values_find(v, "target")->bad && strcmp(l->conf->log_target, "stderr") != 0 &&
		!strchr(l->conf->log_target, '/')) {
		const struct conf_value *target = values_find(v, "target");

		report_error(l->report, target->file, target->line,
			"log target \"%.80s\" is not available in this version; write "
			"\"stderr\" or the path of a file",
			l->conf->log_target);
	}
}

/* How many groups stand under key, or 0 after an error: what to write in its place. */
static size_t count_groups(struct load *l, const char *key, const char *example)
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

/* Element i of what stands under key; NULL (with an error): it is no group. */
static config_setting_t *nth_group(struct load *l, const char *key, size_t i)
{
	config_setting_t *s = tree_group(config_setting_get_member(l->root, key), i);

	if (config_setting_is_group(s))
		return s;
	report_error(l->report, config_setting_source_file(s), config_setting_source_line(s),
		"%s is a list of groups { ... }; this is %s", key, tree_type(s));
	return NULL;
}

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
		.group = s, .where = " in listen", .others = no_keys, .later = later_listen
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

static void read_listen(struct load *l)
{
	size_t n = count_groups(l, "listen", "listen = { address = \"127.0.0.1:1100\"; };");

	if (n == 0)
		return;
	l->conf->listen = arena_alloc(&l->tree->arena, n * sizeof *l->conf->listen);
	l->tree->listen = arena_alloc(&l->tree->arena, n * sizeof(struct popart_conf *));
	if (!l->conf->listen || !l->tree->listen) {
		(void)out_of_memory(l);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		config_setting_t *s = nth_group(l, "listen", i);

		if (s)
			read_listener(l, s);
	}
}

static bool is_name(struct popart_str v)
{
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			    (c >= 'A' && c <= 'Z') || c == '-' || c == '_'))
			return false;
	}
	return v.len > 0 && v.len <= NAME_MAX_LEN;
}

/* "/usr/lib/x.so" -> "x" */
static struct popart_str base_name(const char *module)
{
	const char *slash = strrchr(module, '/');
	struct popart_str v = view_str(slash ? slash + 1 : module);

	if (view_ends(v, VIEW_LIT(".so")))
		v.len -= 3;
	return v;
}

/* A string member of a block; NULL: not there, or (with an error) no string. */
static const char *block_string(struct load *l, const config_setting_t *s, const char *key)
{
	config_setting_t *member = config_setting_get_member(s, key);
	const char *text = member ? config_setting_get_string(member) : NULL;

	if (member && !text)
		report_error(l->report, config_setting_source_file(member),
			config_setting_source_line(member),
			"%s must be a string in double quotes; this is %s", key,
			tree_type(member));
	return text;
}

static void read_block(struct load *l, config_setting_t *s, struct conf_block *blocks, size_t n)
{
	struct conf_block *b = &blocks[n];
	unsigned errors = l->report->errors;
	const char *module = block_string(l, s, "module"), *name = block_string(l, s, "name");
	struct popart_str given = name ? view_str(name) : VIEW_NONE;

	b->file = config_setting_source_file(s);
	b->line = config_setting_source_line(s);
	b->node = s;
	if (!module) {
		if (l->report->errors == errors)
			report_error(l->report, b->file, b->line,
				"module is missing in %s; add: module = \"%s\";", b->list,
				strcmp(b->list, "auth") == 0 ? "static" : "maildir");
		return;
	}
	if (!strchr(module, '/') && !is_name(view_str(module))) {
		report_error(l->report, b->file, b->line,
			"module \"%.80s\" is neither a name (letters, digits, \"_\", \"-\") "
			"nor a path",
			module);
		return;
	}
	if (!name)
		given = base_name(module);
	b->module = module;
	b->name = arena_copy(&l->tree->arena, given).ptr;
	if (!b->name) {
		(void)out_of_memory(l);
		return;
	}
	if (!is_name(given))
		report_error(l->report, b->file, b->line,
			"name \"%.80s\" in %s must be 1 to 64 letters, digits, \"_\" or \"-\"",
			b->name, b->list);
	for (size_t i = 0; i < n; i++)
		if (blocks[i].name && strcmp(blocks[i].name, b->name) == 0)
			report_error(l->report, b->file, b->line,
				"%s \"%s\" is there already, in line %u; give one of them "
				"another name: name = \"...\";",
				b->list, b->name, blocks[i].line);
}

static void read_blocks(struct load *l, const char *key, const char *example,
	struct conf_block **blocks, size_t *nblocks)
{
	size_t n = count_groups(l, key, example);

	if (n == 0)
		return;
	*blocks = arena_alloc(&l->tree->arena, n * sizeof **blocks);
	if (!*blocks) {
		(void)out_of_memory(l);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		config_setting_t *s = nth_group(l, key, i);

		(*blocks)[i].list = key;
		(*blocks)[i].first = i == 0;
		(*blocks)[i].last = i == n - 1;
		if (s)
			read_block(l, s, *blocks, i);
	}
	*nblocks = n;
}

struct conf *conf_load(struct popart_str text, const char *name, struct report *report)
{
	struct load l = { .name = name, .report = report };
	unsigned errors = report->errors;
	struct conf *conf = calloc(1, sizeof *conf);

	if (!conf) {
		(void)out_of_memory(&l);
		return NULL;
	}
	l.conf = conf;
	l.tree = conf->tree = tree_parse(text, name, report);
	if (l.tree) {
		l.root = config_root_setting(&l.tree->libconfig);
		read_server(&l);
		read_listen(&l);
		certificates_read(conf, l.root, name, report);
		read_blocks(&l, "auth",
			"auth = { module = \"static\"; user = \"demo\"; password = \"...\"; };",
			&conf->auth, &conf->nauth);
		read_blocks(&l, "storage",
			"storage = { module = \"maildir\"; path = "
			"\"/var/vmail/%d/%n/Maildir\"; };",
			&conf->storage, &conf->nstorage);
		read_log(&l);
	}
	if (report->errors != errors)
		conf_free(&conf);
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

void conf_free(struct conf **p)
{
	struct conf *conf = *p;

	if (!conf)
		return;
	if (conf->tree) {
		conf_values_free(&conf->tree->server);
		conf_values_free(&conf->tree->log);
		conf_values_free(&conf->tree->tls);
		for (size_t i = 0; i < conf->tree->ncertificates; i++)
			conf_values_free(&conf->tree->certificates[i]);
		for (size_t i = 0; i < conf->tree->nlisten; i++)
			conf_values_free(&conf->tree->listen[i]);
		tree_free(&conf->tree);
	}
	free(conf);
	*p = NULL;
}

struct popart_conf *conf_read_block(const struct conf_block *block,
	const struct popart_opt *rows, size_t stride, struct report *report)
{
	struct conf_group g = { .group = block->node, .others = block_keys };
	unsigned errors = report->errors;
	struct popart_conf *values;
	struct buf where;

	buf_init(&where, 256);
	buf_printf(&where, " in %s \"%s\"", block->list, block->name);
	g.where = buf_cstr(&where);
	values = values_read(&g, rows, stride, report);
	buf_free(&where);
	if (report->errors != errors)
		conf_values_free(&values);
	return values;
}
