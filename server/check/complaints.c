/* SPDX-License-Identifier: MIT */
#include "check/complaints.h"
#include <stdio.h>
#include <string.h>

static void note_problem(struct popart_check *pub, struct popart_str text)
{
	struct complaints *c = (struct complaints *)pub;
	size_t len = strlen(c->text);

	c->n++;
	snprintf(c->text + len, sizeof(c->text) - len, "%.*s\n", (int)text.len, text.ptr);
}

static void note_progress(struct popart_check *pub, uint64_t done, uint64_t total)
{
	struct complaints *c = (struct complaints *)pub;

	c->backwards = c->backwards || done < c->done || done > total;
	c->done = done;
	c->total = total;
	c->steps++;
}

int complaints_ask(struct complaints *c, struct mockhost *host, const struct popart_user *user)
{
	struct mock_call call;
	int status;

	*c = (struct complaints){ .pub = { .size = sizeof(c->pub),
					  .problem = note_problem,
					  .progress = note_progress } };
	mock_call_begin(&call, host, 0, 0);
	mock_call_named(&call, "check");
	status = mockhost_storage(host)->check(mockhost_state(host), &call.pub, user, &c->pub);
	mock_call_end(&call);
	return status;
}

bool complaints_have(const struct complaints *c, const char *part)
{
	if (strstr(c->text, part))
		return true;
	printf("# not \"%s\", but: %s\n", part, c->text);
	return false;
}
