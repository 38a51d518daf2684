/* SPDX-License-Identifier: MIT */
#include "ipc/figures.h"
#include <assert.h>
#include <stdio.h>
#include "ipc/figures_memory.h"

#define READ_TRIES 100

const char *const figures_op_names[FIGURES_OPS] = {
#define MODULE_OP(id, name) name,
#include "base/module_ops.h"
#undef MODULE_OP
};
const char *const figures_result_names[FIGURES_RESULTS] = {
	[FIGURES_OK] = "ok",
	[FIGURES_DENIED] = "denied",
	[FIGURES_BUSY] = "in-use",
	[FIGURES_ERROR] = "error",
};

static const char *const mechanisms[] = { "none", "USER", "PLAIN", "APOP", "other" };
static const char *const versions[] = { "none", "TLS1.2", "TLS1.3", "other" };
static const char *const ciphers[] = { "none", "AES-128-GCM", "AES-256-GCM",
	"CHACHA20-POLY1305", "AES-128-CCM", "AES-256-CCM", "other" };
_Static_assert(ARRAY_LEN(mechanisms) == FIGURES_MECHANISMS, "words");
_Static_assert(ARRAY_LEN(versions) == FIGURES_VERSIONS, "words");
_Static_assert(ARRAY_LEN(ciphers) == FIGURES_CIPHERS, "words");
const struct figures_words figures_mechanisms = { mechanisms, FIGURES_MECHANISMS };
const struct figures_words figures_versions = { versions, FIGURES_VERSIONS };
const struct figures_words figures_ciphers = { ciphers, FIGURES_CIPHERS };

uint8_t figures_word(const struct figures_words *w, const char *name)
{
	uint8_t i = 1;

	if (!name)
		return 0;
	while (i < w->n - 1 && strcmp(w->names[i], name) != 0)
		i++;
	return i;
}

const char *figures_name(const struct figures_words *w, uint8_t word)
{
	return word > 0 && word < w->n ? w->names[word] : NULL;
}

void figures_text(char *room, size_t size, struct popart_str text)
{
	size_t n = text.len < size - 1 ? text.len : size - 1;

	if (n > 0)
		memcpy(room, text.ptr, n);
	memset(room + n, 0, size - n);
}

/* --- counting --- */

static uint64_t get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* Nobody else writes it: no need for the bus. */
static void add(_Atomic uint64_t *word, uint64_t n)
{
	atomic_store_explicit(word, get(word) + n, memory_order_relaxed);
}

static struct figures_row *row_of(struct figures_thread *t, uint32_t instance, unsigned op)
{
	return (struct figures_row *)(void *)(t + 1) + instance * FIGURES_OPS + op;
}

/* The bound that it is not above. */
static unsigned place_of(uint64_t ns)
{
	uint64_t us = ns / 1000 + (ns % 1000 != 0);
	unsigned bits;

	if (us <= FIGURES_FIRST_US)
		return 0;
	bits = 64u - (unsigned)__builtin_clzll((us - 1) / FIGURES_FIRST_US);
	return bits < FIGURES_BOUNDS ? bits : FIGURES_BOUNDS;
}

void figures_observe(struct board *b, uint32_t worker, uint32_t thread, uint32_t instance,
	enum figures_op op, uint64_t ns, bool failed)
{
	struct figures_thread *t = board_figures_thread(b, worker, thread);
	struct figures_row *row;

	if (instance >= board_shape(b).instances)
		return;
	row = row_of(t, instance, op);
	add(&row->counts[place_of(ns)], 1);
	add(&row->ns, ns);
	if (failed)
		add(&row->failures, 1);
	if (!(get(&t->touched) & UINT64_C(1) << instance))
		atomic_store_explicit(&t->touched, get(&t->touched) | UINT64_C(1) << instance,
			memory_order_relaxed);
}

void figures_login(struct board *b, uint32_t worker, uint32_t thread,
	enum figures_result result, uint8_t mechanism)
{
	assert(mechanism < FIGURES_MECHANISMS);
	add(&board_figures_thread(b, worker, thread)->logins[result][mechanism], 1);
}

void figures_handshake(struct board *b, uint32_t worker, uint32_t thread, uint8_t version,
	uint8_t cipher, bool resumed)
{
	assert(version < FIGURES_VERSIONS && cipher < FIGURES_CIPHERS);
	add(&board_figures_thread(b, worker, thread)->handshakes[version][cipher][resumed], 1);
}

void figures_handshake_failed(struct board *b, uint32_t worker, uint32_t thread)
{
	add(&board_figures_thread(b, worker, thread)->handshakes_failed, 1);
}

/* --- notes --- */

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

/* One writer at a time; one that was killed half-way is no hindrance for the next. */
static void note_write(_Atomic uint64_t *seq, void *note, const void *from, size_t size)
{
	uint64_t n = get(seq) | 1;

	atomic_store_explicit(seq, n, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy(note, from, size);
	atomic_store_explicit(seq, n + 1, memory_order_release);
}

__attribute__((no_sanitize_thread)) static bool note_read(
	const _Atomic uint64_t *seq, const void *note, void *to, size_t size)
{
	for (int i = 0; i < READ_TRIES; i++) {
		uint64_t n = atomic_load_explicit(seq, memory_order_acquire);

		if (n == 0)
			return false;
		if (n & 1)
			continue;
		memcpy(to, note, size);
		atomic_thread_fence(memory_order_acquire);
		if (get(seq) == n)
			return true;
	}
	return false;
}

static void raise_to(_Atomic uint32_t *n, uint32_t to)
{
	if (atomic_load_explicit(n, memory_order_relaxed) < to)
		atomic_store_explicit(n, to, memory_order_release);
}

void figures_describe_instance(struct board *b, uint32_t worker, uint32_t instance,
	const struct figures_instance *about)
{
	struct figures_worker *w = board_figures_worker(b, worker);

	if (instance >= board_shape(b).instances)
		return;
	note_write(&w->instances[instance].seq, &w->instances[instance].note, about,
		sizeof(*about));
	raise_to(&w->ninstances, instance + 1);
}

void figures_describe_certificate(struct board *b, uint32_t worker, uint32_t index,
	const struct figures_certificate *about)
{
	struct figures_worker *w = board_figures_worker(b, worker);

	if (index >= BOARD_CERTIFICATES_MAX)
		return;
	note_write(&w->certificates[index].seq, &w->certificates[index].note, about,
		sizeof(*about));
	raise_to(&w->ncertificates, index + 1);
}

void figures_stat(
	struct board *b, uint32_t worker, uint32_t instance, uint32_t stat, int64_t value)
{
	if (instance < board_shape(b).instances && stat < FIGURES_STATS)
		atomic_store_explicit(&board_figures_worker(b, worker)->stats[instance][stat],
			value, memory_order_relaxed);
}

#define END(text) ((text)[sizeof(text) - 1] = '\0')

/* Who reads is not to trust who wrote: a worker may be anybody's by now. */
static void distrust_instance(struct figures_instance *about)
{
	END(about->name);
	END(about->module);
	END(about->version);
	END(about->summary);
	END(about->options);
	if (about->nstats > FIGURES_STATS)
		about->nstats = FIGURES_STATS;
	for (uint32_t i = 0; i < about->nstats; i++) {
		END(about->stats[i].name);
		END(about->stats[i].help);
		about->stats[i].gauge = about->stats[i].gauge != 0;
	}
	about->storage = about->storage != 0;
}

static void distrust_certificate(struct figures_certificate *about)
{
	END(about->file);
	END(about->subject);
	END(about->issuer);
	END(about->names);
	END(about->serial);
	END(about->key);
	END(about->fingerprint);
}

static void distrust_crash(struct figures_crash *crash)
{
	END(crash->reason);
	END(crash->doing);
	END(crash->address);
	END(crash->user);
	END(crash->where);
}

bool figures_instance(const struct board *b, uint32_t instance, struct figures_instance *copy)
{
	for (uint32_t i = 0; i < board_shape(b).workers; i++) {
		const struct figures_worker *w = board_figures_worker(b, i);

		if (instance < atomic_load_explicit(&w->ninstances, memory_order_acquire) &&
			note_read(&w->instances[instance].seq, &w->instances[instance].note,
				copy, sizeof(*copy))) {
			distrust_instance(copy);
			return true;
		}
	}
	return false;
}

bool figures_certificate(
	const struct board *b, uint32_t index, struct figures_certificate *copy)
{
	for (uint32_t i = 0; i < board_shape(b).workers; i++) {
		const struct figures_worker *w = board_figures_worker(b, i);

		if (index < atomic_load_explicit(&w->ncertificates, memory_order_acquire) &&
			note_read(&w->certificates[index].seq, &w->certificates[index].note,
				copy, sizeof(*copy))) {
			distrust_certificate(copy);
			return true;
		}
	}
	return false;
}

static int64_t get_stat(const _Atomic int64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void add_stat(_Atomic int64_t *word, int64_t n)
{
	atomic_store_explicit(word, get_stat(word) + n, memory_order_relaxed);
}

void figures_repair(struct board *b, uint32_t worker)
{
	struct figures_worker *w = board_figures_worker(b, worker);
	uint32_t n = atomic_load_explicit(&w->ninstances, memory_order_acquire);
	struct figures_instance about;

	for (uint32_t i = 0; i < n; i++) {
		if (!figures_instance(b, i, &about))
			continue;
		for (uint32_t s = 0; s < about.nstats; s++) {
			if (!about.stats[s].gauge)
				add_stat(&w->earlier[i][s], get_stat(&w->stats[i][s]));
			atomic_store_explicit(&w->stats[i][s], 0, memory_order_relaxed);
		}
	}
}

int64_t figures_stat_sum(const struct board *b, uint32_t instance, uint32_t stat)
{
	int64_t sum = get_stat(&board_figures(b)->stats[instance][stat]);

	for (uint32_t i = 0; i < board_shape(b).workers; i++) {
		const struct figures_worker *w = board_figures_worker(b, i);

		if (instance < atomic_load_explicit(&w->ninstances, memory_order_acquire))
			sum += get_stat(&w->stats[instance][stat]) +
				get_stat(&w->earlier[instance][stat]);
	}
	return sum;
}

/* --- the master's --- */

/* "mail.open" -> the instance and the operation. */
static bool find_call(
	const struct board *b, struct popart_str what, uint32_t *instance, enum figures_op *op)
{
	struct figures_instance about;
	struct popart_str name = view_cut(&what, '.');

	for (*op = 0; *op < FIGURES_OPS && !view_eq(what, view_str(figures_op_names[*op]));)
		(*op)++;
	for (*instance = 0; *op < FIGURES_OPS && *instance < board_shape(b).instances;
		(*instance)++)
		if (figures_instance(b, *instance, &about) &&
			view_eq(name, view_str(about.name)) &&
			about.storage == (*op >= FIGURES_FIRST_STORAGE_OP))
			return true;
	return false;
}

static void keep_crash(struct figures_head *head, const struct figures_crash *crash)
{
	uint64_t i = get(&head->ncrashes) % FIGURES_CRASHES;

	note_write(&head->crashes[i].seq, &head->crashes[i].note, crash, sizeof(*crash));
	add(&head->ncrashes, 1);
}

static bool is_hit(const struct board_thread *note)
{
	return atomic_load(&note->signal) != 0;
}

const struct board_thread *figures_suspect(struct board *b, uint32_t worker, uint32_t *thread)
{
	uint32_t n = board_shape(b).threads;
	bool known = false;

	for (uint32_t t = 0; t < n; t++)
		known = known || is_hit(board_thread(b, worker, t));
	while (*thread < n) {
		const struct board_thread *note = board_thread(b, worker, (*thread)++);

		if (atomic_load(&note->busy) && (!known || is_hit(note)))
			return note;
	}
	return NULL;
}

void figures_note_crash(struct board *b, const struct figures_crash *crash)
{
	struct figures_head *head = board_figures(b);
	const struct board_thread *note;
	enum figures_op op;
	uint32_t instance, t = 0;

	add(&head->deaths, 1);
	keep_crash(head, crash);
	while ((note = figures_suspect(b, crash->worker, &t))) {
		struct popart_str what =
			view_of(note->what, strnlen(note->what, sizeof(note->what)));

		if (find_call(b, what, &instance, &op))
			add(&head->crashes_in[instance][op], 1);
	}
}

void figures_late(struct board *b, uint32_t worker, struct popart_str what)
{
	struct figures_worker *w = board_figures_worker(b, worker);
	enum figures_op op;
	uint32_t instance;

	if (!find_call(b, what, &instance, &op))
		return;
	add(&w->late[instance][op], 1);
	raise_to(&w->any_late, 1);
}

static uint64_t late_calls(const struct board *b, uint32_t instance, enum figures_op op)
{
	uint64_t sum = get(&board_figures(b)->late[instance][op]);

	for (uint32_t i = 0; i < board_shape(b).workers; i++) {
		const struct figures_worker *w = board_figures_worker(b, i);

		if (atomic_load_explicit(&w->any_late, memory_order_acquire))
			sum += get(&w->late[instance][op]);
	}
	return sum;
}

void figures_note_restart(struct board *b)
{
	add(&board_figures(b)->restarts, 1);
}

bool figures_crash(const struct board *b, uint32_t index, struct figures_crash *copy)
{
	const struct figures_head *head = board_figures(b);

	if (!note_read(
		    &head->crashes[index].seq, &head->crashes[index].note, copy, sizeof(*copy)))
		return false;
	distrust_crash(copy);
	return true;
}

/* --- sums --- */

static void sum_row(struct figures_histogram *sum, const struct figures_row *row)
{
	for (unsigned i = 0; i <= FIGURES_BOUNDS; i++)
		sum->counts[i] += get(&row->counts[i]);
	sum->ns += get(&row->ns);
	sum->failures += get(&row->failures);
}

void figures_histogram(const struct board *b, uint32_t instance, enum figures_op op,
	struct figures_histogram *sum)
{
	struct figures_head *head = board_figures(b);

	*sum = (struct figures_histogram){ .ns = 0 };
	if (instance >= board_shape(b).instances)
		return;
	sum->crashes = get(&head->crashes_in[instance][op]);
	sum->late = late_calls(b, instance, op);
	if (get(&head->past.touched) & UINT64_C(1) << instance)
		sum_row(sum, &head->rows[instance][op]);
	for (uint32_t w = 0; w < board_shape(b).workers; w++) {
		for (uint32_t t = 0; t < board_shape(b).threads; t++) {
			struct figures_thread *thread = board_figures_thread(b, w, t);

			if (get(&thread->touched) & UINT64_C(1) << instance)
				sum_row(sum, row_of(thread, instance, op));
		}
	}
}

uint64_t figures_calls(const struct figures_histogram *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; i <= FIGURES_BOUNDS; i++)
		n += h->counts[i];
	return n;
}

/* at: where a counter is in a thread's part. */
static uint64_t sum_of(const struct board *b, size_t at)
{
	uint64_t sum = get((_Atomic uint64_t *)(void *)((char *)&board_figures(b)->past + at));

	for (uint32_t w = 0; w < board_shape(b).workers; w++)
		for (uint32_t t = 0; t < board_shape(b).threads; t++)
			sum += get((_Atomic uint64_t *)(void *)((char *)board_figures_thread(
									b, w, t) +
				at));
	return sum;
}

uint64_t figures_logins(const struct board *b, enum figures_result result, uint8_t mechanism)
{
	return sum_of(b,
		offsetof(struct figures_thread, logins) +
			(result * FIGURES_MECHANISMS + mechanism) * sizeof(uint64_t));
}

uint64_t figures_handshakes(
	const struct board *b, uint8_t version, uint8_t cipher, bool resumed)
{
	size_t index = ((size_t)version * FIGURES_CIPHERS + cipher) * 2 + resumed;

	return sum_of(
		b, offsetof(struct figures_thread, handshakes) + index * sizeof(uint64_t));
}

uint64_t figures_handshakes_failed(const struct board *b)
{
	return sum_of(b, offsetof(struct figures_thread, handshakes_failed));
}

uint64_t figures_deaths(const struct board *b)
{
	return get(&board_figures(b)->deaths);
}

uint64_t figures_restarts(const struct board *b)
{
	return get(&board_figures(b)->restarts);
}

/* --- from generation to generation --- */

/* The same instance in another generation, which may have another order. */
bool figures_find(const struct board *to, const struct figures_instance *about, uint32_t *heir)
{
	struct figures_instance other;

	for (*heir = 0; *heir < board_shape(to).instances; (*heir)++)
		if (figures_instance(to, *heir, &other) && other.storage == about->storage &&
			strcmp(other.name, about->name) == 0 &&
			strcmp(other.module, about->module) == 0)
			return true;
	return false;
}

/* Its gauges are nothing any more. */
static void pass_stats(const struct board *from, uint32_t instance,
	const struct figures_instance *about, struct board *to, uint32_t heir)
{
	for (uint32_t s = 0; s < about->nstats; s++)
		if (!about->stats[s].gauge)
			add_stat(&board_figures(to)->stats[heir][s],
				figures_stat_sum(from, instance, s));
}

static void pass_instance(
	const struct board *from, uint32_t instance, struct board *to, uint32_t heir)
{
	struct figures_head *head = board_figures(to);
	struct figures_histogram sum;

	for (unsigned op = 0; op < FIGURES_OPS; op++) {
		struct figures_row *row = &head->rows[heir][op];

		figures_histogram(from, instance, op, &sum);
		for (unsigned i = 0; i <= FIGURES_BOUNDS; i++)
			add(&row->counts[i], sum.counts[i]);
		add(&row->ns, sum.ns);
		add(&row->failures, sum.failures);
		add(&head->crashes_in[heir][op], sum.crashes);
		add(&head->late[heir][op], sum.late);
	}
	atomic_store_explicit(&head->past.touched,
		get(&head->past.touched) | UINT64_C(1) << heir, memory_order_relaxed);
}

bool figures_passed(const struct board *b)
{
	return atomic_load_explicit(&board_figures(b)->passed, memory_order_acquire);
}

uint64_t figures_passes(const struct board *b)
{
	return atomic_load_explicit(&board_figures(b)->passes, memory_order_acquire);
}

void figures_pass_begin(const struct board *from, struct board *to)
{
	add(&board_figures(to)->passes, 1);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&board_figures(from)->passed, 1, memory_order_release);
}

void figures_pass_end(struct board *to)
{
	atomic_fetch_add_explicit(&board_figures(to)->passes, 1, memory_order_release);
}

void figures_pass(const struct board *from, struct board *to)
{
	struct figures_head *head = board_figures(to);
	struct figures_instance about;
	struct figures_crash crash;
	uint32_t heir;

	for (uint32_t i = 0; i < board_shape(from).instances; i++) {
		if (figures_instance(from, i, &about) && figures_find(to, &about, &heir)) {
			pass_instance(from, i, to, heir);
			pass_stats(from, i, &about, to, heir);
		}
	}
	for (size_t at = offsetof(struct figures_thread, logins);
		at <= offsetof(struct figures_thread, handshakes_failed);
		at += sizeof(uint64_t))
		add((_Atomic uint64_t *)(void *)((char *)&head->past + at), sum_of(from, at));
	add(&head->deaths, figures_deaths(from));
	add(&head->restarts, figures_restarts(from));
	for (uint32_t i = 0; i < FIGURES_CRASHES; i++)
		if (figures_crash(from,
			    (uint32_t)(get(&board_figures(from)->ncrashes) + i) %
				    FIGURES_CRASHES,
			    &crash))
			keep_crash(head, &crash);
}
