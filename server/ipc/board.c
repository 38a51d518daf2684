/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/hash.h"
#include "ipc/board.h"

#define MAGIC         UINT64_C(0x6472616f42504f50)
#define PAGE          4096u
#define LINE          64u
#define READ_TRIES    100
#define DELAY_BUCKETS 16384u
#define DELAY_WAYS    8u /* entries of a bucket: one cache line */
#define DELAY_TRIES   8
#define TICK_MS       250 /* what the login-delay table counts in */
#define SEALS         (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

const struct board_counter_row board_counter_rows[BOARD_COUNTERS] = {
#define BOARD_COUNTER(id, name, help) { name, help },
#include "ipc/board_counters.h"
#undef BOARD_COUNTER
};

/*
 * The shared memory: a head, the login-delay table, then a part for each worker, which
 * is its head, its threads and its slots. Parts begin on a page, threads on a cache line.
 */
struct shared_head {
	uint64_t magic;
	uint32_t layout, slot_size, thread_size, counters;
	struct board_shape shape;
	uint32_t reserved;
	uint64_t size;
};
struct shared_delays {
	/* Upper half: bits of the user's hash; lower half: when, in ticks, from 1. */
	_Atomic uint64_t entry[DELAY_BUCKETS][DELAY_WAYS];
};
struct shared_worker {
	_Atomic uint32_t state;
	_Atomic int32_t pid;
	_Atomic uint32_t touched; /* slots from here on were never written: reading one
	                             would make the kernel give it a page */
	uint32_t reserved[13];
};
struct shared_thread {
	_Alignas(LINE) _Atomic uint64_t counters[BOARD_COUNTERS];
	_Alignas(LINE) struct board_thread note;
};

_Static_assert(sizeof(struct board_slot) == 256, "scoreboard layout: slot");
_Static_assert(offsetof(struct board_slot, session) == 8, "scoreboard layout: session");
_Static_assert(offsetof(struct board_slot, messages) == 56, "scoreboard layout: messages");
_Static_assert(offsetof(struct board_slot, port) == 72, "scoreboard layout: port");
_Static_assert(offsetof(struct board_slot, user) == 122, "scoreboard layout: user");
_Static_assert(sizeof(struct board_thread) == 180, "scoreboard layout: thread note");
_Static_assert(sizeof(struct shared_head) == 48, "scoreboard layout: head");
_Static_assert(sizeof(struct shared_worker) == LINE, "scoreboard layout: worker");
_Static_assert(sizeof(struct shared_thread) % LINE == 0, "scoreboard layout: thread");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
	"atomics that use a lock do not work between processes");

struct board {
	char *mem;
	struct board_shape shape;
	uint64_t size, delays_at, workers_at, slots_at, worker_size;
};

static uint64_t align(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* False: a shape that nobody can mean. With these bounds no sum below overflows. */
static bool lay_out(struct board *b, struct board_shape shape)
{
	if (shape.workers == 0 || shape.workers > BOARD_WORKERS_MAX || shape.threads == 0 ||
		shape.threads > BOARD_THREADS_MAX || shape.slots == 0 ||
		shape.slots > BOARD_SLOTS_MAX)
		return false;
	b->shape = shape;
	b->delays_at = align(sizeof(struct shared_head), PAGE);
	b->workers_at = align(b->delays_at + sizeof(struct shared_delays), PAGE);
	b->slots_at = align(sizeof(struct shared_worker) +
			(uint64_t)shape.threads * sizeof(struct shared_thread),
		PAGE);
	b->worker_size =
		align(b->slots_at + (uint64_t)shape.slots * sizeof(struct board_slot), PAGE);
	b->size = b->workers_at + shape.workers * b->worker_size;
	return b->size <= SIZE_MAX / 2;
}

static struct shared_head head_of(const struct board *b)
{
	return (struct shared_head){ .magic = MAGIC,
		.layout = BOARD_LAYOUT,
		.slot_size = sizeof(struct board_slot),
		.thread_size = sizeof(struct shared_thread),
		.counters = BOARD_COUNTERS,
		.shape = b->shape,
		.size = b->size };
}

static struct shared_delays *delays_of(const struct board *b)
{
	return (struct shared_delays *)(void *)(b->mem + b->delays_at);
}

static struct shared_worker *worker_of(const struct board *b, uint32_t worker)
{
	assert(worker < b->shape.workers);
	return (struct shared_worker *)(void *)(b->mem + b->workers_at +
		worker * b->worker_size);
}

static struct shared_thread *thread_of(const struct board *b, uint32_t worker, uint32_t thread)
{
	assert(thread < b->shape.threads);
	return (struct shared_thread *)(void *)(worker_of(b, worker) + 1) + thread;
}

static struct board_slot *slot_of(const struct board *b, uint32_t worker, uint32_t slot)
{
	char *part = (char *)worker_of(b, worker);

	assert(slot < b->shape.slots);
	return (struct board_slot *)(void *)(part + b->slots_at) + slot;
}

static bool map(struct board *b, int fd)
{
	b->mem = mmap(NULL, b->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (b->mem == MAP_FAILED)
		b->mem = NULL;
	return b->mem;
}

struct board *board_create(const struct board_shape *shape, int *fd_out)
{
	struct board *b = calloc(1, sizeof *b);
	int fd = -1, error;

	if (!b)
		return NULL;
	if (!lay_out(b, *shape)) {
		errno = EINVAL;
		goto fail;
	}
	fd = memfd_create("popart-scoreboard", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)b->size) != 0 ||
		fcntl(fd, F_ADD_SEALS, SEALS) != 0 || !map(b, fd))
		goto fail;
	struct shared_head head = head_of(b);
	memcpy(b->mem, &head, sizeof head);
	*fd_out = fd;
	return b;
fail:
	error = errno;
	if (fd >= 0)
		(void)close(fd);
	board_unmap(&b);
	errno = error;
	return NULL;
}

/* Looks without mapping: what is shorter than it says would kill the reader. */
static bool is_ours(struct board *b, int fd)
{
	struct shared_head head, want;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) != 0 ||
		pread(fd, &head, sizeof head, 0) != sizeof head)
		return false;
	if (!lay_out(b, head.shape) || (uint64_t)st.st_size != b->size)
		return false;
	want = head_of(b);
	return memcmp(&head, &want, sizeof head) == 0;
}

struct board *board_map(int fd)
{
	struct board *b = calloc(1, sizeof *b);
	int error = EPROTO;

	if (!b)
		return NULL;
	if (!is_ours(b, fd))
		goto fail;
	if (!map(b, fd)) {
		error = errno;
		goto fail;
	}
	return b;
fail:
	board_unmap(&b);
	errno = error;
	return NULL;
}

void board_unmap(struct board **p)
{
	struct board *b = *p;

	if (!b)
		return;
	if (b->mem)
		(void)munmap(b->mem, b->size);
	free(b);
	*p = NULL;
}

struct board_shape board_shape(const struct board *b)
{
	return b->shape;
}

void board_worker_state(
	struct board *b, uint32_t worker, enum board_worker_state state, int32_t pid)
{
	struct shared_worker *w = worker_of(b, worker);

	atomic_store_explicit(&w->pid, pid, memory_order_relaxed);
	atomic_store_explicit(&w->state, (uint32_t)state, memory_order_release);
}

enum board_worker_state board_worker_get(const struct board *b, uint32_t worker, int32_t *pid)
{
	struct shared_worker *w = worker_of(b, worker);
	uint32_t state = atomic_load_explicit(&w->state, memory_order_acquire);

	*pid = atomic_load_explicit(&w->pid, memory_order_relaxed);
	return (enum board_worker_state)state;
}

void board_count(struct board *b, uint32_t worker, uint32_t thread, enum board_counter counter,
	uint64_t n)
{
	atomic_fetch_add_explicit(
		&thread_of(b, worker, thread)->counters[counter], n, memory_order_relaxed);
}

uint64_t board_worker_total(const struct board *b, uint32_t worker, enum board_counter counter)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->shape.threads; i++)
		sum += atomic_load_explicit(
			&thread_of(b, worker, i)->counters[counter], memory_order_relaxed);
	return sum;
}

uint64_t board_total(const struct board *b, enum board_counter counter)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->shape.workers; i++)
		sum += board_worker_total(b, i, counter);
	return sum;
}

struct board_thread *board_thread(struct board *b, uint32_t worker, uint32_t thread)
{
	return &thread_of(b, worker, thread)->note;
}

/* gcc warns that ThreadSanitizer does not see fences. What these order is read by other
 * processes, which it does not see either. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

struct board_slot *board_slot_write(struct board *b, uint32_t worker, uint32_t slot)
{
	struct shared_worker *w = worker_of(b, worker);
	struct board_slot *s = slot_of(b, worker, slot);
	uint32_t touched = atomic_load_explicit(&w->touched, memory_order_relaxed);

	while (touched <= slot &&
		!atomic_compare_exchange_weak_explicit(&w->touched, &touched, slot + 1,
			memory_order_relaxed, memory_order_relaxed))
		;
	uint32_t seq = atomic_load_explicit(&s->seq, memory_order_relaxed);
	atomic_store_explicit(&s->seq, seq | 1, memory_order_relaxed);
	/* Odd before anything that the caller changes. */
	atomic_thread_fence(memory_order_release);
	return s;
}

void board_slot_done(struct board_slot *s)
{
	uint32_t seq = atomic_load_explicit(&s->seq, memory_order_relaxed);

	/* Even after everything that the caller has changed. */
	atomic_store_explicit(&s->seq, seq + 1, memory_order_release);
}

/* Word by word, so that no compiler can make it two reads. */
static void copy_words(struct board_slot *to, const struct board_slot *from)
{
	const uint64_t *source = (const void *)from;

	for (size_t i = 0; i < sizeof *to / sizeof *source; i++) {
		uint64_t word = __atomic_load_n(&source[i], __ATOMIC_RELAXED);

		memcpy((char *)to + i * sizeof word, &word, sizeof word);
	}
}

bool board_slot_read(
	const struct board *b, uint32_t worker, uint32_t slot, struct board_slot *copy)
{
	struct shared_worker *w = worker_of(b, worker);
	struct board_slot *s;

	if (slot >= atomic_load_explicit(&w->touched, memory_order_relaxed))
		return false;
	s = slot_of(b, worker, slot);
	for (int i = 0; i < READ_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(&s->seq, memory_order_acquire);

		if (seq & 1)
			continue;
		copy_words(copy, s);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&s->seq, memory_order_relaxed) == seq)
			return copy->state != 0;
	}
	return false;
}

uint32_t board_worker_repair(struct board *b, uint32_t worker)
{
	struct shared_worker *w = worker_of(b, worker);
	uint32_t touched = atomic_load_explicit(&w->touched, memory_order_relaxed);
	uint32_t sessions = 0;

	for (uint32_t i = 0; i < touched; i++) {
		struct board_slot *s = board_slot_write(b, worker, i);

		sessions += s->state != 0;
		memset((char *)s + sizeof s->seq, 0, sizeof *s - sizeof s->seq);
		board_slot_done(s);
	}
	for (uint32_t i = 0; i < b->shape.threads; i++)
		memset((void *)board_thread(b, worker, i), 0, sizeof(struct board_thread));
	board_worker_state(b, worker, BOARD_FREE, 0);
	return sessions;
}

static _Atomic uint64_t *bucket_of(const struct board *b, uint64_t hash)
{
	return delays_of(b)->entry[hash_mix(hash) % DELAY_BUCKETS];
}

static bool is_entry_of(uint64_t entry, uint64_t hash)
{
	return entry != 0 && entry >> 32 == hash >> 32;
}

uint32_t board_login_delay(struct board *b, uint64_t hash, int64_t now_ms, uint32_t delay_s)
{
	_Atomic uint64_t *bucket = bucket_of(b, hash);
	int64_t wait_ms = 0;

	for (size_t i = 0; i < DELAY_WAYS; i++) {
		uint64_t entry = atomic_load_explicit(&bucket[i], memory_order_relaxed);
		int64_t at_ms = (int64_t)(uint32_t)entry * TICK_MS;

		if (is_entry_of(entry, hash) &&
			at_ms + (int64_t)delay_s * 1000 - now_ms > wait_ms)
			wait_ms = at_ms + (int64_t)delay_s * 1000 - now_ms;
	}
	wait_ms = (wait_ms + 999) / 1000;
	return wait_ms < (int64_t)delay_s ? (uint32_t)wait_ms : delay_s;
}

void board_login_note(struct board *b, uint64_t hash, int64_t now_ms)
{
	_Atomic uint64_t *bucket = bucket_of(b, hash);
	uint64_t entry = (hash & ~UINT64_C(0xFFFFFFFF)) | (uint32_t)(now_ms / TICK_MS + 1);

	/* Each try that fails means that somebody else has noted a login here. */
	for (int tries = 0; tries < DELAY_TRIES; tries++) {
		_Atomic uint64_t *place = NULL;
		uint64_t old = 0;

		for (size_t i = 0; i < DELAY_WAYS; i++) {
			uint64_t seen = atomic_load_explicit(&bucket[i], memory_order_relaxed);

			if (!place || is_entry_of(seen, hash) ||
				(uint32_t)seen < (uint32_t)old) {
				place = &bucket[i];
				old = seen;
			}
			if (is_entry_of(seen, hash))
				break;
		}
		if (atomic_compare_exchange_strong_explicit(
			    place, &old, entry, memory_order_relaxed, memory_order_relaxed))
			return;
	}
}
