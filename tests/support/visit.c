/* SPDX-License-Identifier: MIT */
#include "support/visit.h"

int visit_begin(struct mockhost *host, const struct popart_user *user, struct mock_call *call,
	void **drop, struct mock_list *list)
{
	const struct popart_storage_ops *ops = mockhost_storage(host);
	int status;

	mock_call_begin(call, host, 0, 1);
	status = ops->open(mockhost_state(host), &call->pub, user, drop);
	if (status == POPART_OK)
		status = ops->list(*drop, &call->pub, &list->sink);
	if (status != POPART_OK)
		visit_end(host, call, drop, list);
	return status;
}

void visit_end(
	struct mockhost *host, struct mock_call *call, void **drop, struct mock_list *list)
{
	if (*drop)
		mockhost_storage(host)->close(*drop, &call->pub);
	*drop = NULL;
	mock_call_end(call);
	mock_list_free(list);
}

int visit_deliver(struct mockhost *host, const struct popart_user *user,
	const struct popart_delivery *about, const void *data, size_t n, size_t piece)
{
	const struct popart_storage_ops *ops = mockhost_storage(host);
	struct mock_call call;
	void *dlv;
	int status;

	mock_call_begin(&call, host, 0, 0);
	status = ops->deliver_begin(mockhost_state(host), &call.pub, user, about, &dlv);
	if (status)
		goto out;
	for (size_t at = 0; at < n && !status; at += piece) {
		size_t part = n - at < piece ? n - at : piece;

		status = ops->deliver_write(dlv, &call.pub, (const char *)data + at, part);
	}
	if (status)
		ops->deliver_abandon(dlv, &call.pub);
	else
		status = ops->deliver_finish(dlv, &call.pub);
out:
	mock_call_end(&call);
	return status;
}
