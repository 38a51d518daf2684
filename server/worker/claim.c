/* SPDX-License-Identifier: MIT */
#include "worker/claim.h"
#include <stdlib.h>

/* The rest of a word counts the connections of its slot, as far as that goes: a thread would
 * have to sleep through a thousand million of them to take one for another. */
#define TAKEN 1u
#define NEWS  2u
#define NEXT  4u

#define TAG (UINT64_C(1) << 63)

struct claims {
	uint32_t slots;
	_Atomic uint32_t words[];
};

struct claims *claims_new(uint32_t slots)
{
	struct claims *all = calloc(1, sizeof(*all) + slots * sizeof(all->words[0]));

	if (all)
		all->slots = slots;
	return all;
}

void claims_free(struct claims **all)
{
	free(*all);
	*all = NULL;
}

static uint32_t count_of(uint32_t word)
{
	return word / NEXT;
}

void claim_begin(struct claims *all, uint32_t slot)
{
	atomic_fetch_or_explicit(&all->words[slot], TAKEN, memory_order_relaxed);
}

uint64_t claim_tag(const struct claims *all, uint32_t slot)
{
	uint32_t word = atomic_load_explicit(&all->words[slot], memory_order_relaxed);

	return TAG | (uint64_t)count_of(word) << 32 | slot;
}

bool claim_take(struct claims *all, uint64_t tag)
{
	_Atomic uint32_t *at = &all->words[claim_slot(tag)];
	uint32_t word = atomic_load_explicit(at, memory_order_relaxed), now;

	do {
		if (count_of(word) != (uint32_t)((tag & ~TAG) >> 32))
			return false;
		now = word & TAKEN ? word | NEWS : word | TAKEN;
	} while (!atomic_compare_exchange_weak_explicit(
		at, &word, now, memory_order_acq_rel, memory_order_relaxed));
	return !(word & TAKEN);
}

bool claim_leave(struct claims *all, uint32_t slot)
{
	_Atomic uint32_t *at = &all->words[slot];
	uint32_t word = atomic_load_explicit(at, memory_order_relaxed), now;

	do
		now = word & NEWS ? word & ~NEWS : word & ~TAKEN;
	while (!atomic_compare_exchange_weak_explicit(
		at, &word, now, memory_order_acq_rel, memory_order_relaxed));
	return !(word & NEWS);
}

void claim_end(struct claims *all, uint32_t slot)
{
	uint32_t word = atomic_load_explicit(&all->words[slot], memory_order_relaxed), now;

	do
		now = (word & ~(TAKEN | NEWS)) + NEXT;
	while (!atomic_compare_exchange_weak_explicit(
		&all->words[slot], &word, now, memory_order_acq_rel, memory_order_relaxed));
}
