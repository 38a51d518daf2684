/* SPDX-License-Identifier: MIT */
#include "worker/probe.h"
#include <errno.h>
#include <execinfo.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define MAGIC      UINT64_C(0x65626f7250504f50)
#define FRAMES     32
#define STACK_SIZE (48u << 10) /* what no other alternate stack has, by chance */

struct probe {
	uint64_t magic;
	pid_t pid; /* not that of a child, which may have our memory, and our note */
	pthread_t thread;
	struct board_thread *note;
	struct where *const _Atomic *where;
	_Atomic uint32_t asked, answered;
	struct board_thread copy;
	volatile sig_atomic_t looking; /* a crash is then one of looking */
	sigjmp_buf escape;
	size_t n;
	uintptr_t frames[FRAMES];
};
/* A probe, then the stack. */
#define HEAD_SIZE (4u << 10)
_Static_assert(sizeof(struct probe) <= HEAD_SIZE, "a probe is below its stack");

static uintptr_t code_address(const ucontext_t *u)
{
#if defined(__x86_64__)
	return (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__i386__)
	return (uintptr_t)u->uc_mcontext.gregs[REG_EIP];
#elif defined(__aarch64__)
	return (uintptr_t)u->uc_mcontext.pc;
#elif defined(__riscv)
	return (uintptr_t)u->uc_mcontext.__gregs[REG_PC];
#else
	(void)u;
	return 0;
#endif
}

/*
 * glibc's unwinder takes no lock and allocates nothing once it is loaded (probe_install). If
 * the stack is broken so that it stumbles, the innermost address has to do.
 */
static void take_frames(struct probe *p, const ucontext_t *u)
{
	uintptr_t at = code_address(u);
	void *stack[FRAMES];
	volatile int n = 0;
	int first = 0;

	p->frames[0] = at;
	p->n = at ? 1 : 0;
	p->looking = 1;
	if (sigsetjmp(p->escape, 1) == 0)
		n = backtrace(stack, FRAMES);
	else
		n = 0;
	p->looking = 0;
	/* The handler's own frames come first. */
	while (first < n && (uintptr_t)stack[first] != at)
		first++;
	for (int i = first + 1; i < n; i++)
		p->frames[p->n++] = (uintptr_t)stack[i];
}

/* --- who asks ---------------------------------------------------------------------------- */

static void on_ask(int number UNUSED, siginfo_t *info, void *context)
{
	struct probe *p = info->si_value.sival_ptr;
	int error = errno;
	uint32_t asked;

	if (info->si_code != SI_QUEUE || info->si_pid != getpid())
		return;
	asked = atomic_load_explicit(&p->asked, memory_order_acquire);
	/* This thread itself writes its note: nobody changes it meanwhile. */
	memcpy((void *)&p->copy, (const void *)p->note, sizeof(p->copy));
	take_frames(p, context);
	atomic_store_explicit(&p->answered, asked, memory_order_release);
	errno = error;
}

void probe_ask(struct probe *p)
{
	const union sigval value = { .sival_ptr = p };

	/* What was read of the answer before was, before the next one is written. */
	atomic_fetch_add_explicit(&p->asked, 1, memory_order_release);
	(void)pthread_sigqueue(p->thread, PROBE_SIGNAL, value);
}

bool probe_answered(const struct probe *p, struct probe_answer *a)
{
	const struct where *where = atomic_load_explicit(p->where, memory_order_acquire);

	if (atomic_load_explicit(&p->answered, memory_order_acquire) !=
		atomic_load_explicit(&p->asked, memory_order_relaxed))
		return false;
	memcpy((void *)&a->note, (const void *)&p->copy, sizeof(a->note));
	where_write(where, p->frames, p->n, NULL, a->where, sizeof(a->where));
	return true;
}

__attribute__((no_sanitize_thread)) void probe_peek(
	const struct probe *p, struct board_thread *copy)
{
	_Static_assert(sizeof(*copy) % sizeof(uint64_t) == 0, "a note is copied by words");
	const uint64_t *from = (const void *)p->note;
	uint64_t *to = (void *)copy;

	for (size_t i = 0; i < sizeof(*copy) / sizeof(*from); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

pthread_t probe_thread(const struct probe *p)
{
	return p->thread;
}

/* --- who dies ---------------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static void catch_crashes(void)
{
}
#else
/* NULL: not one of our threads, or it has made itself another alternate stack. */
static struct probe *find(const ucontext_t *u)
{
	const stack_t *s = &u->uc_stack;
	struct probe *p;

	if ((s->ss_flags & SS_DISABLE) || s->ss_size != STACK_SIZE)
		return NULL;
	p = (struct probe *)(void *)((char *)s->ss_sp - HEAD_SIZE);
	return p->magic == MAGIC && p->pid == getpid() ? p : NULL;
}

static void write_note(struct probe *p, const uintptr_t *touched)
{
	struct board_thread *note = p->note;

	where_write(atomic_load_explicit(p->where, memory_order_acquire), p->frames, p->n,
		touched, note->where, sizeof(note->where));
	atomic_store_explicit(&note->placed_ms,
		atomic_load_explicit(&note->since_ms, memory_order_relaxed),
		memory_order_relaxed);
}

static void on_crash(int number, siginfo_t *info, void *context)
{
	struct probe *p = find(context);
	uintptr_t at = (uintptr_t)info->si_addr;
	bool sent = info->si_code <= 0; /* by somebody; abort() does, too */
	const uintptr_t *touched =
		!sent && (number == SIGSEGV || number == SIGBUS) ? &at : NULL;

	if (p && p->looking && !sent)
		siglongjmp(p->escape, 1);
	(void)signal(number, SIG_DFL);
	if (p) {
		atomic_store(&p->note->signal, (uint32_t)number);
		/* First what is certain: the stack may be what is broken. */
		p->frames[0] = code_address(context);
		p->n = 1;
		write_note(p, touched);
		take_frames(p, context);
		write_note(p, touched);
	}
	/* Else the same instruction does it again, and the core dump is of it. */
	if (sent)
		(void)raise(number);
}

static void catch_crashes(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	struct sigaction action = { .sa_sigaction = on_crash,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
		(void)sigaction(fatal[i], &action, NULL);
}
#endif

/* --- life -------------------------------------------------------------------------------- */

void probe_install(void)
{
	struct sigaction action = { .sa_sigaction = on_ask,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	void *one[1];

	(void)backtrace(one, 1); /* loads the unwinder */
	sigemptyset(&action.sa_mask);
	(void)sigaction(PROBE_SIGNAL, &action, NULL);
	catch_crashes();
}

struct probe *probe_new(struct board_thread *note, struct where *const _Atomic *where)
{
	char *room = mmap(NULL, HEAD_SIZE + STACK_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_size = STACK_SIZE };
	struct probe *p;

	if (room == MAP_FAILED)
		return NULL;
	p = (struct probe *)(void *)room;
	*p = (struct probe){
		.magic = MAGIC,
		.pid = getpid(),
		.thread = pthread_self(),
		.note = note,
		.where = where,
	};
	stack.ss_sp = room + HEAD_SIZE;
	(void)sigaltstack(&stack, NULL);
	return p;
}

void probe_leave(const struct probe *p UNUSED)
{
	const stack_t none = { .ss_flags = SS_DISABLE };

	(void)sigaltstack(&none, NULL);
}

void probe_free(struct probe **pp)
{
	if (!*pp)
		return;
	(void)munmap(*pp, HEAD_SIZE + STACK_SIZE);
	*pp = NULL;
}
