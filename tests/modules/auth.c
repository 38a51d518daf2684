/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include "check/meter.h"
#include "modules/auth-target.h"

/* What every module, every auth module and accounts promise, asked of the one that
 * auth-target.h stands for. Words: only the tests whose titles contain one of them. */

#define TEXT(s)                                  \
	{                                        \
		.ptr = (s), .len = sizeof(s) - 1 \
	}

static struct mockhost *start(
	void *ctx, const struct mock_watch *watch, void **hands, const char **why)
{
	struct mockhost *h = world_start(ctx, watch, hands, why);

	if (!h || !auth_target.fill)
		return h;
	mockhost_stop(&h);
	*why = "the user could not be made";
	return auth_target.fill(world_dir(*hands)) ? world_again(ctx, watch, *hands, why)
						   : NULL;
}

static int run(struct worlds *worlds, const char *const *words)
{
	static const struct popart_attr attrs[] = { { TEXT("home"), TEXT("/srv/demo") },
		{ TEXT("storage"), TEXT("mail") }, { TEXT("empty"), TEXT("") },
		{ TEXT("two"), TEXT("a=b") } };
	const struct suite_account demo = { .name = TEXT("demo"),
		.password = TEXT("se cret"),
		.attrs = attrs,
		.nattrs = 4,
		.exact = true };
	const struct suite_module module = { .name = worlds->module->name,
		.module = worlds->module,
		.entry = auth_target.entry,
		.ctx = worlds,
		.start = start,
		.again = world_again,
		.stop = world_stop };
	struct tally *t = tally_new(stdout, words);

	if (!t)
		abort();
	tally_limit(t, 600); /* the machine may be slow, and a sanitizer at work */
	suite_module(t, &module);
	suite_auth(t, &module, &demo);
	suite_accounts(t, &module);
	return tally_end(&t);
}

int main(int argc, char **argv)
{
	struct worlds worlds = { .module = auth_target.entry(),
		.prepare = auth_target.prepare };
	struct settings settings;
	struct buf why;
	int status;

	(void)argc;
	meter_exactly(argv);
	buf_init(&why, 4096);
	if (!settings_read(&settings, worlds.module, auth_target.settings, &why) ||
		!worlds_begin(&worlds)) {
		fprintf(stderr, "%s\n", buf_cstr(&why));
		return EXIT_FAILURE;
	}
	worlds.settings = &settings;
	status = run(&worlds, (const char *const *)argv + 1);
	worlds_end(&worlds);
	settings_free(&settings);
	buf_free(&why);
	return status;
}
