/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "modules/own.h"

/* More of what the module promises is in tests/unit/passwd_file. */

const struct popart_module *popart_module_entry_passwd_file(void);

const char auth_target_name[] = "passwd_file";

static const char contents[] =
	"demo:{PLAIN}se cret::::/srv/demo::storage=mail empty= two=a=b\n";

static char last[32];

static void remove_last(void)
{
	if (last[0])
		(void)unlink(last);
}

/* The file goes when the next one comes, or at the end. */
struct mockhost *auth_target_start(void)
{
	char option[64];
	const char *const options[] = { option, NULL };
	struct mockhost *h;
	int fd;

	if (!last[0] && atexit(remove_last) != 0)
		abort();
	remove_last();
	snprintf(last, sizeof(last), "/tmp/popart-auth.XXXXXX");
	fd = mkstemp(last);
	if (fd < 0 || write(fd, contents, sizeof(contents) - 1) != sizeof(contents) - 1)
		abort();
	(void)close(fd);
	snprintf(option, sizeof(option), "path=%s", last);
	h = mockhost_start(popart_module_entry_passwd_file(), options, AUTH_THREADS, NULL);
	if (!h)
		abort();
	return h;
}

static void waits(void)
{
	struct mockhost *h = auth_target_start();

	CU_ASSERT(mockhost_auth(h)->caps & POPART_AUTH_BLOCKS);
	CU_ASSERT_PTR_NOT_NULL(mockhost_auth(h)->check_quick);
	mockhost_stop(&h);
}

CU_TestInfo auth_target_tests[] = {
	{ "its checks are for the pool", waits },
	CU_TEST_INFO_NULL,
};
