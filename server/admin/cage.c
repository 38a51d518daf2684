/* SPDX-License-Identifier: MIT */
#include "admin/cage.h"
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers we may be built with. */
#define ACCESS_V1        ((1ULL << 13) - 1)
#define ACCESS_REFER     (1ULL << 13) /* ABI 2 */
#define ACCESS_TRUNCATE  (1ULL << 14) /* ABI 3 */
#define ACCESS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define ACCESS_TCP       3ULL         /* ABI 4: bind and connect */

struct rules {
	uint64_t files, net;
};

static int version(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 0; /* their reports read /proc */
#else
	return (int)syscall(
		SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
#endif
}

static const char *restrict_self(int abi)
{
	struct rules rules = { .files = ACCESS_V1 };
	const char *why = NULL;
	int fd;

	if (abi < 1)
		return "not offered by this kernel or build";
	rules.files |= abi >= 2 ? ACCESS_REFER : 0;
	rules.files |= abi >= 3 ? ACCESS_TRUNCATE : 0;
	rules.files |= abi >= 5 ? ACCESS_IOCTL_DEV : 0;
	rules.net = abi >= 4 ? ACCESS_TCP : 0;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules,
		abi >= 4 ? sizeof(rules) : sizeof(rules.files), 0);
	if (fd < 0)
		return "the kernel refused a rule set";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		why = "the kernel refused it";
	(void)close(fd);
	return why;
}

void cage_enter(struct log *log)
{
	const char *why = restrict_self(version());
	struct log_line l;

	log_begin(log, &l, LOG_EV_SANDBOX);
	log_str(&l, "landlock", why ? "off" : "on");
	if (why)
		log_str(&l, "why", why);
	log_end(&l);
}
