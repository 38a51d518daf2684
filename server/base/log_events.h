/* SPDX-License-Identifier: MIT */
/* The table of log events, an X-macro: LOG_EVENT(id, name, level, fields, meaning). No guard:
 * log.h and log_table.c read it with different macros. docs/man/popartd.8 lists every row.
 *
 * Fields are in the order in which they stand in a line; not each line has all of them. rip
 * comes first where there is a client, what that client said last. */
LOG_EVENT(START, "start", POPART_LOG_INFO, "version workers threads account", "The server is ready: every worker has loaded its modules.")
LOG_EVENT(STOP, "stop", POPART_LOG_INFO, "exit", "The server has stopped.")
LOG_EVENT(LISTEN, "listen", POPART_LOG_INFO, "address tls", "A listening socket is open.")
LOG_EVENT(DRAIN, "drain", POPART_LOG_INFO, "reason timeout_ms sessions", "No new connections are taken; open sessions may finish.")
LOG_EVENT(WORKER_START, "worker_start", POPART_LOG_INFO, "worker pid", "A worker is ready.")
LOG_EVENT(WORKER_EXIT, "worker_exit", POPART_LOG_INFO, "worker pid", "A worker has ended as it was asked to.")
LOG_EVENT(WORKER_DIED, "worker_died", POPART_LOG_ERROR, "worker pid reason sessions restart_ms doing rip user", "A worker has died; it is replaced. Names the signal and, if one was running, the module call.")
LOG_EVENT(WORKER_FAILED, "worker_failed", POPART_LOG_ERROR, "worker reason", "A worker could not start; says why.")
LOG_EVENT(CONFIG, "config", POPART_LOG_WARN, "text", "Something in the configuration deserves a second look.")
LOG_EVENT(CONNECT, "connect", POPART_LOG_DEBUG, "rip lip session port", "A connection was accepted.")
LOG_EVENT(CONNECT_REFUSED, "connect_refused", POPART_LOG_WARN, "rip lip why", "A connection was refused: a limit, or no descriptors left. At most once a minute.")
LOG_EVENT(TLS_FAILED, "tls_failed", POPART_LOG_INFO, "rip lip session why", "A client and this port could not agree on TLS: they have nothing in common, or only one of them wants it.")
LOG_EVENT(LOGIN, "login", POPART_LOG_INFO, "rip lip session mechanism tls cipher resumed messages octets user", "A user is logged in and has the maildrop.")
LOG_EVENT(AUTH_FAILED, "auth_failed", POPART_LOG_WARN, "rip lip session mechanism tls cipher resumed status instance error why user", "A login was refused.")
LOG_EVENT(LOGIN_FAILED, "login_failed", POPART_LOG_WARN, "rip lip session mechanism tls cipher resumed status instance error why user", "The user is known, but the maildrop could not be opened.")
LOG_EVENT(SESSION_END, "session_end", POPART_LOG_INFO, "rip lip session reason ms in out messages retrieved top deleted failures mechanism tls cipher resumed user", "A session is over: its summary.")
LOG_EVENT(COMMIT, "commit", POPART_LOG_DEBUG, "rip lip session deleted user", "Deleted messages were removed.")
LOG_EVENT(COMMIT_FAILED, "commit_failed", POPART_LOG_ERROR, "rip lip session status instance error why user", "Some or all of the deleted messages could not be removed.")
LOG_EVENT(SIZE_MISMATCH, "size_mismatch", POPART_LOG_WARN, "rip lip session listed sent user", "A message had another size than was listed.")
LOG_EVENT(MODULE, "module", POPART_LOG_INFO, "rip session module instance call status error text user", "A module's own line.")
LOG_EVENT(MODULE_FAILED, "module_failed", POPART_LOG_ERROR, "rip session module instance call status error text user", "A module's operation failed; the client read only a fixed line.")
LOG_EVENT(SANDBOX, "sandbox", POPART_LOG_INFO, "landlock path why", "What the worker may still reach, or why there is no sandbox.")
LOG_EVENT(INTERNAL, "internal", POPART_LOG_ERROR, "what worker error", "Something that should never happen, or a system call that failed.")
LOG_EVENT(LOG_LOST, "log_lost", POPART_LOG_WARN, "lines", "Lines were dropped because the log was not read, or could not be written, for too long.")
LOG_EVENT(LOG_REOPEN, "log_reopen", POPART_LOG_INFO, "", "The log file was opened anew; this is its first line of the master.")
LOG_EVENT(LOG_REOPEN_FAILED, "log_reopen_failed", POPART_LOG_ERROR, "worker path error", "The log file could not be opened anew, or a worker not be told: lines go to the old one.")
