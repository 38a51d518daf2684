/* SPDX-License-Identifier: MIT */
#include "conf/domains.h"
#include "conf/load.h"

#define NAME_MAX_LEN 64u

static const char *const auth_keys[] = { "module", "name", "domains", NULL };
static const char *const storage_keys[] = { "module", "name", "as_user", "domains", NULL };

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

/* A boolean member of a block; false if it is not there. */
static bool block_bool(struct load *l, const config_setting_t *s, const char *key)
{
	config_setting_t *member = config_setting_get_member(s, key);

	if (!member)
		return false;
	if (config_setting_type(member) != CONFIG_TYPE_BOOL)
		report_error(l->report, config_setting_source_file(member),
			config_setting_source_line(member),
			"%s must be true or false; this is %s", key, tree_type(member));
	return config_setting_get_bool(member);
}

static bool is_storage(const struct conf_block *b)
{
	return strcmp(b->list, "storage") == 0;
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
	if (is_storage(b))
		b->as_user = block_bool(l, s, "as_user");
	domains_read(l, s, b);
	domains_compare(l, blocks, n);
	if (!module) {
		if (l->report->errors == errors)
			report_error(l->report, b->file, b->line,
				"module is missing in %s; add: module = \"%s\";", b->list,
				is_storage(b) ? "maildir" : "static");
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
		load_no_memory(l);
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

void load_blocks(struct load *l, const char *key, const char *example,
	struct conf_block **blocks, size_t *nblocks)
{
	size_t n = load_count_groups(l, key, example);

	if (n == 0)
		return;
	*blocks = arena_alloc(&l->tree->arena, n * sizeof **blocks);
	if (!*blocks) {
		load_no_memory(l);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		config_setting_t *s = load_nth_group(l, key, i);

		(*blocks)[i].list = key;
		(*blocks)[i].first = i == 0;
		(*blocks)[i].last = i == n - 1;
		if (s)
			read_block(l, s, *blocks, i);
	}
	*nblocks = n;
}

struct popart_conf *conf_read_block(const struct conf_block *block,
	const struct popart_opt *rows, size_t stride, struct report *report)
{
	struct conf_group g = { .group = block->node,
		.others = is_storage(block) ? storage_keys : auth_keys };
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
