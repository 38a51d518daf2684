/* SPDX-License-Identifier: MIT */
#include "worker/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers we may be built with. */
#define ACCESS_REFER     (1ULL << 13) /* ABI 2: rename and link between directories */
#define ACCESS_TRUNCATE  (1ULL << 14) /* ABI 3 */
#define ACCESS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define ACCESS_V1        ((1ULL << 13) - 1)

struct rules {
	int fd;
	uint64_t handled;
	const char *unbounded; /* a path that cannot be held to one place; NULL: none */
};

/* What a file itself can have; the rest is about directories. */
static uint64_t file_access(uint64_t handled)
{
	return handled &
		(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
			LANDLOCK_ACCESS_FS_READ_FILE | ACCESS_TRUNCATE | ACCESS_IOCTL_DEV);
}

static bool allow_fd(const struct rules *r, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = access & r->handled,
		.parent_fd = fd,
	};

	return syscall(SYS_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

/* A file that is replaced is another one then: whatever is in its directory may be read. */
static void allow_file(const struct rules *r, int fd, struct buf *path)
{
	char *slash = memrchr(path->ptr, '/', path->len);
	int dir;

	(void)allow_fd(r, fd, file_access(~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE));
	path->len = slash ? (size_t)(slash - path->ptr) : 0;
	dir = path->len ? open(buf_cstr(path), O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir < 0)
		return;
	(void)allow_fd(r, dir, LANDLOCK_ACCESS_FS_READ_FILE);
	(void)close(dir);
}

/* Everything beneath the fixed part of a template: "/var/vmail" of "/var/vmail/%d/%n". What
 * does not exist yet is allowed through the nearest directory that does. */
static void allow_path(void *ctx, const char *template)
{
	uint64_t all = ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
	struct rules *r = ctx;
	struct buf path;
	char *slash;
	int fd = -1;

	buf_init(&path, 4096);
	buf_add(&path, view_of(template, strcspn(template, "%")));
	if (template[path.len] == '%')
		while (path.len > 0 && path.ptr[path.len - 1] != '/')
			path.len--;
	while (path.len > 1) {
		fd = open(buf_cstr(&path), O_PATH | O_CLOEXEC);
		if (fd >= 0 || errno != ENOENT)
			break;
		slash = memrchr(path.ptr, '/', path.len - 1);
		path.len = slash ? (size_t)(slash - path.ptr) : 0;
	}
	if (path.len <= 1)
		r->unbounded = template;
	if (fd >= 0 && path.len > 1 && !allow_fd(r, fd, all))
		allow_file(r, fd, &path);
	if (fd >= 0)
		(void)close(fd);
	buf_free(&path);
}

/* What is read on the way to a name, and to know its certificate; all of it is open to
 * everybody outside, too. */
static void allow_network(const struct rules *r)
{
	static const char *const paths[] = { "/etc/resolv.conf", "/run/systemd/resolve",
		"/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
		"/etc/services", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/gnutls",
		"/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/lib",
		"/lib64", "/usr/lib", "/usr/lib64" };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		int fd = open(paths[i], O_PATH | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!allow_fd(
			    r, fd, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR))
			(void)allow_fd(r, fd, LANDLOCK_ACCESS_FS_READ_FILE);
		(void)close(fd);
	}
}

static void say(struct log *log, const char *state, const char *why, const char *path)
{
	struct log_line l;

	log_begin(log, &l, LOG_EV_SANDBOX);
	log_str(&l, "landlock", state);
	if (path)
		log_str(&l, "path", path);
	if (why)
		log_str(&l, "why", why);
	log_end(&l);
}

static int abi(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 0; /* their reports read /proc */
#else
	return (int)syscall(
		SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
#endif
}

static uint64_t handled_by(int version)
{
	uint64_t access = ACCESS_V1 | ACCESS_REFER;

	if (version >= 3)
		access |= ACCESS_TRUNCATE;
	if (version >= 5)
		access |= ACCESS_IOCTL_DEV;
	return access;
}

void sandbox_enter(const struct host *host, const struct conf *conf, struct log *log)
{
	struct landlock_ruleset_attr attr = { 0 };
	struct rules r = { .fd = -1 };
	int version = abi();

	/* Version 1 refuses every rename between directories, a delivery's last step. */
	if (version < 2) {
		say(log, "off", "not offered by this kernel or build", NULL);
		return;
	}
	attr.handled_access_fs = r.handled = handled_by(version);
	r.fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (r.fd < 0) {
		say(log, "off", "the kernel refused a rule set", NULL);
		return;
	}
	allow_path(&r, conf->run_dir);
	allow_path(&r, "/dev/null");
	host_each_path(host, allow_path, &r);
	if (host_needs(host) & POPART_NEEDS_NETWORK)
		allow_network(&r);
	if (r.unbounded)
		say(log, "off", "this path cannot be held to one place", r.unbounded);
	else if (host_needs(host) & POPART_NEEDS_PROCESS)
		say(log, "off", "a module starts other programs", NULL);
	else if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		syscall(SYS_landlock_restrict_self, r.fd, 0) != 0)
		say(log, "off", "the kernel refused it", NULL);
	else
		say(log, "on", NULL, NULL);
	(void)close(r.fd);
}
