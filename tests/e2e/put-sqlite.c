/* SPDX-License-Identifier: MIT */
/*
 * put-sqlite PATH USER [TAG COUNT]: delivers the message on standard input with the store
 * sqlite, once as it is, or COUNT times with a line "X-Number: TAG-N" in front. Each number
 * is printed when its delivery is promised.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "check/mockhost.h"

const struct popart_module *popart_module_entry_sqlite(void);

struct sender {
	struct mockhost *host;
	struct popart_user user;
};

static int write_all(const struct popart_storage_ops *ops, void *dlv, struct mock_call *call)
{
	static char buf[65536];
	int status = POPART_OK;
	ssize_t n;

	if (lseek(0, 0, SEEK_SET) != 0)
		return POPART_E_IO;
	while (!status && (n = read(0, buf, sizeof(buf))) > 0)
		status = ops->deliver_write(dlv, &call->pub, buf, (size_t)n);
	return status;
}

static int deliver(const struct sender *s, const char *first_line)
{
	const struct popart_storage_ops *ops = mockhost_storage(s->host);
	struct popart_delivery about = { .size = sizeof(about) };
	struct mock_call call;
	void *dlv;
	int status;

	mock_call_begin(&call, s->host, 0, 0);
	status = ops->deliver_begin(mockhost_state(s->host), &call.pub, &s->user, &about, &dlv);
	if (status)
		goto out;
	status = ops->deliver_write(dlv, &call.pub, first_line, strlen(first_line));
	if (!status)
		status = write_all(ops, dlv, &call);
	if (status)
		ops->deliver_abandon(dlv, &call.pub);
	else
		status = ops->deliver_finish(dlv, &call.pub);
out:
	if (status)
		fprintf(stderr, "put-sqlite: status %d: %s\n", status, call.detail);
	mock_call_end(&call);
	return status;
}

int main(int argc, char **argv)
{
	char path[4096], line[128] = "";
	const char *const options[] = { path, "lock_timeout=60000", NULL }, *why = "";
	unsigned count = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 1;
	struct sender s;
	int status = POPART_OK;

	if (argc != 3 && argc != 5)
		return EXIT_FAILURE;
	snprintf(path, sizeof(path), "path=%s", argv[1]);
	s.user = (struct popart_user){ .size = sizeof(s.user),
		.name = { argv[2], strlen(argv[2]) } };
	s.host = mockhost_start(popart_module_entry_sqlite(), options, 1, &why);
	if (!s.host) {
		fprintf(stderr, "put-sqlite: %s\n", why);
		return EXIT_FAILURE;
	}
	for (unsigned i = 0; i < count && !status; i++) {
		if (argc == 5)
			snprintf(line, sizeof(line), "X-Number: %s-%u\n", argv[3], i);
		status = deliver(&s, line);
		if (!status && argc == 5)
			printf("%s-%u\n", argv[3], i);
		(void)fflush(stdout);
	}
	mockhost_stop(&s.host);
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
