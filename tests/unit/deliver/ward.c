/* SPDX-License-Identifier: MIT */
#include "deliver/ward.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "suites.h"

#define GRACE_MS 600000 /* longer than any test */

static enum verdict verdict(ward_work *work, int64_t grace_ms, int *signal)
{
	struct deliver_outcome *out = ward_run(work, NULL, grace_ms, signal);
	enum verdict v = VERDICTS;

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	v = (enum verdict)atomic_load(&out->verdict);
	ward_free(&out);
	CU_ASSERT_PTR_NULL(out);
	return v;
}

static void succeed(void *ctx, struct deliver_outcome *out, int wake)
{
	(void)ctx;
	(void)wake;
	atomic_store(&out->verdict, VERDICT_DELIVERED);
}

static void leave(void *ctx, struct deliver_outcome *out, int wake)
{
	(void)ctx;
	(void)out;
	(void)wake;
	_exit(0);
}

static void die(void *ctx, struct deliver_outcome *out, int wake)
{
	(void)ctx;
	(void)out;
	(void)wake;
	(void)raise(SIGKILL);
}

static void succeed_and_die(void *ctx, struct deliver_outcome *out, int wake)
{
	succeed(ctx, out, wake);
	die(ctx, out, wake);
}

static void only_what_was_said_counts(void)
{
	int signal = -1;

	CU_ASSERT_EQUAL(verdict(succeed, GRACE_MS, &signal), VERDICT_DELIVERED);
	CU_ASSERT_EQUAL(signal, 0);
	CU_ASSERT_EQUAL(verdict(leave, GRACE_MS, &signal), VERDICT_DIED);
	CU_ASSERT_EQUAL(signal, 0);
	CU_ASSERT_EQUAL(verdict(die, GRACE_MS, &signal), VERDICT_DIED);
	CU_ASSERT_EQUAL(signal, SIGKILL);
	/* The message is there to stay, and must not come twice. */
	CU_ASSERT_EQUAL(verdict(succeed_and_die, GRACE_MS, &signal), VERDICT_DELIVERED);
	CU_ASSERT_EQUAL(signal, SIGKILL);
}

/* Has its parent stopped, and listens. */
static void listen_for_stop(void *ctx, struct deliver_outcome *out, int wake)
{
	struct pollfd fd = { .fd = wake, .events = POLLIN };

	(void)ctx;
	(void)kill(getppid(), SIGTERM);
	if (poll(&fd, 1, -1) == 1 && atomic_load(&out->stopping))
		atomic_store(&out->verdict, VERDICT_STOPPED);
}

static void ignore_stop(void *ctx, struct deliver_outcome *out, int wake)
{
	(void)ctx;
	(void)out;
	(void)wake;
	(void)kill(getppid(), SIGINT);
	for (;;)
		(void)pause();
}

static void signals_are_passed_on(void)
{
	int signal = -1;

	CU_ASSERT_EQUAL(verdict(listen_for_stop, GRACE_MS, &signal), VERDICT_STOPPED);
	CU_ASSERT_EQUAL(signal, 0);
	CU_ASSERT_EQUAL(verdict(ignore_stop, 20, &signal), VERDICT_DIED);
	CU_ASSERT_EQUAL(signal, SIGKILL);
}

CU_TestInfo ward_tests[] = {
	{ "only what was said counts, however the process ends", only_what_was_said_counts },
	{ "signals ask to stop; who does not is killed", signals_are_passed_on },
	CU_TEST_INFO_NULL,
};
