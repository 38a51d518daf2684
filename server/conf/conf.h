/* SPDX-License-Identifier: MIT */
#ifndef CONF_CONF_H
#define CONF_CONF_H
/*
 * Configuration: libconfig text -> checked values. Every key is a row (struct
 * popart_opt, the same that modules bring): type, range, default, help. The rows are
 * what the checks, `popartd -n` and the manual's tables come from.
 *
 * The server's own part is read here. A module's group is kept as a block and read
 * later, by whoever has loaded the module and so knows its rows.
 *
 * More than libconfig: @include is relative to the file it stands in; integers need no L;
 * a string ends on its line.
 */
#include <netinet/in.h>
#include <popart/conf.h>
#include <sys/socket.h>
#include "conf/report.h"

/* One configured module: an element of `auth` or `storage`. */
struct conf_block {
	const char *module; /* "maildir", or a path with a slash        */
	const char *name;   /* instance name; the module's unless given; unique in its list */
	const char *file;   /* where it stands                          */
	unsigned line;
	const char *list;           /* "auth" or "storage": where it is from    */
	bool first, last;           /* in that list                             */
	bool as_user;               /* storage: files are reached for with the user's ids */
	struct popart_str *domains; /* in small letters; it is for their users */
	size_t ndomains;            /* 0: for everybody's                      */
	unsigned domains_line;      /* where they stand                        */
	const void *node;           /* conf_read_block knows                    */
};

struct conf_listener {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	const char *text; /* "127.0.0.1:1100", as written */
	const char *file; /* where it stands */
	unsigned line;
	bool plaintext_auth;
	bool tls; /* from the first octet (RFC 8314) */
};

/* Files that the master reads; the first certificate serves clients that name no host. */
struct conf_certificate {
	const char *certificate, *key; /* PEM; may be the same file       */
	const char *ocsp;              /* DER; NULL: none                 */
	const char *file;              /* where it stands, as does `line` */
	unsigned line;
};

struct log;

/* All strings live as long as the conf. Constant once loaded; any thread may read. */
struct conf {
	const char *hostname;            /* default: the machine's name */
	const char *user;                /* NULL: not set */
	const struct popart_str *groups; /* more groups for it; a NUL follows each */
	size_t ngroups;
	const char *run_dir, *state_dir, *module_path; /* defaults already filled in */
	unsigned workers;                     /* 0 already replaced by the number of cores */
	unsigned threads;                     /* per worker */
	unsigned max_connections;             /* of all workers together */
	unsigned max_connections_per_address; /* 0: no limit */
	unsigned max_bad_commands;
	int64_t idle_timeout_ms, login_timeout_ms, handshake_timeout_ms;
	int64_t start_timeout_ms, drain_timeout_ms, retire_timeout_ms;
	int64_t worker_timeout_ms; /* 0: none */
	int64_t call_deadline_ms;
	int64_t quarantine_ms; /* 0: none */
	int32_t expire_days;   /* as popart_session_conf has it */
	unsigned login_delay_s;
	bool implementation, apop;
	int log_to;           /* enum log_to                          */
	const char *log_path; /* the file, or the socket of syslog    */
	int log_format, log_level, log_facility;
	bool log_refused_users;
	const char *admin_socket;  /* NULL: there is no admin process   */
	const char *admin_group;   /* NULL: none                        */
	const char *admin_metrics; /* as written; NULL: not by TCP      */
	struct sockaddr_storage admin_metrics_addr;
	socklen_t admin_metrics_len;
	unsigned admin_mode;

	struct conf_listener *listen;
	size_t nlisten;
	struct conf_certificate *certificates; /* at least one if a listener has tls */
	size_t ncertificates;
	const char *tls_priorities; /* NULL: the default */
	const char *tls_file;       /* where they stand  */
	unsigned tls_line;
	struct conf_block *auth, *storage;
	size_t nauth, nstorage;

	const char *name;       /* of its file */
	struct conf_tree *tree; /* private */
};

/* Defaults depend on who asks (root or not, XDG_*, HOME): load before dropping privileges.
 * text: libconfig source, up to 1 MiB; name: its file name for messages and @include.
 * NULL when report has errors (all that could be found are in it). */
struct conf *conf_load(struct popart_str text, const char *name, struct report *);
/* The same of what is in a descriptor, which stays the caller's: the master's copy, in its
 * children. */
struct conf *conf_load_fd(int fd, const char *name, struct report *);
void conf_free(struct conf **);
/* Where a key of the server's own part stands, "log" for the group's target, "admin.mode"
 * for a key of that group; the file as a whole if it is not set. */
struct place conf_place(const struct conf *, const char *key);
/* Adds the text with everything that it includes in place, to be loaded later or by who
 * cannot read those files; messages still name the places. */
bool conf_flatten(struct popart_str text, const char *name, struct buf *, struct report *);

/* The server's own keys, for the manual's lint and the dump. */
extern const struct popart_opt conf_server_rows[], conf_listen_rows[], conf_tls_rows[],
	conf_certificate_rows[], conf_log_rows[], conf_admin_rows[];

/* The log that is configured, for this process. fd: the file, if it goes to one; the log's
 * from here on. NULL: out of memory. */
struct log *conf_log(const struct conf *, const char *process, int fd);
/* That the file cannot be opened for writing; errno says why. */
void conf_report_log(const struct conf *, struct report *);

/* Values of one block by the module's rows, which must outlive them. A row's fallback is
 * written without quotes, a LIST's with commas between. NULL when report has new errors. */
struct popart_conf *conf_read_block(const struct conf_block *, const struct popart_opt *rows,
	size_t stride, struct report *);
void conf_values_free(struct popart_conf **); /* wipes SECRET values */

/* What host->conf_* do. An unknown name or wrong type: abort() in developer builds,
 * else 0 / empty. */
int64_t conf_int(const struct popart_conf *, const char *name);
struct popart_str conf_str(const struct popart_conf *, const char *name);
size_t conf_list(const struct popart_conf *, const char *name, const struct popart_str **);

/* Effective configuration as text that could be loaded again, except that SECRET values
 * read "(hidden)". The server's part; then one block after the other by its values, every
 * block of a list in order. */
void conf_dump(const struct conf *, struct buf *);
void conf_dump_block(const struct conf_block *, const struct popart_conf *, struct buf *);
/* A line, likewise. */
void conf_dump_domains(const struct conf_block *, const char *indent, struct buf *);
/* Only the values, a line each: "key = value;", or "# key = not set". */
void conf_dump_values(const struct popart_conf *, struct buf *);

/* Adds s as a libconfig string literal, quotes and escapes included. */
void conf_add_string(struct buf *, struct popart_str s);

#endif
