/* SPDX-License-Identifier: MIT */
#ifndef WEB_PAGE_H
#define WEB_PAGE_H
/* The files of the page, as embed.sh makes them part of the binary. */
#include <stddef.h>

struct page_file {
	const char *name; /* "app.js"; NULL ends the table */
	const char *type; /* the media type                */
	const unsigned char *data;
	size_t size;
};
extern const struct page_file page_files[];

#endif
