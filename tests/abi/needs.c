/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "abi/rig.h"
#include "support/tap.h"
#include "worker/sandbox.h"

/* What a module of some needs reaches in a worker. The sandbox cannot be left, so it is entered
 * in a child. */

enum { SANDBOXED = 1, HOSTS = 2, PASSWD = 4, JOURNAL = 8 };

static int can_open(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* In the child; what it reached. */
static int reach(struct rig *r)
{
	int found = 0;

	sandbox_enter(r->host, r->conf, r->log);
	char *log = rig_log(r);
	if (strstr(log, "landlock=on") || strstr(log, "starts other programs"))
		found |= SANDBOXED;
	free(log);
	found |= can_open("/etc/hosts") ? HOSTS : 0;
	found |= can_open("/etc/passwd") ? PASSWD : 0;
	found |= can_open(r->journal) ? JOURNAL : 0;
	return found;
}

static int reached(const char *planted)
{
	struct rig r;
	int status = -1;

	rig_init(&r, planted);
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", "as_user = true; path = \"/srv/popart-test/%u\";");
	close(open(r.journal, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	CU_ASSERT_FATAL(rig_load(&r));
	pid_t child = fork();
	if (child == 0)
		_exit(reach(&r));
	CU_ASSERT_FATAL(child > 0);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_FATAL(WIFEXITED(status));
	rig_free(&r);
	return WEXITSTATUS(status);
}

/* Where there is no sandbox, nothing is kept out. */
static void is(const char *planted, int expected)
{
	int found = reached(planted);

	CU_ASSERT(found & JOURNAL);
	if (found & SANDBOXED)
		CU_ASSERT_EQUAL(found & ~SANDBOXED, expected);
}

static void no_needs(void)
{
	is("user_ids", JOURNAL);
}

static void network(void)
{
	is("good", JOURNAL | HOSTS);
}

static void process(void)
{
	is("process", JOURNAL | HOSTS | PASSWD);
}

int main(int argc, char **argv)
{
	static CU_TestInfo tests[] = {
		{ "its own files, and no others", no_needs },
		{ "NETWORK: what a look-up reads, too", network },
		{ "PROCESS: no sandbox", process },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "needs", NULL, NULL, NULL, NULL, tests },
		CU_SUITE_INFO_NULL };

	return tap_main(argc, argv, "abi", suites);
}
