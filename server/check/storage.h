/* SPDX-License-Identifier: MIT */
#ifndef CHECK_STORAGE_H
#define CHECK_STORAGE_H
/* The tests that suite_storage consists of, a table for each subject. */
#include "check/scene.h"

extern const struct store_test list_tests[], uid_tests[], source_tests[], commit_tests[],
	meddling_tests[], delivery_tests[], lock_tests[], thread_tests[], limit_tests[],
	leak_tests[], kill_tests[], look_tests[], volume_tests[];

/* Names of users that no store has reasons to refuse. */
#define USER_A "anna"
#define USER_B "bert@example.org"

#endif
