/* SPDX-License-Identifier: MIT */
#include <popart/host.h>
#include "base/log.h"

const struct log_event_row log_events[LOG_EV_COUNT] = {
#define LOG_EVENT(id, name, level, fields, meaning) { name, level, fields, meaning },
#include "base/log_events.h"
#undef LOG_EVENT
};

const struct log_field_row log_fields[] = {
#define LOG_FIELD(name, said, meaning) { name, said, meaning },
#include "base/log_fields.h"
#undef LOG_FIELD
	{ NULL, false, NULL }
};

const char *const log_level_names[] = { "error", "warn", "info", "debug", NULL };
static const int levels[] = { POPART_LOG_ERROR, POPART_LOG_WARN, POPART_LOG_INFO,
	POPART_LOG_DEBUG };

_Static_assert(ARRAY_LEN(log_level_names) == ARRAY_LEN(levels) + 1, "a name for each level");

int log_level_at(size_t index)
{
	return levels[index < ARRAY_LEN(levels) ? index : ARRAY_LEN(levels) - 1];
}

const char *const log_facility_names[] = { "mail", "daemon", "local0", "local1", "local2",
	"local3", "local4", "local5", "local6", "local7", NULL };
static const int facilities[] = { 2, 3, 16, 17, 18, 19, 20, 21, 22, 23 };

_Static_assert(ARRAY_LEN(log_facility_names) == ARRAY_LEN(facilities) + 1, "a name for each");

int log_facility_at(size_t index)
{
	return facilities[index < ARRAY_LEN(facilities) ? index : 0];
}
