/* SPDX-License-Identifier: MIT */
#include "ipc/lock.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILE_BITS  12
#define KEPT       256u /* files that stay open without a lock */
#define PLACES_MIN 64u

_Static_assert(LOCKS_FILES == 1u << FILE_BITS, "a file's number is so many bits of the hash");

struct file {
	int fd; /* -1: not open */
	uint32_t held;
};

struct held {
	uint64_t hash; /* 0: empty place */
	int fd;
};

/* Open addressing, at most three quarters full: a place is found in a few steps. It grows with
 * what is held: in one for all that might be, few locks would touch many pages. */
struct locks {
	pthread_mutex_t mutex;
	int dir;
	struct file files[LOCKS_FILES];
	size_t open;
	size_t held, max;
	size_t mask;
	struct held *table;
};

struct locks *locks_new(const char *dir, unsigned max)
{
	struct locks *l = calloc(1, sizeof(*l));
	int saved;

	if (!l)
		return NULL;
	for (size_t i = 0; i < LOCKS_FILES; i++)
		l->files[i].fd = -1;
	l->max = max;
	l->mask = PLACES_MIN - 1;
	l->table = calloc(PLACES_MIN, sizeof(*l->table));
	l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->table && l->dir >= 0 && pthread_mutex_init(&l->mutex, NULL) == 0)
		return l;
	saved = l->table ? errno : ENOMEM;
	if (l->dir >= 0)
		(void)close(l->dir);
	free(l->table);
	free(l);
	errno = saved;
	return NULL;
}

void locks_free(struct locks **lp)
{
	struct locks *l = *lp;

	if (!l)
		return;
	for (size_t i = 0; i < LOCKS_FILES; i++)
		if (l->files[i].fd >= 0)
			(void)close(l->files[i].fd);
	(void)close(l->dir);
	pthread_mutex_destroy(&l->mutex);
	free(l->table);
	free(l);
	*lp = NULL;
}

static uint64_t key_of(uint64_t hash)
{
	return hash ? hash : 1;
}

/* The place of key, or the empty one where it would go. */
static size_t find(const struct locks *l, uint64_t key)
{
	size_t i = (size_t)(key >> FILE_BITS) & l->mask;

	while (l->table[i].hash && l->table[i].hash != key)
		i = (i + 1) & l->mask;
	return i;
}

/* Room for one more. False: out of memory, or more than there may be. */
static bool grow(struct locks *l)
{
	struct locks larger = { .mask = l->mask * 2 + 1 };

	if (l->held >= l->max)
		return false;
	if (4 * (l->held + 1) <= 3 * (l->mask + 1))
		return true;
	larger.table = calloc(larger.mask + 1, sizeof(*larger.table));
	if (!larger.table)
		return false;
	for (size_t i = 0; i <= l->mask; i++)
		if (l->table[i].hash)
			larger.table[find(&larger, l->table[i].hash)] = l->table[i];
	free(l->table);
	l->table = larger.table;
	l->mask = larger.mask;
	return true;
}

/* Keeps every chain whole: what follows the gap moves back into it if it may. */
static void forget(struct locks *l, size_t gap)
{
	size_t i = gap;

	for (;;) {
		size_t home;

		l->table[gap].hash = 0;
		do {
			i = (i + 1) & l->mask;
			if (!l->table[i].hash)
				return;
			home = (size_t)(l->table[i].hash >> FILE_BITS) & l->mask;
		} while (((i - home) & l->mask) < ((i - gap) & l->mask));
		l->table[gap] = l->table[i];
		gap = i;
	}
}

/* NULL: errno. */
static struct file *file_of(struct locks *l, uint64_t key)
{
	unsigned n = (unsigned)(key & (LOCKS_FILES - 1));
	struct file *file = &l->files[n];
	char name[4];

	if (file->fd >= 0)
		return file;
	(void)snprintf(name, sizeof(name), "%03x", n);
	file->fd = openat(l->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file->fd < 0)
		return NULL;
	l->open++;
	return file;
}

static void let_go(struct locks *l, struct file *file)
{
	if (file->held > 0 || l->open <= KEPT)
		return;
	(void)close(file->fd);
	file->fd = -1;
	l->open--;
}

static int set_byte(int fd, uint64_t key, short type)
{
	struct flock range = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)(key >> FILE_BITS),
		.l_len = 1,
	};

	while (fcntl(fd, F_OFD_SETLK, &range) != 0)
		if (errno != EINTR)
			return errno == EACCES ? EAGAIN : errno;
	return 0;
}

int locks_take(struct locks *l, uint64_t hash, int fd)
{
	uint64_t key = key_of(hash);
	struct file *file;
	int error;

	pthread_mutex_lock(&l->mutex);
	if (l->table[find(l, key)].hash) {
		error = EAGAIN;
	} else if (!grow(l)) {
		error = ENOMEM;
	} else {
		file = file_of(l, key);
		error = file ? set_byte(file->fd, key, F_WRLCK) : errno;
		if (error == 0) {
			l->table[find(l, key)] = (struct held){ .hash = key, .fd = fd };
			l->held++;
			file->held++;
		} else if (file) {
			let_go(l, file);
		}
	}
	pthread_mutex_unlock(&l->mutex);
	return error;
}

void locks_drop(struct locks *l, uint64_t hash)
{
	uint64_t key = key_of(hash);
	struct file *file = &l->files[key & (LOCKS_FILES - 1)];
	size_t at;

	pthread_mutex_lock(&l->mutex);
	at = find(l, key);
	if (l->table[at].hash) {
		(void)set_byte(file->fd, key, F_UNLCK);
		forget(l, at);
		l->held--;
		file->held--;
		let_go(l, file);
	}
	pthread_mutex_unlock(&l->mutex);
}

int locks_place(struct locks *l, uint64_t hash, uint64_t *offset)
{
	uint64_t key = key_of(hash);
	struct file *file;

	pthread_mutex_lock(&l->mutex);
	file = file_of(l, key);
	pthread_mutex_unlock(&l->mutex);
	*offset = key >> FILE_BITS;
	return file ? file->fd : -1;
}

/* An idle connection: the kernel asks the peer, and resets the connection after three
 * seconds without an answer. */
static void ask_peer(int fd)
{
	static const int on = 1, first_s = 1, every_s = 1, probes = 3;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &first_s, sizeof(first_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

/* A connection in the middle of a message: keep-alive rests while octets wait to be
 * acknowledged. (TCP_USER_TIMEOUT would also end a peer that lives but reads slowly.) */
static bool is_silent(int fd)
{
	enum { PATIENCE_MS = 5000 };
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return false;
	return (info.tcpi_retransmits > 0 || info.tcpi_probes > 1) &&
		info.tcpi_last_ack_recv > PATIENCE_MS;
}

bool locks_probe(struct locks *l, uint64_t hash)
{
	size_t at;
	bool held;

	pthread_mutex_lock(&l->mutex);
	at = find(l, key_of(hash));
	held = l->table[at].hash != 0;
	if (held) {
		ask_peer(l->table[at].fd);
		if (is_silent(l->table[at].fd))
			(void)shutdown(l->table[at].fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&l->mutex);
	return held;
}
