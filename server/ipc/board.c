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
#include "ipc/figures_memory.h"
#include "ipc/quarantine.h"

#define MAGIC         UINT64_C(0x6472616f42504f50)
#define PAGE          4096u
#define LINE          64u
#define READ_TRIES    100
#define DELAY_BUCKETS 16384u
#define LOCK_BUCKETS  16384u /* at most */
#define LOCKS         6u     /* in a bucket, if everybody has one */
#define WAYS          8u     /* entries of a bucket: one cache line */
#define DELAY_TRIES   8
#define TICK_MS       250 /* what the login-delay table counts in */
#define SEALS         (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

const struct board_counter_row board_counter_rows[BOARD_COUNTERS] = {
#define BOARD_COUNTER(id, name, help) { name, help },
#include "ipc/board_counters.h"
#undef BOARD_COUNTER
};

/*
 * The shared memory: a head, the login-delay table, that of locks, figures of all, then a
 * part for each worker, which is its head, its threads, its sites, its slots and its
 * figures. Parts begin on a page, threads on a cache line.
 *
 * A table consists of buckets, one cache line each, of words that are changed whole: bits
 * of the hash above, a small number below, 0 for nothing.
 */
struct shared_head {
	uint64_t magic;
	uint32_t layout, slot_size, thread_size, counters;
	struct board_shape shape;
	uint64_t size;
};
struct bucket {
	_Alignas(LINE) _Atomic uint64_t entry[WAYS];
};
struct shared_tables {
	/* Upper half: bits of the user's hash; lower half: when, in ticks, from 1. */
	struct bucket delays[DELAY_BUCKETS];
	_Alignas(LINE) struct quarantine_shown quarantine;
	/* Bits of the lock; then the worker, then the slot, see HOLDER_BITS. Each session
	 * touches one: the more there are, the more pages it takes for a few sessions. */
	struct bucket locks[];
};
#define SLOT_BITS   20 /* BOARD_SLOTS_MAX of them */
#define HOLDER_BITS 30 /* and BOARD_WORKERS_MAX of these */
#define COUNT_BITS  20 /* of a site's entry: its connections; bits of the hash above */
struct shared_worker {
	_Atomic uint32_t state;
	_Atomic int32_t pid;
	_Atomic uint32_t touched; /* slots from here on were never written: reading one
	                             would make the kernel give it a page */
	_Atomic uint32_t connections;
	_Atomic uint32_t beats;
	_Atomic uint32_t stuck;
	uint32_t reserved[10];
};
struct shared_thread {
	_Alignas(LINE) _Atomic uint64_t counters[BOARD_COUNTERS];
	_Alignas(LINE) struct board_thread note;
};

_Static_assert(sizeof(struct board_slot) == 168, "scoreboard layout: slot");
_Static_assert(offsetof(struct board_slot, session) == 8, "scoreboard layout: session");
_Static_assert(offsetof(struct board_slot, messages) == 72, "scoreboard layout: messages");
_Static_assert(offsetof(struct board_slot, port) == 84, "scoreboard layout: port");
_Static_assert(offsetof(struct board_slot, text) == 89, "scoreboard layout: text");
_Static_assert(BOARD_SLOTS_MAX <= 1u << SLOT_BITS, "a slot's number fits into an entry");
_Static_assert(BOARD_WORKERS_MAX <= 1u << (HOLDER_BITS - SLOT_BITS), "and a worker's");
_Static_assert(sizeof(struct board_thread) == 440, "scoreboard layout: thread note");
_Static_assert(sizeof(struct shared_head) == 48, "scoreboard layout: head");
_Static_assert(sizeof(struct shared_worker) == LINE, "scoreboard layout: worker");
_Static_assert(sizeof(struct shared_thread) % LINE == 0, "scoreboard layout: thread");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
	"atomics that use a lock do not work between processes");

struct board {
	char *mem;
	struct board_shape shape;
	uint64_t size, tables_at, figures_at, workers_at;
	uint64_t sites_at, slots_at, own_figures_at, worker_size; /* in a worker's part */
	uint32_t site_buckets;                                    /* a worker; a power of two */
	uint32_t lock_buckets;                                    /* a power of two           */
};

static uint64_t align(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static uint64_t own_figures_size(void)
{
	return align(sizeof(struct figures_worker), PAGE);
}

/* False: a shape that nobody can mean. With these bounds no sum below overflows. */
static bool lay_out(struct board *b, struct board_shape shape)
{
	if (shape.workers == 0 || shape.workers > BOARD_WORKERS_MAX || shape.threads == 0 ||
		shape.threads > BOARD_THREADS_MAX || shape.slots == 0 ||
		shape.slots > BOARD_SLOTS_MAX || shape.instances > BOARD_INSTANCES_MAX)
		return false;
	b->shape = shape;
	/* If every connection came from another site, two of them in a bucket. */
	b->site_buckets = PAGE / LINE;
	while (b->site_buckets < shape.slots / 2)
		b->site_buckets *= 2;
	b->lock_buckets = PAGE / LINE;
	while (b->lock_buckets < shape.slots / LOCKS && b->lock_buckets < LOCK_BUCKETS)
		b->lock_buckets *= 2;
	b->tables_at = align(sizeof(struct shared_head), PAGE);
	b->figures_at = align(b->tables_at + sizeof(struct shared_tables) +
			b->lock_buckets * sizeof(struct bucket),
		PAGE);
	b->workers_at = align(b->figures_at + sizeof(struct figures_head), PAGE);
	b->sites_at = align(sizeof(struct shared_worker) +
			(uint64_t)shape.threads * sizeof(struct shared_thread),
		PAGE);
	b->slots_at = align(b->sites_at + b->site_buckets * sizeof(struct bucket), PAGE);
	b->own_figures_at =
		align(b->slots_at + (uint64_t)shape.slots * sizeof(struct board_slot), PAGE);
	b->worker_size = align(b->own_figures_at + own_figures_size() +
			shape.threads * figures_thread_size(&shape),
		PAGE);
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

static struct shared_tables *tables_of(const struct board *b)
{
	return (struct shared_tables *)(void *)(b->mem + b->tables_at);
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

static struct bucket *sites_of(const struct board *b, uint32_t worker)
{
	return (struct bucket *)(void *)((char *)worker_of(b, worker) + b->sites_at);
}

struct figures_head *board_figures(const struct board *b)
{
	return (struct figures_head *)(void *)(b->mem + b->figures_at);
}

struct figures_worker *board_figures_worker(const struct board *b, uint32_t worker)
{
	return (struct figures_worker *)(void *)((char *)worker_of(b, worker) +
		b->own_figures_at);
}

struct figures_thread *board_figures_thread(
	const struct board *b, uint32_t worker, uint32_t thread)
{
	assert(thread < b->shape.threads);
	return (struct figures_thread *)(void *)((char *)board_figures_worker(b, worker) +
		own_figures_size() + thread * figures_thread_size(&b->shape));
}

struct quarantine_shown *board_quarantine(const struct board *b)
{
	return &tables_of(b)->quarantine;
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

void board_beat(struct board *b, uint32_t worker)
{
	atomic_fetch_add_explicit(&worker_of(b, worker)->beats, 1, memory_order_relaxed);
}

void board_stuck(struct board *b, uint32_t worker, bool stuck)
{
	atomic_store_explicit(&worker_of(b, worker)->stuck, stuck, memory_order_relaxed);
}

bool board_is_stuck(const struct board *b, uint32_t worker)
{
	return atomic_load_explicit(&worker_of(b, worker)->stuck, memory_order_relaxed) != 0;
}

uint32_t board_beats(const struct board *b, uint32_t worker)
{
	return atomic_load_explicit(&worker_of(b, worker)->beats, memory_order_relaxed);
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

/* Word by word, so that no compiler can make it two reads. That another thread may write
 * meanwhile is what the sequence number is for, which ThreadSanitizer does not know. */
__attribute__((no_sanitize_thread)) static void copy_words(
	struct board_slot *to, const struct board_slot *from)
{
	const uint64_t *source = (const void *)from;

	for (size_t i = 0; i < sizeof *to / sizeof *source; i++) {
		uint64_t word = __atomic_load_n(&source[i], __ATOMIC_RELAXED);

		memcpy((char *)to + i * sizeof word, &word, sizeof word);
	}
}

void board_slot_set_peer(struct board_slot *s, struct popart_str peer)
{
	s->peer_len = (uint8_t)(peer.len < sizeof(s->text) ? peer.len : sizeof(s->text));
	memcpy(s->text, peer.ptr, s->peer_len);
}

struct popart_str board_slot_peer(const struct board_slot *s)
{
	return view_of(s->text, s->peer_len < sizeof(s->text) ? s->peer_len : sizeof(s->text));
}

static size_t user_room(const struct board_slot *s)
{
	return sizeof(s->text) - board_slot_peer(s).len;
}

void board_slot_set_user(struct board_slot *s, struct popart_str user)
{
	size_t room = user_room(s);

	s->user_hash = hash_bytes(user, 0);
	s->user_len = (uint8_t)(user.len < room ? user.len : room);
	memcpy(s->text + sizeof(s->text) - room, user.ptr, s->user_len);
}

struct popart_str board_slot_user(const struct board_slot *s)
{
	size_t room = user_room(s);

	return view_of(
		s->text + sizeof(s->text) - room, s->user_len < room ? s->user_len : room);
}

bool board_slot_is_of(const struct board_slot *s, struct popart_str user)
{
	return s->user_len > 0 && s->user_hash == hash_bytes(user, 0);
}

enum board_look board_slot_look(
	const struct board *b, uint32_t worker, uint32_t slot, struct board_slot *copy)
{
	struct shared_worker *w = worker_of(b, worker);
	struct board_slot *s;

	if (slot >= atomic_load_explicit(&w->touched, memory_order_relaxed))
		return BOARD_NOBODY;
	s = slot_of(b, worker, slot);
	for (int i = 0; i < READ_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(&s->seq, memory_order_acquire);

		if (seq & 1)
			continue;
		copy_words(copy, s);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&s->seq, memory_order_relaxed) == seq)
			return copy->state != 0 ? BOARD_SEEN : BOARD_NOBODY;
	}
	return BOARD_BUSY;
}

bool board_slot_read(
	const struct board *b, uint32_t worker, uint32_t slot, struct board_slot *copy)
{
	return board_slot_look(b, worker, slot, copy) == BOARD_SEEN;
}

uint32_t board_slots_used(const struct board *b, uint32_t worker)
{
	uint32_t n = atomic_load_explicit(&worker_of(b, worker)->touched, memory_order_relaxed);

	return n < b->shape.slots ? n : b->shape.slots; /* whatever a worker has written */
}

uint32_t board_connections(const struct board *b, uint32_t worker)
{
	return atomic_load_explicit(&worker_of(b, worker)->connections, memory_order_relaxed);
}

/* Pages that are given back read as zeros; untouched ones are not made. */
static void clear_sites(struct board *b, uint32_t worker)
{
	size_t size = b->slots_at - b->sites_at;

	if (madvise(sites_of(b, worker), size, MADV_REMOVE) != 0)
		memset((void *)sites_of(b, worker), 0, size);
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
	clear_sites(b, worker);
	figures_repair(b, worker);
	atomic_store(&w->connections, 0);
	board_stuck(b, worker, false);
	board_worker_state(b, worker, BOARD_FREE, 0);
	return sessions;
}

static _Atomic uint64_t *bucket_of(const struct board *b, uint64_t hash)
{
	return tables_of(b)->delays[hash_mix(hash) % DELAY_BUCKETS].entry;
}

/* bits: of the small number below the hash. */
static bool is_entry_of(uint64_t entry, uint64_t hash, unsigned bits)
{
	return entry != 0 && entry >> bits == hash >> bits;
}

uint32_t board_login_delay(struct board *b, uint64_t hash, int64_t now_ms, uint32_t delay_s)
{
	_Atomic uint64_t *bucket = bucket_of(b, hash);
	int64_t wait_ms = 0;

	for (size_t i = 0; i < WAYS; i++) {
		uint64_t entry = atomic_load_explicit(&bucket[i], memory_order_relaxed);
		int64_t at_ms = (int64_t)(uint32_t)entry * TICK_MS;

		if (is_entry_of(entry, hash, 32) &&
			at_ms + (int64_t)delay_s * 1000 - now_ms > wait_ms)
			wait_ms = at_ms + (int64_t)delay_s * 1000 - now_ms;
	}
	wait_ms = (wait_ms + 999) / 1000;
	return wait_ms < (int64_t)delay_s ? (uint32_t)wait_ms : delay_s;
}

/* In place of the user's own, else of the oldest; never of a later one. */
static void put_entry(_Atomic uint64_t *bucket, uint64_t entry)
{
	/* Each try that fails means that somebody else has noted a login here. */
	for (int tries = 0; tries < DELAY_TRIES; tries++) {
		_Atomic uint64_t *place = NULL;
		uint64_t old = 0;

		for (size_t i = 0; i < WAYS; i++) {
			uint64_t seen = atomic_load_explicit(&bucket[i], memory_order_relaxed);

			if (!place || is_entry_of(seen, entry, 32) ||
				(uint32_t)seen < (uint32_t)old) {
				place = &bucket[i];
				old = seen;
			}
			if (is_entry_of(seen, entry, 32))
				break;
		}
		if ((uint32_t)old > (uint32_t)entry)
			return;
		if (atomic_compare_exchange_strong_explicit(
			    place, &old, entry, memory_order_relaxed, memory_order_relaxed))
			return;
	}
}

void board_login_note(struct board *b, uint64_t hash, int64_t now_ms)
{
	uint64_t entry = (hash & ~UINT64_C(0xFFFFFFFF)) | (uint32_t)(now_ms / TICK_MS + 1);

	put_entry(bucket_of(b, hash), entry);
}

void board_pass_logins(const struct board *from, struct board *to)
{
	for (size_t b = 0; b < DELAY_BUCKETS; b++) {
		for (size_t i = 0; i < WAYS; i++) {
			uint64_t entry = atomic_load_explicit(
				&tables_of(from)->delays[b].entry[i], memory_order_relaxed);

			if (entry != 0)
				put_entry(tables_of(to)->delays[b].entry, entry);
		}
	}
}

void board_pass_counters(const struct board *from, struct board *to)
{
	figures_pass_begin(from, to);
	for (unsigned c = 0; c < BOARD_COUNTERS; c++)
		board_count(to, 0, 0, c, board_total(from, c));
	board_quarantines_add(to, board_quarantines(from));
	figures_pass(from, to);
	figures_pass_end(to);
}

static uint32_t connections_of(const struct board *b)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < b->shape.workers; i++)
		sum += atomic_load(&worker_of(b, i)->connections);
	return sum;
}

static struct bucket *site_bucket(const struct board *b, uint32_t worker, uint64_t site)
{
	return &sites_of(b, worker)[site & (b->site_buckets - 1)];
}

static uint32_t count_in(uint64_t entry)
{
	return (uint32_t)(entry & ((1u << COUNT_BITS) - 1));
}

/* Two threads that note a site for the first time may do so in two places. */
static uint32_t connections_from(const struct board *b, uint64_t site)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < b->shape.workers; i++) {
		struct bucket *bucket = site_bucket(b, i, site);

		for (size_t j = 0; j < WAYS; j++) {
			uint64_t entry = atomic_load(&bucket->entry[j]);

			if (is_entry_of(entry, site, COUNT_BITS))
				sum += count_in(entry);
		}
	}
	return sum;
}

/* The entry of site, else the first free one; NULL: neither. */
static _Atomic uint64_t *find_site(struct bucket *bucket, uint64_t site, uint64_t *seen)
{
	_Atomic uint64_t *free_place = NULL;

	for (size_t i = 0; i < WAYS; i++) {
		uint64_t entry = atomic_load(&bucket->entry[i]);

		if (is_entry_of(entry, site, COUNT_BITS)) {
			*seen = entry;
			return &bucket->entry[i];
		}
		if (entry == 0 && !free_place)
			free_place = &bucket->entry[i];
	}
	*seen = 0;
	return free_place;
}

static void site_enter(struct board *b, uint32_t worker, uint64_t site)
{
	struct bucket *bucket = site_bucket(b, worker, site);
	uint64_t seen, next;
	_Atomic uint64_t *place;

	do {
		place = find_site(bucket, site, &seen);
		next = seen ? seen + 1 : (site >> COUNT_BITS << COUNT_BITS) + 1;
	} while (place && !atomic_compare_exchange_weak(place, &seen, next));
}

static void site_leave(struct board *b, uint32_t worker, uint64_t site)
{
	struct bucket *bucket = site_bucket(b, worker, site);
	uint64_t seen, next;
	_Atomic uint64_t *place;

	do {
		place = find_site(bucket, site, &seen);
		if (!place || !seen)
			return; /* it was not counted */
		next = count_in(seen) > 1 ? seen - 1 : 0;
	} while (!atomic_compare_exchange_weak(place, &seen, next));
}

enum board_admission board_admit(
	struct board *b, uint32_t worker, uint64_t site, struct board_limits limits)
{
	/* Noted before it is counted, so that two who come at once see each other. */
	atomic_fetch_add(&worker_of(b, worker)->connections, 1);
	if (site)
		site_enter(b, worker, site);
	if (connections_of(b) > limits.all) {
		board_leave(b, worker, site);
		return BOARD_FULL;
	}
	if (site && limits.per_site && connections_from(b, site) > limits.per_site) {
		board_leave(b, worker, site);
		return BOARD_SITE_FULL;
	}
	return BOARD_ADMITTED;
}

void board_leave(struct board *b, uint32_t worker, uint64_t site)
{
	if (site)
		site_leave(b, worker, site);
	atomic_fetch_sub(&worker_of(b, worker)->connections, 1);
}

static struct bucket *lock_bucket(const struct board *b, uint64_t lock)
{
	return &tables_of(b)->locks[lock % b->lock_buckets];
}

static uint64_t holder_entry(uint64_t lock, uint32_t worker, uint32_t slot)
{
	return (lock >> HOLDER_BITS << HOLDER_BITS) | (uint64_t)worker << SLOT_BITS | slot;
}

/* Nothing can be lost here that would not be a hint less: no second try. */
void board_lock_note(struct board *b, uint64_t lock, uint32_t worker, uint32_t slot)
{
	struct bucket *bucket = lock_bucket(b, lock);
	_Atomic uint64_t *place = &bucket->entry[slot % WAYS];

	for (size_t i = WAYS; i-- > 0;) {
		uint64_t entry = atomic_load_explicit(&bucket->entry[i], memory_order_relaxed);

		if (is_entry_of(entry, lock, HOLDER_BITS)) { /* of one that was killed */
			place = &bucket->entry[i];
			break;
		}
		if (entry == 0)
			place = &bucket->entry[i];
	}
	atomic_store_explicit(place, holder_entry(lock, worker, slot), memory_order_relaxed);
}

void board_lock_forget(struct board *b, uint64_t lock, uint32_t worker, uint32_t slot)
{
	struct bucket *bucket = lock_bucket(b, lock);

	for (size_t i = 0; i < WAYS; i++) {
		uint64_t entry = holder_entry(lock, worker, slot);

		if (atomic_compare_exchange_strong_explicit(&bucket->entry[i], &entry, 0,
			    memory_order_relaxed, memory_order_relaxed))
			return;
	}
}

bool board_lock_holder(
	const struct board *b, uint64_t lock, struct board_slot *copy, uint32_t *worker)
{
	struct bucket *bucket = lock_bucket(b, lock);

	for (size_t i = 0; i < WAYS; i++) {
		uint64_t entry = atomic_load_explicit(&bucket->entry[i], memory_order_relaxed);
		uint32_t slot = (uint32_t)(entry & ((1u << SLOT_BITS) - 1));

		*worker = (uint32_t)(entry >> SLOT_BITS) & (BOARD_WORKERS_MAX - 1);
		if (is_entry_of(entry, lock, HOLDER_BITS) && *worker < b->shape.workers &&
			slot < b->shape.slots && board_slot_read(b, *worker, slot, copy) &&
			copy->lock == lock)
			return true;
	}
	return false;
}
