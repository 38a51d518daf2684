/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "modules/auth-target.h"

/* More of what the module promises is in tests/unit/passwd_file. */

const struct popart_module *popart_module_entry_passwd_file(void);

const char auth_target_name[] = "passwd_file";

static const char contents[] =
	"demo:{PLAIN}se cret::::/srv/demo::storage=mail empty= two=a=b\n";

struct mockhost *auth_target_start(void)
{
	char path[] = "/tmp/popart-auth.XXXXXX", option[64];
	const char *const options[] = { option, NULL };
	int fd = mkstemp(path);
	struct mockhost *h;

	if (fd < 0 || write(fd, contents, sizeof(contents) - 1) != sizeof(contents) - 1)
		abort();
	(void)close(fd);
	snprintf(option, sizeof(option), "path=%s", path);
	h = mockhost_start(popart_module_entry_passwd_file(), options, AUTH_THREADS, NULL);
	/* What was read stays in force. */
	if (unlink(path) != 0 || !h)
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
