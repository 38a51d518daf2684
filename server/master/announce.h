/* SPDX-License-Identifier: MIT */
#ifndef MASTER_ANNOUNCE_H
#define MASTER_ANNOUNCE_H
/* The server's life, as `systemctl status` shows it: which words of sd_notify(3) go with
 * which of its turns. */
#include "master/generation.h"
#include "master/notify.h"

/* Workers are started, which may take so long. */
void announce_start(const struct notify *, int64_t patience_ms);
/* Every worker of this generation is ready: at a start, and at the end of a reload. */
void announce_ready(const struct notify *, const struct generation *);
/* The number of its workers is another one. */
void announce_workers(const struct notify *, const struct generation *);
/* The configuration is being read again. announce_ready ends it, with the new generation,
 * or with the old one if the new one was no good. */
void announce_reload(const struct notify *);
/* We are leaving, which may take so long. */
void announce_stop(const struct notify *, int64_t patience_ms);
/* There will be no start. why: lines; the first that is no warning is shown. */
void announce_failure(const struct notify *, struct popart_str why);

#endif
