/* SPDX-License-Identifier: MIT */
#include "master/account.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GROUPS_MAX 65536 /* what Linux allows */

/* The largest number is (uid_t)-1, which means "leave it" to the system calls. */
static bool parse_uid(const char *text, uid_t *out)
{
	uint64_t n;

	if (!view_u64(view_str(text), UINT32_MAX - 1, &n))
		return false;
	*out = (uid_t)n;
	return true;
}

/* NULL with errno 0: there is no such account; *uid is set if it was a number at all. */
static const struct passwd *look_up(const char *user, uid_t *uid, bool *number)
{
	const struct passwd *pw = NULL;

	errno = 0;
	*number = parse_uid(user[0] == '#' ? user + 1 : user, uid);
	if (user[0] != '#')
		pw = getpwnam(user);
	if (!pw && *number)
		pw = getpwuid(*uid);
	if (errno == ENOENT || errno == ESRCH) /* some name services say so */
		errno = 0;
	return pw;
}

/* pw NULL: a bare number, whose only group is the same number. */
static bool take_groups(struct account *a, const struct passwd *pw)
{
	a->ngroups = 1;
	if (pw) {
		a->ngroups = 0;
		(void)getgrouplist(pw->pw_name, a->gid, NULL, &a->ngroups);
		if (a->ngroups < 1 || a->ngroups > GROUPS_MAX)
			return false;
	}
	a->groups = calloc((size_t)a->ngroups, sizeof(*a->groups));
	if (!a->groups)
		return false;
	a->groups[0] = a->gid;
	return !pw || getgrouplist(pw->pw_name, a->gid, a->groups, &a->ngroups) >= 0;
}

static bool fill(struct account *a, const char *user, struct place at, struct report *r)
{
	bool number;
	uid_t uid = 0;
	const struct passwd *pw = look_up(user, &uid, &number);

	if (!pw && errno != 0) {
		report_error(r, at.file, at.line, "cannot look up user \"%s\": %s", user,
			strerror(errno));
		return false;
	}
	if (!pw && !number) {
		report_error(r, at.file, at.line,
			"user \"%s\": there is no such account; create it (useradd --system "
			"%s) or name another one",
			user, user);
		return false;
	}
	a->uid = pw ? pw->pw_uid : uid;
	a->gid = pw ? pw->pw_gid : (gid_t)uid;
	a->name = strdup(pw ? pw->pw_name : user);
	if (!a->name || !take_groups(a, pw)) {
		report_error(
			r, at.file, at.line, "cannot read the groups of user \"%s\"", user);
		account_free(a);
		return false;
	}
	return true;
}

static bool choose_as_root(
	struct account *a, const char *user, struct place at, struct report *r)
{
	if (!user && !getpwnam(ACCOUNT_DEFAULT)) {
		report_error(r, at.file, at.line,
			"started as root, but \"user\" is not set and there is no account "
			"\"" ACCOUNT_DEFAULT "\"; create it (useradd --system " ACCOUNT_DEFAULT
			") or set user = \"...\"");
		return false;
	}
	if (!fill(a, user ? user : ACCOUNT_DEFAULT, at, r))
		return false;
	a->change = a->uid != 0;
	if (!a->change)
		report_warn(r, at.file, at.line,
			"the workers run as root: a mistake in one of them or in a module "
			"gives away the machine; better they ran as an account that can only "
			"reach the mail");
	return true;
}

bool account_choose(
	struct account *a, const char *user, uid_t self, struct place at, struct report *r)
{
	char number[16];

	*a = (struct account){ 0 };
	if (self == 0)
		return choose_as_root(a, user, at, r);
	(void)snprintf(number, sizeof(number), "#%u", (unsigned)self);
	if (!fill(a, user ? user : number, at, r))
		return false;
	if (a->uid != self) {
		report_error(r, at.file, at.line,
			"user \"%s\": only root can become somebody else, and this is uid %u; "
			"start popartd as root or as %s, or remove \"user\"",
			user, (unsigned)self, user);
		account_free(a);
		return false;
	}
	return true;
}

int account_become(const struct account *a)
{
	if (!a->change)
		return 0;
	if (setgroups((size_t)a->ngroups, a->groups) < 0 ||
		setresgid(a->gid, a->gid, a->gid) < 0 || setresuid(a->uid, a->uid, a->uid) < 0)
		return -1;
	if (setuid(0) == 0 || getuid() != a->uid || geteuid() != a->uid) {
		errno = EPERM; /* a kernel that lies is worse than one that refuses */
		return -1;
	}
	return 0;
}

void account_free(struct account *a)
{
	free(a->name);
	free(a->groups);
	*a = (struct account){ 0 };
}
