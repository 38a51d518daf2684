/* SPDX-License-Identifier: MIT */
/*
 * Every metric, an X-macro: METRIC(id, name, kind, unit, help). No guard. The name is that
 * of the family: a counter's samples have _total behind it. unit: "" for none, else what
 * the name ends with. docs/METRICS.md has the labels.
 */
METRIC(BUILD, "popart_build", INFO, "", "The version that runs.")
METRIC(START, "popart_start_time_seconds", GAUGE, "seconds",
	"When the server was started, in Unix time.")
METRIC(GENERATIONS, "popart_generations", GAUGE, "",
	"Generations of workers that have not ended.")
METRIC(WORKERS, "popart_workers", GAUGE, "", "Worker processes, by state.")
METRIC(DEATHS, "popart_worker_deaths", COUNTER, "", "Workers that died.")
METRIC(RESTARTS, "popart_worker_restarts", COUNTER, "",
	"Workers started in place of one that died.")
METRIC(SESSIONS, "popart_sessions", GAUGE, "", "Connections now.")
METRIC(SESSIONS_MAX, "popart_sessions_max", GAUGE, "",
	"max_connections of the newest generation.")
METRIC(LOCKS, "popart_locks", GAUGE, "", "Session locks held now.")
METRIC(SKIPPED, "popart_sessions_skipped", GAUGE, "",
	"Sessions that changed too fast to be looked at for this answer.")
METRIC(CONNECTIONS, "popart_connections", COUNTER, "", "Connections accepted.")
METRIC(REFUSED, "popart_connections_refused", COUNTER, "", "Connections refused, by reason.")
METRIC(ENDED, "popart_sessions_ended", COUNTER, "", "Connections closed.")
METRIC(TIMEOUTS, "popart_timeouts", COUNTER, "",
	"Connections closed because a time was up, by phase.")
METRIC(LOGINS, "popart_logins", COUNTER, "", "Logins, by result and mechanism.")
METRIC(CONFLICTS, "popart_lock_conflicts", COUNTER, "",
	"Logins refused because another session had the maildrop.")
METRIC(BAD_COMMANDS, "popart_bad_commands", COUNTER, "",
	"Commands answered -ERR for their form.")
METRIC(OCTETS, "popart_octets", COUNTER, "", "Octets received and sent, TLS included.")
METRIC(RETRIEVED, "popart_messages_retrieved", COUNTER, "", "Messages sent whole.")
METRIC(DELETED, "popart_messages_deleted", COUNTER, "", "Messages removed.")
METRIC(MISMATCHES, "popart_size_mismatches", COUNTER, "",
	"Messages sent with another size than listed.")
METRIC(FAILURES, "popart_module_failures", COUNTER, "",
	"Module operations that failed internally, while a session was served.")
METRIC(OPERATION, "popart_module_operation_duration_seconds", HISTOGRAM, "seconds",
	"How long operations of modules took.")
METRIC(OP_FAILURES, "popart_module_operation_failures", COUNTER, "",
	"Operations of modules that failed internally.")
METRIC(CRASHES, "popart_module_crashes", COUNTER, "",
	"Workers that died while a thread was in the operation.")
METRIC(LATE, "popart_module_late_calls", COUNTER, "",
	"Calls into modules that went on past call_deadline.")
METRIC(QUARANTINED, "popart_quarantined", GAUGE, "",
	"Users that are refused now because workers died of them.")
METRIC(QUARANTINES, "popart_quarantines", COUNTER, "", "How often one of these began.")
METRIC(QUARANTINE_REFUSALS, "popart_quarantine_refusals", COUNTER, "", "Logins refused for it.")
METRIC(COUNTS, "popart_module_counts", COUNTER, "", "What modules count themselves.")
METRIC(LEVELS, "popart_module_levels", GAUGE, "", "What modules gauge themselves.")
METRIC(HANDSHAKES, "popart_tls_handshakes", COUNTER, "",
	"TLS handshakes, by version, cipher and whether a session was resumed.")
METRIC(HANDSHAKE_FAILURES, "popart_tls_handshake_failures", COUNTER, "",
	"TLS handshakes that failed.")
METRIC(CERTIFICATE, "popart_certificate_expiry_timestamp_seconds", GAUGE, "seconds",
	"When certificates expire, in Unix time.")
