/* SPDX-License-Identifier: MIT */
#ifndef BASE_LOG_LINES_H
#define BASE_LOG_LINES_H
/* Numbered lines, for tests of what happens to lines on their way. */
#include "base/log.h"

/* A line with the number, some of them urgent. */
void log_number(struct log *, uint64_t n);
/* Numbers rise, nothing is torn, and what is missing of so many lines is counted. */
void check_numbers(struct popart_str text, uint64_t logged);

#endif
