/* SPDX-License-Identifier: MIT */
#include "ctl/names.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define NAMES_MAX ((size_t)1 << 24)

static void add(struct names *names, struct popart_str name)
{
	if (names->n == names->cap) {
		size_t cap = names->cap ? names->cap * 2 : 64;
		char **v = cap <= NAMES_MAX ? realloc(names->v, cap * sizeof(*v)) : NULL;

		if (!v) {
			names->failed = true;
			return;
		}
		names->v = v;
		names->cap = cap;
	}
	names->v[names->n] = strndup(name.ptr, name.len);
	if (names->v[names->n])
		names->n++;
	else
		names->failed = true;
}

static int each(void *ctx, struct popart_str user)
{
	struct names *names = ctx;

	add(names, user);
	return names->failed;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Two auth modules may both know somebody. */
static void sort(struct names *names)
{
	size_t out = 0;

	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), by_name);
	for (size_t i = 0; i < names->n; i++) {
		if (out && strcmp(names->v[out - 1], names->v[i]) == 0)
			free(names->v[i]);
		else
			names->v[out++] = names->v[i];
	}
	names->n = out;
}

static int take_all(struct names *names, struct ctl *c)
{
	struct host_call call;
	int status, exit_status = CTL_OK;

	host_call_begin(&call, c->host, 0, 0, INT64_MAX);
	status = host_auth_iterate(&call, names, each);
	if (status != POPART_OK)
		exit_status = ctl_fail_call(&call, status, "--all");
	host_call_end(&call);
	sort(names);
	return exit_status;
}

static int take_lines(struct names *names)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int status = CTL_OK;

	while (!names->failed && (n = getline(&line, &cap, stdin)) >= 0) {
		struct popart_str name = view_of(line, (size_t)n);

		while (name.len && (line[name.len - 1] == '\n' || line[name.len - 1] == '\r'))
			name.len--;
		if (view_has(name, '\0'))
			status = ctl_fail(CTL_USAGE, "standard input: a name with a NUL in it");
		else if (name.len)
			add(names, name);
	}
	if (ferror(stdin))
		status =
			ctl_fail(CTL_FAILED, "cannot read standard input: %s", strerror(errno));
	free(line);
	return status;
}

int names_take(struct names *names, struct ctl *c)
{
	bool all = ctl_value(c, "all") != NULL;
	int status = CTL_OK;

	*names = (struct names){ 0 };
	if (all == (c->noperands > 0))
		return ctl_fail(CTL_USAGE,
			"%s: name users (\"-\": a name a line on standard input), or --all; "
			"not both",
			c->command->words);
	if (all)
		status = take_all(names, c);
	for (size_t i = 0; i < c->noperands && status == CTL_OK; i++) {
		if (strcmp(c->operands[i], "-") == 0)
			status = take_lines(names);
		else
			add(names, view_str(c->operands[i]));
	}
	if (names->failed && status == CTL_OK)
		status = ctl_fail(CTL_FAILED, "out of memory");
	return status;
}

void names_free(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
	*names = (struct names){ 0 };
}
