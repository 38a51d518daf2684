/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "check/mockhost.h"
#include "unit/passwd_file/tests.h"

/* The module in a mock host, with a file that changes. */

#define THREADS   4
#define ANNA_HASH "$1$821sSnoZ$f14.1rut.NHo/v6omFUU51"

const struct popart_module *popart_module_entry_passwd_file(void);

struct place {
	char dir[64], path[96], option[128];
	struct mockhost *host;
};

struct reply {
	struct popart_auth_reply pub;
	char attrs[256];
	char scheme[32], salt[64];
	size_t secret_len;
	uint32_t rounds;
};

static int set_attr(
	struct popart_auth_reply *pub, struct popart_str key, struct popart_str value)
{
	struct reply *r = (struct reply *)(void *)pub;
	size_t at = strlen(r->attrs);

	snprintf(r->attrs + at, sizeof(r->attrs) - at, "%.*s=%.*s;", (int)key.len, key.ptr,
		(int)value.len, value.ptr);
	return POPART_OK;
}

static int add_secret(struct popart_auth_reply *pub, struct popart_str scheme,
	struct popart_str value, struct popart_str salt, uint32_t rounds)
{
	struct reply *r = (struct reply *)(void *)pub;

	snprintf(r->scheme, sizeof(r->scheme), "%.*s", (int)scheme.len, scheme.ptr);
	snprintf(r->salt, sizeof(r->salt), "%zu", salt.len);
	r->secret_len = value.len;
	r->rounds = rounds;
	return POPART_OK;
}

static void write_over(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fchmod(fileno(f), 0600) != 0 || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static void replace(struct place *p, const char *text)
{
	char new[128];

	snprintf(new, sizeof(new), "%s.new", p->path);
	write_over(new, text);
	if (rename(new, p->path) != 0)
		abort();
}

static void place_init(struct place *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/popart-passwd.XXXXXX");
	if (!mkdtemp(p->dir))
		abort();
	snprintf(p->path, sizeof(p->path), "%s/users", p->dir);
	snprintf(p->option, sizeof(p->option), "path=%s", p->path);
}

static _Atomic int64_t passed_ms;

static int64_t later(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000 + atomic_load(&passed_ms);
}

static void begin_with(struct place *p, const char *text, const char *more)
{
	place_init(p);
	write_over(p->path, text);
	const char *options[] = { p->option, more, NULL };
	p->host = mockhost_start(popart_module_entry_passwd_file(), options, THREADS, NULL);
	if (!p->host)
		abort();
	/* The table is the mock host's, which has it where it can be written. */
	((struct popart_host *)(uintptr_t)mockhost_table(p->host))->now_ms = later;
}

static void begin(struct place *p, const char *text)
{
	begin_with(p, text, NULL);
}

static void end(struct place *p)
{
	if (p->host)
		mockhost_stop(&p->host);
	(void)unlink(p->path);
	(void)rmdir(p->dir);
}

/* As if two seconds had passed before somebody asks. */
static void look(struct place *p)
{
	struct reply r = { .pub = { .size = sizeof(r.pub), .set_attr = set_attr } };
	struct mock_call call;

	(void)atomic_fetch_add(&passed_ms, 2000);
	mock_call_begin(&call, p->host, 0, 0);
	CU_ASSERT_EQUAL(mockhost_auth(p->host)->lookup(
				mockhost_state(p->host), &call.pub, str("nobody"), &r.pub),
		POPART_R_NEXT);
	mock_call_end(&call);
}

static int check_by(struct place *p, unsigned thread, const char *user, const char *password,
	struct reply *r)
{
	struct popart_login login = { .size = sizeof(login), .user = str(user) };
	struct mock_call call;

	*r = (struct reply){ .pub = { .size = sizeof(r->pub),
				     .set_attr = set_attr,
				     .add_secret = add_secret } };
	mock_call_begin(&call, p->host, thread, 1);
	int status = mockhost_auth(p->host)->check_password(
		mockhost_state(p->host), &call.pub, &login, str(password), &r->pub);
	mock_call_end(&call);
	return status;
}

static int check(struct place *p, const char *user, const char *password)
{
	struct reply r;

	return check_by(p, 0, user, password, &r);
}

static int fetch(struct place *p, const char *user, struct reply *r)
{
	struct popart_login login = { .size = sizeof(login), .user = str(user) };
	struct mock_call call;

	*r = (struct reply){ .pub = { .size = sizeof(r->pub),
				     .set_attr = set_attr,
				     .add_secret = add_secret } };
	mock_call_begin(&call, p->host, 0, 1);
	int status = mockhost_auth(p->host)->fetch_secret(
		mockhost_state(p->host), &call.pub, &login, &r->pub);
	mock_call_end(&call);
	return status;
}

static bool logged(struct place *p, const char *part)
{
	return strstr(mockhost_log(p->host), part) != NULL;
}

static void attributes(void)
{
	struct place p;
	struct reply r;

	begin(&p,
		"anna:{PLAIN}one:7:8:Anna:/home/anna:/bin/sh:storage=fast home=/m quota=1G\n"
		"bert:{PLAIN}two\n");
	CU_ASSERT_EQUAL(check_by(&p, 0, "anna", "one", &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(
		r.attrs, "uid=7;gid=8;home=/home/anna;storage=fast;home=/m;quota=1G;");
	CU_ASSERT_EQUAL(check_by(&p, 0, "bert", "two", &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.attrs, "");
	CU_ASSERT_EQUAL(check_by(&p, 0, "anna", "two", &r), POPART_R_DENIED);
	CU_ASSERT_STRING_EQUAL(r.attrs, "");
	end(&p);
}

static void secrets(void)
{
	struct place p;
	struct reply r;

	begin(&p,
		"anna:{PLAIN.b64}b25l::::/home\n"
		"bert:{SCRAM-SHA-256}4096,yPXFhIWis+zOaaLHSFdiSQ==,"
		"KZ2WvUBKIam8I4SxBp/rWj+Auvp0ZYLPiCG4wSZbI18=,"
		"tDl+VkwzohEgFkqOmGjJcUKr9UzxilmU7A6gUQUqWcw=\n"
		"carl:" ANNA_HASH "\n");
	CU_ASSERT_EQUAL(fetch(&p, "anna", &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.scheme, "plain");
	CU_ASSERT_EQUAL(r.secret_len, 3);
	CU_ASSERT_STRING_EQUAL(r.attrs, "home=/home;");
	CU_ASSERT_EQUAL(fetch(&p, "bert", &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.scheme, "scram-sha-256");
	CU_ASSERT_EQUAL(r.secret_len, 64);
	CU_ASSERT_EQUAL(r.rounds, 4096);
	CU_ASSERT_STRING_EQUAL(r.salt, "16");
	CU_ASSERT_EQUAL(fetch(&p, "carl", &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.scheme, "");
	CU_ASSERT_EQUAL(fetch(&p, "dora", &r), POPART_R_NEXT);
	end(&p);
}

static void same_work(void)
{
	struct place p;

	begin(&p, "anna:" ANNA_HASH "\nbert:!\n");
	CU_ASSERT_EQUAL(check(&p, "anna", "wrong"), POPART_R_DENIED);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "hash-checks"), 1);
	CU_ASSERT_EQUAL(check(&p, "nobody", "wrong"), POPART_R_NEXT);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "hash-checks"), 2);
	CU_ASSERT_EQUAL(check(&p, "bert", "!"), POPART_R_DENIED);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "hash-checks"), 3);
	/* Somebody's password does not make a user of a stranger. */
	CU_ASSERT_EQUAL(check(&p, "nobody", KNOWN_PASSWORD), POPART_R_NEXT);
	CU_ASSERT_EQUAL(check(&p, "bert", KNOWN_PASSWORD), POPART_R_DENIED);
	end(&p);
	begin(&p, "");
	CU_ASSERT_EQUAL(check(&p, "nobody", ""), POPART_R_NEXT);
	CU_ASSERT(logged(&p, "WARN ") && logged(&p, ": 0 users"));
	end(&p);
}

static void remembered(void)
{
	struct place p;

	begin(&p, "anna:" ANNA_HASH "\n");
	CU_ASSERT_EQUAL(check(&p, "anna", KNOWN_PASSWORD), POPART_OK);
	CU_ASSERT_EQUAL(check(&p, "anna", KNOWN_PASSWORD), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "hash-checks"), 1);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "cache-hits"), 1);
	CU_ASSERT_EQUAL(check(&p, "anna", "wrong"), POPART_R_DENIED);
	CU_ASSERT_EQUAL(check(&p, "anna", "wrong"), POPART_R_DENIED);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "hash-checks"), 3);
	/* Written again as it was: nothing has changed. */
	replace(&p, "anna:" ANNA_HASH "\n");
	look(&p);
	CU_ASSERT_EQUAL(check(&p, "anna", KNOWN_PASSWORD), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "hash-checks"), 3);
	/* The slightest change ends what is remembered. */
	replace(&p, "anna:" ANNA_HASH "\n#\n");
	look(&p);
	CU_ASSERT_EQUAL(check(&p, "anna", KNOWN_PASSWORD), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "hash-checks"), 4);
	end(&p);
	begin_with(&p, "anna:" ANNA_HASH "\n", "auth_cache_ttl=0");
	CU_ASSERT_EQUAL(check(&p, "anna", KNOWN_PASSWORD), POPART_OK);
	CU_ASSERT_EQUAL(check(&p, "anna", KNOWN_PASSWORD), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "hash-checks"), 2);
	end(&p);
}

static void changes(void)
{
	struct place p;

	begin(&p, "anna:{PLAIN}one\nbert:{PLAIN}b\n");
	CU_ASSERT_EQUAL(check(&p, "anna", "one"), POPART_OK);
	replace(&p, "anna:{PLAIN}two\ncarl:{PLAIN}c\n");
	look(&p);
	CU_ASSERT_EQUAL(check(&p, "anna", "one"), POPART_R_DENIED);
	CU_ASSERT_EQUAL(check(&p, "anna", "two"), POPART_OK);
	CU_ASSERT_EQUAL(check(&p, "bert", "b"), POPART_R_NEXT);
	CU_ASSERT_EQUAL(check(&p, "carl", "c"), POPART_OK);
	/* In place, of the same size, within one tick of the clock. */
	for (int i = 0; i < 50; i++) {
		write_over(p.path, i % 2 ? "anna:{PLAIN}two\n" : "anna:{PLAIN}six\n");
		look(&p);
		CU_ASSERT_EQUAL(check(&p, "anna", i % 2 ? "two" : "six"), POPART_OK);
		CU_ASSERT_EQUAL(check(&p, "anna", i % 2 ? "six" : "two"), POPART_R_DENIED);
	}
	/* Replaced by another of the same size, without being told, and at once. */
	for (int i = 0; i < 50; i++) {
		replace(&p, i % 2 ? "anna:{PLAIN}two\n" : "anna:{PLAIN}six\n");
		CU_ASSERT_EQUAL(check(&p, "anna", i % 2 ? "two" : "six"), POPART_OK);
		CU_ASSERT_EQUAL(check(&p, "anna", i % 2 ? "six" : "two"), POPART_R_DENIED);
	}
	end(&p);
}

/* The path is a link, and the link that changes; what it leads to is old. */
static void links(void)
{
	char one[128], two[128], new[128];
	struct place p;

	begin(&p, "anna:{PLAIN}one\n");
	snprintf(one, sizeof(one), "%s.1", p.path);
	snprintf(two, sizeof(two), "%s.2", p.path);
	snprintf(new, sizeof(new), "%s.new", p.path);
	write_over(one, "anna:{PLAIN}one\n");
	write_over(two, "anna:{PLAIN}two\n");
	(void)usleep(150000);
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(symlink(i % 2 ? one : two, new), 0);
		CU_ASSERT_EQUAL(rename(new, p.path), 0);
		CU_ASSERT_EQUAL(check(&p, "anna", i % 2 ? "one" : "two"), POPART_OK);
		CU_ASSERT_EQUAL(check(&p, "anna", i % 2 ? "two" : "one"), POPART_R_DENIED);
	}
	CU_ASSERT(unlink(one) == 0 && unlink(two) == 0);
	end(&p);
}

static size_t count_logged(struct place *p, const char *part)
{
	size_t n = 0;

	for (const char *at = mockhost_log(p->host); (at = strstr(at, part)) != NULL; at++)
		n++;
	return n;
}

static void vanishes(void)
{
	struct place p;

	begin(&p, "anna:{PLAIN}one\n");
	CU_ASSERT_EQUAL(unlink(p.path), 0);
	for (int i = 0; i < 3; i++) {
		look(&p);
		CU_ASSERT_EQUAL(check(&p, "anna", "one"), POPART_OK);
	}
	CU_ASSERT_EQUAL(count_logged(&p, "cannot be opened: No such file"), 1);
	CU_ASSERT_EQUAL(count_logged(&p, "stays in force"), 1);
	CU_ASSERT_EQUAL(mkdir(p.path, 0700), 0);
	look(&p);
	CU_ASSERT_EQUAL(check(&p, "anna", "one"), POPART_OK);
	CU_ASSERT_EQUAL(count_logged(&p, "is not a regular file"), 1);
	CU_ASSERT_EQUAL(rmdir(p.path), 0);
	write_over(p.path, "anna:{PLAIN}two\n");
	look(&p);
	CU_ASSERT_EQUAL(check(&p, "anna", "two"), POPART_OK);
	CU_ASSERT_EQUAL(count_logged(&p, "can be read again"), 1);
	end(&p);
}

static void no_start(void)
{
	struct place p;

	place_init(&p);
	const char *options[] = { p.option, NULL };
	CU_ASSERT_PTR_NULL(
		mockhost_start(popart_module_entry_passwd_file(), options, THREADS, NULL));
	CU_ASSERT_EQUAL(mkfifo(p.path, 0600), 0);
	CU_ASSERT_PTR_NULL(
		mockhost_start(popart_module_entry_passwd_file(), options, THREADS, NULL));
	CU_ASSERT_EQUAL(unlink(p.path), 0);
	write_over(p.path, "");
	CU_ASSERT_EQUAL(truncate(p.path, (64 << 20) + 1), 0);
	CU_ASSERT_PTR_NULL(
		mockhost_start(popart_module_entry_passwd_file(), options, THREADS, NULL));
	p.host = NULL;
	end(&p);
	CU_ASSERT_PTR_NULL(
		mockhost_start(popart_module_entry_passwd_file(), NULL, THREADS, NULL));
}

static void complaints(void)
{
	char text[4096] = "";
	struct place p;
	size_t n = 0;

	for (int i = 0; i < 25; i++)
		n += (size_t)sprintf(text + n, "broken%d\n", i);
	n += (size_t)sprintf(text + n, "anna:" ANNA_HASH "\nbert:VMsvUTvfrCp9s\n");
	begin(&p, text);
	CU_ASSERT_EQUAL(check(&p, "anna", KNOWN_PASSWORD), POPART_OK);
	CU_ASSERT(logged(&p, "/users:1: there is no \":\""));
	CU_ASSERT(logged(&p, "/users:20: "));
	CU_ASSERT_FALSE(logged(&p, "/users:21: "));
	CU_ASSERT(logged(&p, "5 more lines are left out"));
	CU_ASSERT_EQUAL(count_logged(&p, "with 2 of 2 users, the first of them in line 26"), 1);
	CU_ASSERT(logged(&p, "/users: 2 users"));
	CU_ASSERT_FALSE(logged(&p, "mode"));
	write_over(p.path, "anna:{PLAIN}one\n");
	CU_ASSERT_EQUAL(chmod(p.path, 0644), 0);
	look(&p);
	CU_ASSERT(logged(&p, "WARN ") && logged(&p, "/users: mode 644 lets others at it"));
	/* No line shows what is in the file. */
	CU_ASSERT_FALSE(logged(&p, "821sSnoZ"));
	CU_ASSERT_FALSE(logged(&p, "broken"));
	end(&p);
}

static int collect(void *ctx, struct popart_str user)
{
	char *names = ctx;

	strncat(names, user.ptr, user.len);
	strcat(names, " ");
	return strstr(names, "carl") != NULL;
}

static void listed(void)
{
	char names[64] = "";
	struct mock_call call;
	struct place p;

	begin(&p, "anna:{PLAIN}a\nbert:*\ncarl:{PLAIN}c\ndora:{PLAIN}d\n");
	mock_call_begin(&call, p.host, 0, 0);
	CU_ASSERT_EQUAL(mockhost_auth(p.host)->iterate(
				mockhost_state(p.host), &call.pub, names, collect),
		POPART_OK);
	CU_ASSERT_STRING_EQUAL(names, "anna bert carl ");
	mockhost_stop_at(p.host, 1);
	CU_ASSERT_EQUAL(mockhost_auth(p.host)->iterate(
				mockhost_state(p.host), &call.pub, names, collect),
		POPART_E_CANCELLED);
	mock_call_end(&call);
	end(&p);
}

struct crowd {
	struct place *place;
	unsigned thread;
	unsigned wrong;
	atomic_bool *done;
};

/* Whichever of the two files is in force, one password is right. */
static void *log_in(void *arg)
{
	struct crowd *c = arg;

	while (!atomic_load(c->done)) {
		struct reply r;
		int one = check_by(c->place, c->thread, "anna", "one", &r);
		int two = check_by(c->place, c->thread, "anna", "two", &r);
		int bert = check_by(c->place, c->thread, "bert", "b", &r);
		c->wrong += one != POPART_OK && one != POPART_R_DENIED;
		c->wrong += two != POPART_OK && two != POPART_R_DENIED;
		c->wrong += bert != POPART_OK;
	}
	return NULL;
}

static void under_readers(void)
{
	struct crowd crowd[THREADS];
	pthread_t threads[THREADS];
	atomic_bool done = false;
	struct place p;

	begin(&p, "anna:{PLAIN}one\nbert:{PLAIN}b\n");
	for (unsigned i = 1; i < THREADS; i++) {
		crowd[i] = (struct crowd){ .place = &p, .thread = i, .done = &done };
		CU_ASSERT_EQUAL(pthread_create(&threads[i], NULL, log_in, &crowd[i]), 0);
	}
	for (int i = 0; i < 300; i++) {
		replace(&p,
			i % 2 ? "anna:{PLAIN}one\nbert:{PLAIN}b\n"
			      : "bert:{PLAIN}b\nanna:{PLAIN}two\n");
		look(&p);
	}
	atomic_store(&done, true);
	for (unsigned i = 1; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(crowd[i].wrong, 0);
	}
	look(&p);
	CU_ASSERT_EQUAL(check(&p, "anna", "one"), POPART_OK);
	end(&p);
}

CU_TestInfo file_tests[] = {
	{ "attributes", attributes },
	{ "secrets for a challenge", secrets },
	{ "a wrong password, no user and a locked one cost the same", same_work },
	{ "a password that was right is remembered, as long as the file is the same",
		remembered },
	{ "a change is seen, however small and quick", changes },
	{ "a link that comes to lead elsewhere", links },
	{ "a file that vanishes: what was read stays, one line in the log", vanishes },
	{ "no file, no start", no_start },
	{ "broken lines are told with their number, and legacy hashes", complaints },
	{ "the list of users", listed },
	{ "replaced again and again under four threads", under_readers },
	CU_TEST_INFO_NULL,
};
