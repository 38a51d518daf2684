/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdlib.h>
#include "modules/target.h"

/* What every store promises, asked of the one that target.h stands for: each way to set it
 * up. Words: only the tests whose titles contain one of them. */
int main(int argc, char **argv)
{
	const char *root = getenv("TEST_SRCDIR"), *why = NULL;
	struct target ways[TARGET_WAYS] = { { { 0 }, { 0 } } };
	unsigned n = target_ways(ways, &why);
	char mail[PATH_MAX];

	(void)argc;
	if (n == 0) {
		printf("1..0 # SKIP %s\n", why);
		return EXIT_SUCCESS;
	}
	struct tally *t = tally_new(stdout, (const char *const *)argv + 1);

	if (!t)
		abort();
	tally_leave_inapt(t);
	tally_limit(t, 600); /* the machine may be slow, and a sanitizer at work */
	snprintf(mail, sizeof(mail), "%s/tests/support/corpus", root ? root : ".");
	for (unsigned i = 0; i < n; i++) {
		ways[i].module.mail = mail;
		suite_storage(t, &ways[i].module, &ways[i].hands);
	}
	return tally_end(&t);
}
