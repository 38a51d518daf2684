/* SPDX-License-Identifier: MIT */
#include "master/account.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
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

static bool add_group(struct account *a, gid_t gid)
{
	gid_t *more;

	for (int i = 0; i < a->ngroups; i++)
		if (a->groups[i] == gid)
			return true;
	more = reallocarray(a->groups, (size_t)a->ngroups + 1, sizeof(*more));
	if (!more)
		return false;
	a->groups = more;
	a->groups[a->ngroups++] = gid;
	a->more = true;
	return true;
}

/* Who is not root has the groups it has; that they suffice can be seen, though. */
static bool add_groups(struct account *a, const struct conf *conf, struct report *r)
{
	struct place at = conf_place(conf, "supplementary_groups");

	for (size_t i = 0; i < conf->ngroups; i++) {
		const char *name = conf->groups[i].ptr;
		const struct group *found;

		errno = 0;
		found = getgrnam(name);
		if (!found) {
			report_error(r, at.file, at.line, "supplementary_groups: %s \"%s\"%s%s",
				errno ? "cannot look up" : "there is no group", name,
				errno ? ": " : "; create it (groupadd --system) or take it out",
				errno ? strerror(errno) : "");
			return false;
		}
		if (!a->change && geteuid() != 0 && !group_member(found->gr_gid)) {
			report_error(r, at.file, at.line,
				"supplementary_groups: \"%s\": only root can take on groups, "
				"and "
				"this account is not in it; add it (usermod -aG %s %s) or "
				"start "
				"popartd as root",
				name, name, a->name);
			return false;
		}
		if (!add_group(a, found->gr_gid)) {
			report_error(r, at.file, at.line, "out of memory");
			return false;
		}
	}
	return true;
}

static bool allow_act_as(struct account *a, const struct conf *conf, struct report *r)
{
	for (size_t i = 0; i < conf->nstorage && !a->act_as; i++) {
		const struct conf_block *b = &conf->storage[i];

		if (!b->as_user)
			continue;
		if (geteuid() != 0) {
			report_error(r, b->file, b->line,
				"storage \"%s\" has as_user = true, which only a server that "
				"root "
				"starts can do; start popartd as root, or take it out and give "
				"this account access to the mail",
				b->name);
			return false;
		}
		a->act_as = true;
		report_warn(r, b->file, b->line,
			"storage \"%s\" has as_user = true: the workers keep the right to "
			"become "
			"any user; better, where it will do, is an account or a group that can "
			"reach the mail",
			b->name);
	}
	return true;
}

bool account_prepare(struct account *a, const struct conf *conf, struct report *r)
{
	if (!account_choose(a, conf->user, geteuid(), conf_place(conf, "user"), r))
		return false;
	if (add_groups(a, conf, r) && allow_act_as(a, conf, r))
		return true;
	account_free(a);
	return false;
}

/* Of all of root's capabilities these, in the program that is run next, too. */
static int keep_act_as(void)
{
	const uint32_t both = 1u << CAP_SETUID | 1u << CAP_SETGID;
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = both, .permitted = both, .inheritable = both }
	};

	if (syscall(SYS_capset, &head, sets) < 0 ||
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0) < 0 ||
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETGID, 0, 0) < 0)
		return -1;
	return 0;
}

int account_become(const struct account *a)
{
	if (!a->change)
		return a->more ? setgroups((size_t)a->ngroups, a->groups) : 0;
	if (a->act_as && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -1;
	if (setgroups((size_t)a->ngroups, a->groups) < 0 ||
		setresgid(a->gid, a->gid, a->gid) < 0 || setresuid(a->uid, a->uid, a->uid) < 0)
		return -1;
	if (setuid(0) == 0 || getuid() != a->uid || geteuid() != a->uid) {
		errno = EPERM; /* a kernel that lies is worse than one that refuses */
		return -1;
	}
	return a->act_as ? keep_act_as() : 0;
}

void account_free(struct account *a)
{
	free(a->name);
	free(a->groups);
	*a = (struct account){ 0 };
}
