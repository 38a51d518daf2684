/* SPDX-License-Identifier: MIT */
#include "worker/probe.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "suites.h"

static bool is_main(const void *ctx, const char *path)
{
	(void)ctx;
	return *path == '\0';
}

struct waiting {
	struct board_thread note;
	struct where *_Atomic where;
	struct probe *probe;
	_Atomic bool ready, leave;
};

/* Waits in the kernel, as somebody who waits for a disk does. */
static void *wait_there(void *arg)
{
	struct waiting *w = arg;

	w->probe = probe_new(&w->note, &w->where);
	atomic_store(&w->ready, true);
	while (!atomic_load(&w->leave))
		(void)usleep(1000);
	probe_leave(w->probe);
	return NULL;
}

static void who_is_asked_answers(void)
{
	struct waiting w = { .note = { .what = "mail.open", .user = "bob" } };
	struct where *where = where_new(is_main, NULL);
	struct probe_answer answer = { .where = "" };
	pthread_t thread;

	CU_ASSERT_PTR_NOT_NULL_FATAL(where);
	atomic_init(&w.where, where);
	probe_install();
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_there, &w), 0);
	while (!atomic_load(&w.ready))
		(void)sched_yield();
	for (int i = 0; i < 20; i++) {
		probe_ask(w.probe);
		while (!probe_answered(w.probe, &answer))
			(void)sched_yield();
		CU_ASSERT_STRING_EQUAL(answer.note.what, "mail.open");
		CU_ASSERT_STRING_EQUAL(answer.note.user, "bob");
		CU_ASSERT_PTR_NOT_NULL(strstr(answer.where, "+0x"));
	}
	atomic_store(&w.leave, true);
	CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
	probe_free(&w.probe);
	CU_ASSERT_PTR_NULL(w.probe);
	where_free(&where);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__x86_64__)
static void a_stack_that_is_broken(void)
{
	/* Crashes are the sanitizer's; and there are a few instructions of one processor. */
}
#else
/* As a thread of a library with stacks of its own might be caught: whoever walks up from
 * here runs into nothing. */
__attribute__((noinline)) static void wait_without_a_stack(struct waiting *w)
{
	__asm__ volatile("movq %%rsp, %%rbx\n\t"
			 "movq %%rbp, %%r12\n\t"
			 "movq $0x1000, %%rsp\n\t"
			 "movq $0x1000, %%rbp\n\t"
			 "movb $1, (%0)\n"
			 "1:\tpause\n\t"
			 "cmpb $0, (%1)\n\t"
			 "je 1b\n\t"
			 "movq %%r12, %%rbp\n\t"
			 "movq %%rbx, %%rsp"
			 :
			 : "r"(&w->ready), "r"(&w->leave)
			 : "rbx", "r12", "memory", "cc");
}

static void *lose_the_stack(void *arg)
{
	struct waiting *w = arg;

	w->probe = probe_new(&w->note, &w->where);
	wait_without_a_stack(w);
	probe_leave(w->probe);
	return NULL;
}

static void a_stack_that_is_broken(void)
{
	struct waiting w = { .note = { .what = "mail.open" } };
	struct where *where = where_new(is_main, NULL);
	struct probe_answer answer = { .where = "" };
	pthread_t thread;

	CU_ASSERT_PTR_NOT_NULL_FATAL(where);
	atomic_init(&w.where, where);
	probe_install();
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, lose_the_stack, &w), 0);
	while (!atomic_load(&w.ready))
		(void)sched_yield();
	for (int i = 0; i < 3; i++) {
		probe_ask(w.probe);
		while (!probe_answered(w.probe, &answer))
			(void)sched_yield();
		CU_ASSERT_EQUAL(strncmp(answer.where, "popartd+0x", 10), 0);
	}
	atomic_store(&w.leave, true);
	CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
	probe_free(&w.probe);
	where_free(&where);
}
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static void who_crashes_says_where(void)
{
	/* Crashes are the sanitizer's. */
}
#else
/* In memory that outlives the child. */
static void who_crashes_says_where(void)
{
	struct waiting *w = mmap(
		NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int *volatile nowhere = (int *)16;
	int status = 0;
	pid_t pid;

	CU_ASSERT_FATAL(w != MAP_FAILED);
	pid = fork();
	if (pid == 0) {
		atomic_init(&w->where, where_new(is_main, NULL));
		atomic_store(&w->note.since_ms, 42);
		probe_install();
		if (probe_new(&w->note, &w->where))
			*nowhere = 1;
		_exit(1);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	CU_ASSERT_EQUAL(atomic_load(&w->note.signal), SIGSEGV);
	CU_ASSERT_EQUAL(atomic_load(&w->note.placed_ms), 42);
	CU_ASSERT_EQUAL(strncmp(w->note.where, "popartd+0x", 10), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(w->note.where, ", address 0x10"));
	(void)munmap(w, sizeof(*w));
}
#endif

CU_TestInfo probe_tests[] = {
	{ "who is asked answers, and goes on", who_is_asked_answers },
	{ "who is asked with a broken stack answers, too", a_stack_that_is_broken },
	{ "who crashes says where, and dies of it", who_crashes_says_where },
	CU_TEST_INFO_NULL,
};
