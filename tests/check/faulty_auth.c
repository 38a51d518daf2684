/* SPDX-License-Identifier: MIT */
#include "check/faulty.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NAME = 128, SECRET = 128, ATTRS = 16, TEXT = 4096 };

/* What a user's file says. The views point into text. */
struct user {
	char text[TEXT];
	bool enabled;
	const char *plain, *hash; /* one of them */
	struct popart_attr attrs[ATTRS];
	size_t nattrs;
};

static char shared[SECRET]; /* AUTH_STATIC */

static bool has(const struct faulty *f, enum fault fault)
{
	return f->fault == fault;
}

/* ---- a user's file ---- */

static int path_of(const struct faulty *f, struct popart_str user, char path[PATH_MAX])
{
	bool odd = user.len == 0 || user.len > NAME || user.ptr[0] == '.' ||
		memchr(user.ptr, '/', user.len) || memchr(user.ptr, 0, user.len);

	if (odd && !has(f, FAULT_AUTH_PATH))
		return POPART_R_NEXT;
	snprintf(path, PATH_MAX, "%.*s/%.*s", (int)f->users.len, f->users.ptr, (int)user.len,
		user.ptr);
	return POPART_OK;
}

static struct popart_str view(const char *text)
{
	return (struct popart_str){ text, strlen(text) };
}

static void parse(struct user *u)
{
	char *rest = u->text, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		char *value = strchr(line, ' ');

		if (!value)
			continue;
		*value++ = '\0';
		if (strcmp(line, "enabled") == 0)
			u->enabled = value[0] == '1';
		else if (strcmp(line, "plain") == 0)
			u->plain = value;
		else if (strcmp(line, "hash") == 0)
			u->hash = value;
		else if (strcmp(line, "attr") == 0 && u->nattrs < ATTRS) {
			char *equals = strchr(value, '=');

			*equals++ = '\0';
			u->attrs[u->nattrs++] =
				(struct popart_attr){ view(value), view(equals) };
		}
	}
}

/* POPART_R_NEXT: there is none, and nobody has been told yet. */
static int read_user(const struct faulty *f, const struct popart_call *call,
	struct popart_str name, struct user *u)
{
	char path[PATH_MAX];
	int status = path_of(f, name, path), fd;
	ssize_t n;

	memset(u, 0, sizeof(*u));
	if (status)
		return status;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENAMETOOLONG)) {
		return has(f, FAULT_AUTH_UNKNOWN)
			? f->host->fail(f->inst, call, POPART_E_IO, NULL, errno, "no such file")
			: POPART_R_NEXT;
	}
	if (fd < 0)
		return faulty_errno(f, call, "open");
	n = read(fd, u->text, TEXT - 1);
	(void)close(fd);
	if (n < 0)
		return faulty_errno(f, call, "read");
	parse(u);
	return POPART_OK;
}

static void hash(struct popart_str secret, char text[SECRET])
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < secret.len; i++)
		h = (h ^ (unsigned char)secret.ptr[i]) * UINT64_C(1099511628211);
	snprintf(text, SECRET, "%zx-%016" PRIx64, secret.len, h);
}

/* ---- logins ---- */

static bool plain_matches(const struct faulty *f, const char *stored, struct popart_str given)
{
	size_t len = strlen(stored);

	if (has(f, FAULT_AUTH_STATIC)) {
		snprintf(shared, sizeof(shared), "%.*s", (int)given.len, given.ptr);
		nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
		given = view(shared);
	}
	if (has(f, FAULT_AUTH_EMPTY) && given.len == 0)
		return true;
	if (has(f, FAULT_AUTH_OVERREAD))
		given.len = strlen(given.ptr);
	if (has(f, FAULT_AUTH_NUL) && given.len && memchr(given.ptr, 0, given.len))
		given.len = strlen(given.ptr);
	if (has(f, FAULT_AUTH_PREFIX) && given.len > len)
		given.len = len;
	return given.len == len && memcmp(given.ptr, stored, len) == 0;
}

static bool matches(const struct faulty *f, const struct user *u, struct popart_str given)
{
	char text[SECRET];

	if (u->plain)
		return plain_matches(f, u->plain, given);
	if (!u->hash)
		return false;
	hash(given, text);
	return strcmp(text, u->hash) == 0;
}

/* REMOVE_KEEPS and CHANGE_CACHED: what was right once. */
static void key_of(char key[256], struct popart_str user, struct popart_str secret)
{
	snprintf(key, 256, "%.*s:%.*s", (int)user.len, user.ptr, (int)secret.len, secret.ptr);
}

static bool is_remembered(struct faulty *f, struct popart_str user, struct popart_str secret)
{
	char key[256];

	if (!has(f, FAULT_REMOVE_KEEPS) && !has(f, FAULT_CHANGE_CACHED))
		return false;
	key_of(key, user, secret);
	pthread_mutex_lock(&f->mutex);
	bool same = strcmp(key, f->remembered) == 0;
	pthread_mutex_unlock(&f->mutex);
	return same;
}

static void remember(struct faulty *f, struct popart_str user, struct popart_str secret)
{
	pthread_mutex_lock(&f->mutex);
	key_of(f->remembered, user, secret);
	pthread_mutex_unlock(&f->mutex);
}

static int fill(const struct faulty *f, const struct user *u, struct popart_auth_reply *reply)
{
	int status = POPART_OK;

	for (size_t i = 0; i < u->nattrs && !status; i++) {
		status = reply->set_attr(reply, u->attrs[i].key, u->attrs[i].value);
		if (has(f, FAULT_AUTH_REPLY))
			status = POPART_OK;
	}
	return status;
}

static int not_mine(
	const struct faulty *f, const struct popart_call *call, struct popart_str user)
{
	if (has(f, FAULT_AUTH_LOG_LINE))
		f->host->log(f->inst, call, POPART_LOG_INFO, "no file for %.*s",
			user.len < 200 ? (int)user.len : 200, user.ptr);
	return f->host->fail(f->inst, call, POPART_R_NEXT,
		has(f, FAULT_AUTH_NEXT_TEXT) ? "no such user here" : NULL, 0, "no such user");
}

static int deny(
	const struct faulty *f, const struct popart_call *call, struct popart_str password)
{
	if (has(f, FAULT_AUTH_SILENT))
		return POPART_R_DENIED;
	if (has(f, FAULT_AUTH_LOG_SECRET))
		return f->host->fail(f->inst, call, POPART_R_DENIED, NULL, 0,
			"the password is not \"%.*s\"", (int)password.len, password.ptr);
	return f->host->fail(f->inst, call, POPART_R_DENIED, NULL, 0, "the password is wrong");
}

static int check_password(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	struct faulty *f = state;
	struct user *u;
	int status;

	if (has(f, FAULT_AUTH_STOP) && f->host->stop_asked(call))
		return deny(f, call, password);
	if (has(f, FAULT_AUTH_KEEPS))
		free(strndup(password.ptr, password.len));
	if (is_remembered(f, login->user, password))
		return POPART_OK;
	u = malloc(sizeof(*u));
	if (!u)
		return f->host->fail(f->inst, call, POPART_E_NOMEM, NULL, 0, "out of memory");
	status = read_user(f, call, login->user, u);
	if (status == POPART_R_NEXT)
		status = not_mine(f, call, login->user);
	else if (!status && (!u->enabled && !has(f, FAULT_DISABLED_IN)))
		status = f->host->fail(
			f->inst, call, POPART_R_DENIED, NULL, 0, "the user is disabled");
	else if (!status && !matches(f, u, password))
		status = deny(f, call, password);
	else if (!status)
		status = fill(f, u, reply);
	if (!status)
		remember(f, login->user, password);
	if (!has(f, FAULT_AUTH_LEAKS))
		free(u);
	return status;
}

static int lookup(void *state, const struct popart_call *call, struct popart_str user,
	struct popart_auth_reply *reply)
{
	const struct faulty *f = state;
	struct user *u = malloc(sizeof(*u));
	int status;

	if (!u)
		return f->host->fail(f->inst, call, POPART_E_NOMEM, NULL, 0, "out of memory");
	status = read_user(f, call, user, u);
	if (status == POPART_R_NEXT)
		status = not_mine(f, call, user);
	if (has(f, FAULT_LOOKUP_DIFFERS) && u->nattrs)
		u->nattrs--;
	if (!status)
		status = fill(f, u, reply);
	free(u);
	return status;
}

static int iterate(void *state, const struct popart_call *call, void *ctx,
	int (*each)(void *ctx, struct popart_str user))
{
	const struct faulty *f = state;
	char path[PATH_MAX];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%.*s", (int)f->users.len, f->users.ptr);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? POPART_OK : faulty_errno(f, call, path);
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.' && each(ctx, view(e->d_name)) != 0 &&
			!has(f, FAULT_ITERATE_ON))
			break;
	(void)closedir(dir);
	return POPART_OK;
}

/* ---- accounts ---- */

static void write_text(int fd, const struct user *u, const struct popart_account_change *c)
{
	char text[SECRET];
	bool enabled = c->what & POPART_ACCOUNT_ENABLED ? c->enabled : u->enabled;

	dprintf(fd, "enabled %d\n", enabled);
	if (c->what & POPART_ACCOUNT_PASSWORD) {
		hash(c->password, text);
		dprintf(fd, "hash %s\n", text);
	} else if (u->hash) {
		dprintf(fd, "hash %s\n", u->hash);
	}
}

static const struct popart_attr *changed(
	const struct popart_account_change *c, struct popart_str key)
{
	for (size_t i = 0; (c->what & POPART_ACCOUNT_ATTRS) && i < c->nattrs; i++)
		if (c->attrs[i].key.len == key.len &&
			memcmp(c->attrs[i].key.ptr, key.ptr, key.len) == 0)
			return &c->attrs[i];
	return NULL;
}

static void write_attr(int fd, const struct popart_attr *a)
{
	if (a->value.len)
		dprintf(fd, "attr %.*s=%.*s\n", (int)a->key.len, a->key.ptr, (int)a->value.len,
			a->value.ptr);
}

static void write_attrs(const struct faulty *f, int fd, const struct user *u,
	const struct popart_account_change *c)
{
	for (size_t i = 0; i < u->nattrs; i++) {
		const struct popart_attr *now = changed(c, u->attrs[i].key);

		if (now || !has(f, FAULT_CHANGE_DROPS))
			write_attr(fd, now ? now : &u->attrs[i]);
	}
	for (size_t i = 0; (c->what & POPART_ACCOUNT_ATTRS) && i < c->nattrs; i++) {
		bool old = false;

		for (size_t k = 0; k < u->nattrs; k++)
			old = old ||
				(u->attrs[k].key.len == c->attrs[i].key.len &&
					memcmp(u->attrs[k].key.ptr, c->attrs[i].key.ptr,
						u->attrs[k].key.len) == 0);
		if (!old)
			write_attr(fd, &c->attrs[i]);
	}
}

static int write_user(const struct faulty *f, const struct popart_call *call, const char *path,
	const struct user *u, const struct popart_account_change *c)
{
	char temporary[PATH_MAX];
	int dir, fd;
	bool ok;

	snprintf(temporary, sizeof(temporary), "%.*s/.%016" PRIxPTR ".XXXXXX",
		(int)f->users.len, f->users.ptr, (uintptr_t)call);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return faulty_errno(f, call, temporary);
	write_text(fd, u, c);
	write_attrs(f, fd, u, c);
	dir = open(f->users.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fsync(fd) == 0 && dir >= 0 && rename(temporary, path) == 0 && fsync(dir) == 0;
	(void)close(fd);
	if (dir >= 0)
		(void)close(dir);
	return ok ? POPART_OK : faulty_errno(f, call, path);
}

static int refuse(const struct faulty *f, const struct popart_call *call, const char *why)
{
	return f->host->fail(f->inst, call, POPART_R_PERM, NULL, 0, "%s", why);
}

static void forget(struct faulty *f)
{
	pthread_mutex_lock(&f->mutex);
	f->remembered[0] = '\0';
	pthread_mutex_unlock(&f->mutex);
}

static int change_in(struct faulty *f, const struct popart_call *call, struct popart_str user,
	const struct popart_account_change *c, bool add)
{
	char path[PATH_MAX];
	struct user u;
	int status;

	if (c->scheme.len)
		return refuse(f, call, "there is one scheme only");
	if ((c->what & POPART_ACCOUNT_PASSWORD) && c->password.len == 0)
		return refuse(f, call, "a password has at least one octet");
	status = read_user(f, call, user, &u);
	if (add && status == POPART_OK && !has(f, FAULT_ADD_OVER))
		return refuse(f, call, "the user is there already");
	if (add && path_of(f, user, path) != POPART_OK)
		return refuse(f, call, "no file can have this name");
	if (status && (status != POPART_R_NEXT || !add))
		return status == POPART_R_NEXT ? not_mine(f, call, user) : status;
	(void)path_of(f, user, path);
	if (!has(f, FAULT_CHANGE_CACHED))
		forget(f);
	return write_user(f, call, path, &u, c);
}

static int add(void *state, const struct popart_call *call, struct popart_str user,
	const struct popart_account_change *c)
{
	return change_in(state, call, user, c, true);
}

static int change(void *state, const struct popart_call *call, struct popart_str user,
	const struct popart_account_change *c)
{
	return change_in(state, call, user, c, false);
}

static int remove_user(void *state, const struct popart_call *call, struct popart_str user)
{
	struct faulty *f = state;
	char path[PATH_MAX];

	if (path_of(f, user, path) != POPART_OK)
		return not_mine(f, call, user);
	if (unlink(path) != 0)
		return errno == ENOENT ? not_mine(f, call, user) : faulty_errno(f, call, path);
	if (!has(f, FAULT_REMOVE_KEEPS))
		forget(f);
	return POPART_OK;
}

static int show(void *state, const struct popart_call *call, struct popart_str user,
	struct popart_account_reply *reply)
{
	const struct faulty *f = state;
	struct user u;
	int status = read_user(f, call, user, &u);

	if (status)
		return status == POPART_R_NEXT ? not_mine(f, call, user) : status;
	reply->enabled = u.enabled;
	return reply->add_scheme(reply, view(u.plain ? "plain" : "fnv"));
}

const struct popart_auth_ops faulty_auth = {
	.size = sizeof(struct popart_auth_ops),
	.check_password = check_password,
	.lookup = lookup,
	.iterate = iterate,
};

const struct popart_account_ops faulty_accounts = {
	.size = sizeof(struct popart_account_ops),
	.add = add,
	.change = change,
	.remove = remove_user,
	.show = show,
};
