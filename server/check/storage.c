/* SPDX-License-Identifier: MIT */
#include "check/storage.h"

struct job {
	const struct suite_module *module;
	const struct suite_hands *hands;
	const struct store_test *test;
};

static void run_one(struct tally *t, void *ctx)
{
	const struct job *j = ctx;

	scene_run(t, j->module, j->hands, j->test);
}

void suite_storage(
	struct tally *t, const struct suite_module *module, const struct suite_hands *hands)
{
	static const struct store_test *const tables[] = { list_tests, uid_tests, source_tests,
		commit_tests, meddling_tests, delivery_tests, lock_tests, thread_tests,
		limit_tests, leak_tests, kill_tests, look_tests, volume_tests };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct store_test *test = tables[i]; test->title; test++) {
			const struct tally_test one[] = { { test->title, run_one },
				{ NULL, NULL } };
			struct job job = { module, hands, test };

			tally_run(t, module->name, one, &job);
		}
	}
}
