/* SPDX-License-Identifier: MIT */
#ifndef MASTER_TEMPORARY_H
#define MASTER_TEMPORARY_H
/* A directory for one test. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY "/tmp/popart-test-master.XXXXXX"

/* template: an array that holds TEMPORARY; the last of it becomes the name. */
static inline void temporary_make(char *template)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(template));
}

static inline const char *temporary_path(
	char *room, size_t size, const char *top, const char *name)
{
	CU_ASSERT_FATAL((size_t)snprintf(room, size, "%s/%s", top, name) < size);
	return room;
}

#endif
