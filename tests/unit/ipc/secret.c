/* SPDX-License-Identifier: MIT */
#include "ipc/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "suites.h"

static const char key[SECRET_TICKET_KEY] = "a ticket key of 64 octets";

static const struct secret_part parts[] = {
	{ .chain = { .ptr = "chain", .len = 5 },
		.key = { .ptr = "k\0y", .len = 3 },
		.ocsp = { .ptr = "ocsp", .len = 4 },
		.name = "/etc/one.pem" },
	{ .chain = { .ptr = "c", .len = 1 }, .name = "" },
};

static int pack(void)
{
	int fd = secret_pack(parts, ARRAY_LEN(parts), view_of(key, sizeof(key)));

	CU_ASSERT_FATAL(fd >= 0);
	return fd;
}

static void test_round(void)
{
	int fd = pack();
	struct secrets *s = secrets_open(fd);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CU_ASSERT_EQUAL(close(fd), 0); /* not needed any more */
	CU_ASSERT(view_eq(s->ticket_key, view_of(key, sizeof(key))));
	CU_ASSERT_EQUAL_FATAL(s->nparts, 2);
	for (size_t i = 0; i < 2; i++) {
		CU_ASSERT(view_eq(s->parts[i].chain, parts[i].chain));
		CU_ASSERT(view_eq(s->parts[i].key, parts[i].key));
		CU_ASSERT(view_eq(s->parts[i].ocsp, parts[i].ocsp));
		CU_ASSERT_STRING_EQUAL(s->parts[i].name, parts[i].name);
	}
	secrets_free(&s);
	CU_ASSERT_PTR_NULL(s);
	secrets_free(&s);
	fd = secret_pack(NULL, 0, view_of(key, sizeof(key)));
	s = secrets_open(fd);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->nparts, 0);
	secrets_free(&s);
	CU_ASSERT_EQUAL(close(fd), 0);
}

static void test_sealed(void)
{
	int fd = pack();

	CU_ASSERT_EQUAL(pwrite(fd, "x", 1, 0), -1);
	CU_ASSERT_EQUAL(ftruncate(fd, 0), -1);
	CU_ASSERT_EQUAL(ftruncate(fd, 1 << 20), -1);
	CU_ASSERT_EQUAL(close(fd), 0);
}

static void test_limits(void)
{
	char *big = calloc(1, SECRET_FILE_MAX + 1);
	struct secret_part part = { .name = "n" }, *many;

	CU_ASSERT_PTR_NOT_NULL_FATAL(big);
	CU_ASSERT_EQUAL(secret_pack(parts, 1, view_of(key, 63)), -1);
	CU_ASSERT_EQUAL(errno, EINVAL);
	part.chain = view_of(big, SECRET_FILE_MAX + 1);
	CU_ASSERT_EQUAL(secret_pack(&part, 1, view_of(key, sizeof(key))), -1);
	CU_ASSERT_EQUAL(errno, EFBIG);
	part.chain.len--;
	int fd = secret_pack(&part, 1, view_of(key, sizeof(key)));
	struct secrets *s = secrets_open(fd);
	CU_ASSERT_PTR_NOT_NULL(s);
	secrets_free(&s);
	CU_ASSERT_EQUAL(close(fd), 0);
	many = calloc(100, sizeof(*many));
	CU_ASSERT_PTR_NOT_NULL_FATAL(many);
	for (size_t i = 0; i < 100; i++)
		many[i] = part;
	CU_ASSERT_EQUAL(secret_pack(many, 100, view_of(key, sizeof(key))), -1);
	CU_ASSERT_EQUAL(errno, EFBIG);
	free(many);
	free(big);
}

/* The same octets in memory that may still be changed, then sealed or not. */
static int copy_of(const char *octets, size_t len, bool seal)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CU_ASSERT_FATAL(fd >= 0 && write(fd, octets, len) == (ssize_t)len);
	if (seal)
		CU_ASSERT_EQUAL(
			fcntl(fd, F_ADD_SEALS,
				F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
			0);
	return fd;
}

static bool opens(const char *octets, size_t len, bool seal)
{
	int fd = copy_of(octets, len, seal);
	struct secrets *s;

	errno = 0;
	s = secrets_open(fd);
	bool opened = s != NULL;
	if (!opened)
		CU_ASSERT_EQUAL(errno, EPROTO);
	secrets_free(&s);
	CU_ASSERT_EQUAL(close(fd), 0);
	return opened;
}

static void test_broken(void)
{
	int fd = pack();
	struct stat st;
	char good[512], bad[512];

	CU_ASSERT_EQUAL_FATAL(fstat(fd, &st), 0);
	size_t len = (size_t)st.st_size;
	CU_ASSERT_FATAL(len < sizeof(good) && pread(fd, good, len, 0) == (ssize_t)len);
	CU_ASSERT_EQUAL(close(fd), 0);
	CU_ASSERT_TRUE(opens(good, len, true));
	CU_ASSERT_FALSE(opens(good, len, false));
	for (size_t n = 0; n < len; n++)
		CU_ASSERT_FALSE(opens(good, n, true));
	CU_ASSERT_FALSE(opens(good, len + 1, true));
	/* Any octet may be wrong: it is refused, or it is one of the contents. */
	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(bad, good, len);
			bad[i] = (char)((unsigned char)bad[i] ^ (1u << bit));
			bool opened = opens(bad, len, true);
			CU_ASSERT(!opened || i >= 20);
		}
	}
	CU_ASSERT_PTR_NULL(secrets_open(-1));
}

CU_TestInfo secret_tests[] = {
	{ "what is packed comes out", test_round },
	{ "nobody can change it", test_sealed },
	{ "limits", test_limits },
	{ "what is broken is refused", test_broken },
	CU_TEST_INFO_NULL,
};
