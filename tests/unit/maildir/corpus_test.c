/* SPDX-License-Identifier: MIT */
/* Real mail: every file comes back octet by octet, under exactly the size that it has
 * after the plainest possible conversion. */
#include "unit/maildir/tests.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct mail {
	char name[256];
	unsigned char *data;
	size_t n;
};

static size_t read_corpus(struct mail *mails, size_t max)
{
	const char *srcdir = getenv("TEST_SRCDIR");
	char dir[4096], path[8192];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/tests/support/corpus", srcdir ? srcdir : ".");
	d = opendir(dir);
	while (d && (e = readdir(d)) != NULL && n < max) {
		struct mail *m = &mails[n];
		struct stat st;
		int fd;

		if (!strstr(e->d_name, "__"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		fd = open(path, O_RDONLY);
		if (fd < 0 || fstat(fd, &st) != 0)
			abort();
		snprintf(m->name, sizeof(m->name), "%s", e->d_name);
		m->n = (size_t)st.st_size;
		m->data = malloc(m->n + 1);
		if (!m->data || read(fd, m->data, m->n) != (ssize_t)m->n)
			abort();
		close(fd);
		n++;
	}
	if (d)
		closedir(d);
	return n;
}

static void all_of_it(void)
{
	static struct mail mails[1000];
	size_t n = read_corpus(mails, 1000);
	struct box b;

	CU_ASSERT_TRUE_FATAL(n >= 200);
	box_make(&b, NULL);
	for (size_t i = 0; i < n; i++) {
		char name[300];

		snprintf(name, sizeof(name), i % 2 ? "new/%s" : "cur/%s:2,S", mails[i].name);
		box_put(&b, name, mails[i].data, mails[i].n);
	}
	for (unsigned visit = 0; visit < 2; visit++) {
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL(b.list.n, n);
		for (size_t i = 0; i < n; i++) {
			const struct mock_msg *m = box_find(&b, mails[i].name);
			size_t wire_n;

			CU_ASSERT_PTR_NOT_NULL_FATAL(m);
			CU_ASSERT_EQUAL(box_get(&b, m, mails[i].data, mails[i].n), POPART_OK);
			free(mock_wire(mails[i].data, mails[i].n, &wire_n));
			CU_ASSERT_EQUAL(m->wire_size, wire_n);
		}
	}
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), (int64_t)n);
	for (size_t i = 0; i < n; i++)
		free(mails[i].data);
	box_free(&b);
}

CU_TestInfo corpus_tests[] = { { "the whole corpus", all_of_it }, CU_TEST_INFO_NULL };
