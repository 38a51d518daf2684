/* SPDX-License-Identifier: MIT */
/* `domains` of a block: which users it is for, by what is behind the @ of their names. */
#include "conf/domains.h"

#define DOMAIN_MAX 255u

/* What a domain may not be; NULL: it may. */
static const char *flaw_of(struct popart_str v)
{
	struct popart_str name = v;

	if (view_starts(name, VIEW_LIT("*.")))
		name = view_of(name.ptr + 2, name.len - 2);
	if (!name.len)
		return "is empty; write it like \"example.org\" or \"*.example.org\"";
	if (v.len > DOMAIN_MAX)
		return "is longer than 255 octets";
	if (view_has(v, '@'))
		return "has an \"@\"; leave out what is before it, and the \"@\"";
	if (view_has(name, '*'))
		return "has a \"*\" that is not in front of a dot at its beginning; write it "
		       "like \"*.example.org\"";
	if (name.ptr[0] == '.' || name.ptr[name.len - 1] == '.')
		return "has a dot too many, at its beginning or its end";
	for (size_t i = 0; i < v.len; i++) {
		if ((unsigned char)v.ptr[i] <= ' ' || v.ptr[i] == 0x7f)
			return "has a space or a control character";
	}
	return NULL;
}

/* A copy in small letters, as long as the conf lives; nothing: reported. */
static struct popart_str keep(struct load *l, struct popart_str v)
{
	struct popart_str copy = arena_copy(&l->tree->arena, v);

	if (!copy.ptr) {
		load_no_memory(l);
		return copy;
	}
	for (size_t i = 0; i < copy.len; i++) {
		if (copy.ptr[i] >= 'A' && copy.ptr[i] <= 'Z')
			((char *)(uintptr_t)copy.ptr)[i] |= 0x20;
	}
	return copy;
}

static void read_one(struct load *l, const config_setting_t *s, struct conf_block *b)
{
	const char *text = config_setting_get_string(s), *flaw;

	if (!text) {
		report_error(l->report, config_setting_source_file(s),
			config_setting_source_line(s),
			"domains in %s must be a list of strings; this is %s", b->list,
			tree_type(s));
		return;
	}
	flaw = flaw_of(view_str(text));
	if (flaw) {
		report_error(l->report, config_setting_source_file(s),
			config_setting_source_line(s), "domain \"%.80s\" in %s %s", text,
			b->list, flaw);
		return;
	}
	b->domains[b->ndomains] = keep(l, view_str(text));
	b->ndomains += b->domains[b->ndomains].ptr != NULL;
}

void domains_read(struct load *l, const config_setting_t *group, struct conf_block *b)
{
	const config_setting_t *s = config_setting_get_member(group, "domains");
	int n = s && config_setting_is_aggregate(s) && !config_setting_is_group(s)
		? config_setting_length(s)
		: -1;

	if (!s)
		return;
	b->domains_line = config_setting_source_line(s);
	if (n <= 0 && config_setting_type(s) != CONFIG_TYPE_STRING) {
		report_error(l->report, config_setting_source_file(s), b->domains_line,
			"domains in %s must be a list of strings; write it like "
			"( \"example.org\", \"*.example.net\" )",
			b->list);
		return;
	}
	b->domains = arena_alloc(
		&l->tree->arena, (n > 0 ? (size_t)n : 1) * sizeof(struct popart_str));
	if (!b->domains)
		load_no_memory(l);
	else if (n < 0)
		read_one(l, s, b);
	for (int i = 0; b->domains && i < n; i++)
		read_one(l, config_setting_get_elem(s, (unsigned)i), b);
}

static bool has(const struct conf_block *b, size_t n, struct popart_str domain)
{
	for (size_t i = 0; i < n; i++) {
		if (view_eq(b->domains[i], domain))
			return true;
	}
	return false;
}

void domains_compare(struct load *l, const struct conf_block *blocks, size_t n)
{
	const struct conf_block *b = &blocks[n];

	for (size_t i = 0; i < b->ndomains; i++) {
		struct popart_str domain = b->domains[i];

		if (has(b, i, domain))
			report_error(l->report, b->file, b->domains_line,
				"domain \"%.*s\" is there twice in %s; take one out",
				VIEW_FMT(domain), b->list);
		for (size_t k = 0; k < n && strcmp(b->list, "storage") == 0; k++) {
			if (has(&blocks[k], blocks[k].ndomains, domain))
				report_error(l->report, b->file, b->domains_line,
					"domain \"%.*s\" has a storage already, in line %u; "
					"take it out of one of them",
					VIEW_FMT(domain), blocks[k].domains_line);
		}
	}
}
