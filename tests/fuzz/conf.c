/* SPDX-License-Identifier: MIT */
/* Arbitrary text as a configuration: loaded, dumped, loaded again. */
#include <stdlib.h>
#include "conf/conf.h"

#define TEXT_MAX (1u << 22)

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char *const choices[] = { "one", "two", NULL };
static const struct popart_opt rows[] = {
	{ .name = "flag", .type = POPART_OPT_BOOL, .fallback = "true" },
	{ .name = "count", .type = POPART_OPT_INT, .min = -5, .max = 5 },
	{ .name = "size", .type = POPART_OPT_SIZE },
	{ .name = "wait", .type = POPART_OPT_MSEC },
	{ .name = "path", .type = POPART_OPT_PATH },
	{ .name = "password", .type = POPART_OPT_STRING, .flags = POPART_OPT_SECRET },
	{ .name = "colour", .type = POPART_OPT_ENUM, .choices = choices },
	{ .name = "words", .type = POPART_OPT_LIST },
	{ 0 },
};

/* Whatever was said is whole lines of text. */
static void check_report(struct report *r)
{
	struct popart_str text = buf_view(&r->text);

	if (!view_is_utf8(text) || (text.len > 0 && !view_ends(text, VIEW_LIT("\n"))))
		abort();
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' && text.ptr[i] != '\n')
			abort();
}

static void dump_blocks(
	const struct conf_block *blocks, size_t n, struct report *r, struct buf *to, bool *all)
{
	for (size_t i = 0; i < n; i++) {
		struct popart_conf *v = conf_read_block(&blocks[i], rows, sizeof rows[0], r);

		if (v)
			conf_dump_block(&blocks[i], v, to);
		*all &= v != NULL;
		conf_values_free(&v);
	}
}

/* False: text was refused, or has options that rows does not know. */
static bool load(struct popart_str text, struct buf *dump)
{
	struct report r;
	struct conf *conf;
	bool good;

	report_init(&r);
	conf = conf_load(text, "/nowhere/fuzz.conf", &r);
	good = conf != NULL;
	if (good != (r.errors == 0))
		abort();
	if (conf) {
		conf_dump(conf, dump);
		dump_blocks(conf->auth, conf->nauth, &r, dump, &good);
		dump_blocks(conf->storage, conf->nstorage, &r, dump, &good);
	}
	check_report(&r);
	conf_free(&conf);
	report_free(&r);
	return good && !dump->failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first, second;

	buf_init(&first, TEXT_MAX);
	buf_init(&second, TEXT_MAX);
	if (load(view_of(data, size), &first)) {
		if (first.len < (1u << 20) && !load(buf_view(&first), &second))
			abort();
		if (second.len > 0 && !view_eq(buf_view(&first), buf_view(&second)))
			abort();
	}
	buf_free(&first);
	buf_free(&second);
	return 0;
}
