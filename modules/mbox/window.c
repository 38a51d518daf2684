/* SPDX-License-Identifier: MIT */
#include "window.h"
#include "io.h"

#include <errno.h>
#include <stdlib.h>

int window_begin(struct window *w, int fd)
{
	*w = (struct window){ .fd = fd, .buf = malloc(WINDOW_MOST), .next = WINDOW_LEAST };
	return w->buf ? 0 : ENOMEM;
}

void window_end(struct window *w)
{
	free(w->buf);
	w->buf = NULL;
}

static int fill(struct window *w, uint64_t offset)
{
	if (offset - w->at > w->n || w->n == 0)
		w->next = WINDOW_LEAST;
	else if (w->next < WINDOW_MOST)
		w->next *= 2;
	w->at = offset;
	return io_read_some(w->fd, w->buf, w->next, offset, &w->n);
}

int window_see(
	struct window *w, uint64_t offset, size_t wanted, const unsigned char **p, size_t *n)
{
	int error = 0;

	/* What is before the window is far away, too. */
	if (offset - w->at > w->n || w->n - (offset - w->at) < wanted)
		error = fill(w, offset);
	*p = w->buf + (offset - w->at);
	*n = error ? 0 : w->n - (size_t)(offset - w->at);
	return error;
}
