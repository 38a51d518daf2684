/* SPDX-License-Identifier: MIT */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
/* Time, as the server uses it. */
#include <stdint.h>

int64_t clock_ms(void);      /* monotonic; never goes back              */
int64_t clock_us(void);      /* the same clock, finer                   */
int64_t clock_ns(void);      /* and finer still                         */
int64_t clock_unix_ms(void); /* wall clock since 1970, for logs and stamps */

#endif
