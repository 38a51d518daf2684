/* SPDX-License-Identifier: MIT */
#include "admin/locks.h"

static bool add_lock(const struct scene *s, size_t g, uint32_t worker,
	const struct board_slot *slot, json_t *to)
{
	json_t *lock = json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "lock",
		scene_hex(slot->lock), "session", scene_hex(slot->session), "user",
		scene_text_or_null(board_slot_user(slot)), "address",
		scene_text(board_slot_peer(slot)), "generation",
		(json_int_t)s->generations[g].number, "worker", (json_int_t)worker + 1,
		"held_s", scene_age(s, slot->locked_ms), "idle_s", scene_age(s, slot->last_ms));

	return lock && json_array_append_new(to, lock) == 0;
}

/* False: out of memory. */
static bool add_worker(
	const struct scene *s, size_t g, uint32_t worker, json_t *to, json_int_t *skipped)
{
	const struct board *b = s->generations[g].board;
	uint32_t used = board_slots_used(b, worker);
	struct board_slot slot;

	for (uint32_t i = 0; i < used; i++) {
		enum board_look look = board_slot_look(b, worker, i, &slot);

		*skipped += look == BOARD_BUSY;
		if (look == BOARD_SEEN && slot.lock != 0 && !add_lock(s, g, worker, &slot, to))
			return false;
	}
	return true;
}

json_t *locks_json(const struct scene *s)
{
	json_t *locks = json_array();
	json_int_t skipped = 0;

	for (size_t g = 0; locks && g < s->n; g++)
		for (uint32_t w = 0; w < board_shape(s->generations[g].board).workers; w++)
			if (!add_worker(s, g, w, locks, &skipped)) {
				json_decref(locks);
				return NULL;
			}
	return json_pack("{s:o, s:I}", "locks", locks, "skipped", skipped);
}
