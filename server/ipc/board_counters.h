/* SPDX-License-Identifier: MIT */
/* Counters of the scoreboard, an X-macro: BOARD_COUNTER(id, name, help). No guard. */
BOARD_COUNTER(CONNECTIONS, "connections", "Connections accepted.")
BOARD_COUNTER(REFUSED, "refused", "Connections refused: too many, or no descriptors left.")
BOARD_COUNTER(LOGINS, "logins", "Successful logins.")
BOARD_COUNTER(AUTH_FAILURES, "auth_failures", "Logins refused for bad credentials.")
BOARD_COUNTER(LOGIN_ERRORS, "login_errors", "Logins that failed for another reason.")
BOARD_COUNTER(IN_USE, "in_use", "Logins refused because the maildrop was in use.")
BOARD_COUNTER(SESSIONS_ENDED, "sessions_ended", "Connections closed.")
BOARD_COUNTER(TIMEOUTS, "timeouts", "Connections closed for being idle.")
BOARD_COUNTER(BAD_COMMANDS, "bad_commands", "Commands answered -ERR for their form.")
BOARD_COUNTER(RETRIEVED, "retrieved", "Messages sent whole.")
BOARD_COUNTER(DELETED, "deleted", "Messages removed.")
BOARD_COUNTER(OCTETS_IN, "octets_in", "Octets received.")
BOARD_COUNTER(OCTETS_OUT, "octets_out", "Octets sent.")
BOARD_COUNTER(
	SIZE_MISMATCHES, "size_mismatches", "Messages sent with another size than listed.")
BOARD_COUNTER(MODULE_FAILURES, "module_failures", "Module operations that failed internally.")
