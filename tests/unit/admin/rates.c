/* SPDX-License-Identifier: MIT */
#include "admin/rates.h"
#include <sys/mman.h>
#include <unistd.h>
#include "suites.h"

static struct board *make(struct scene *s)
{
	const struct board_shape shape = { .workers = 1, .threads = 1, .slots = 1 };
	struct board *b;
	int fd;

	b = board_create(&shape, &fd);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	(void)close(fd);
	*s = (struct scene){ .n = 1, .started_ms = 1000, .now_ms = 1000 };
	s->generations[0] = (struct scene_generation){ .number = 1, .board = b };
	return b;
}

static int memory(void)
{
	int fd = memfd_create("history", MFD_CLOEXEC);

	CU_ASSERT_EQUAL_FATAL(ftruncate(fd, RATES_SIZE), 0);
	return fd;
}

static double rate(const struct rates *r, struct scene *s, size_t window, const char *name)
{
	json_t *all = rates_show(r, s);
	double value = json_number_value(json_object_get(json_array_get(all, window), name));

	json_decref(all);
	return value;
}

static void windows_forget(void)
{
	struct scene s;
	struct board *b = make(&s);
	int fd = memory();
	struct rates *r = rates_open(fd, &s);

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	/* Ten logins a second for a minute, then none for another. */
	for (int i = 0; i < 120; i++, s.now_ms += 1000) {
		(void)rates_sample(r, &s);
		if (i < 60)
			board_count(b, 0, 0, BOARD_LOGINS, 10);
	}
	CU_ASSERT_DOUBLE_EQUAL(rate(r, &s, 0, "logins_per_s"), 0, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(rate(r, &s, 1, "logins_per_s"), 5, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(rate(r, &s, 1, "measured_s"), 120, 0.01);
	for (int i = 0; i < 2000; i++, s.now_ms += 1000)
		(void)rates_sample(r, &s);
	CU_ASSERT_DOUBLE_EQUAL(rate(r, &s, 2, "logins_per_s"), 0, 0.01);
	CU_ASSERT(rate(r, &s, 2, "measured_s") > 890 && rate(r, &s, 2, "measured_s") <= 900);
	rates_close(&r);
	board_unmap(&b);
	(void)close(fd);
}

/* Another process goes on with it; totals never go back. */
static void it_outlives_its_process(void)
{
	struct scene s;
	struct board *b = make(&s);
	int fd = memory();
	struct rates *r = rates_open(fd, &s);

	board_count(b, 0, 0, BOARD_LOGINS, 100);
	CU_ASSERT_EQUAL(scene_total(&s, BOARD_LOGINS), 100);
	rates_close(&r);
	s.n = 0;
	s.floor = NULL;
	s.now_ms += 10000;
	r = rates_open(fd, &s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(scene_total(&s, BOARD_LOGINS), 100);
	CU_ASSERT_DOUBLE_EQUAL(rate(r, &s, 0, "logins_per_s"), 10, 0.01);
	rates_close(&r);
	board_unmap(&b);
	(void)close(fd);
}

CU_TestInfo rates_tests[] = {
	{ "windows forget", windows_forget },
	{ "it outlives its process", it_outlives_its_process },
	CU_TEST_INFO_NULL,
};
