/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ipc/board.h"
#include "suites.h"

#define READS   100000
#define THREADS 3u
#define ADDS    20000u

static const struct board_shape shape = { .workers = 2, .threads = THREADS, .slots = 1000 };

static struct board *make(int *fd)
{
	struct board *b = board_create(&shape, fd);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	return b;
}

static void test_create(void)
{
	struct board_shape wrong = shape;
	struct board_shape got;
	struct board *b, *other;
	struct stat st;
	int fd, pid;

	b = make(&fd);
	CU_ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CU_ASSERT_EQUAL(fstat(fd, &st), 0);
	CU_ASSERT_EQUAL(ftruncate(fd, 4096), -1);
	CU_ASSERT_EQUAL(errno, EPERM);
	CU_ASSERT_EQUAL(ftruncate(fd, st.st_size + 4096), -1);
	CU_ASSERT_EQUAL(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);

	other = board_map(fd);
	CU_ASSERT_PTR_NOT_NULL_FATAL(other);
	got = board_shape(other);
	CU_ASSERT_EQUAL(memcmp(&got, &shape, sizeof shape), 0);
	board_worker_state(b, 1, BOARD_SERVING, 4711);
	CU_ASSERT_EQUAL(board_worker_get(other, 1, &pid), BOARD_SERVING);
	CU_ASSERT_EQUAL(pid, 4711);
	CU_ASSERT_EQUAL(board_worker_get(other, 0, &pid), BOARD_FREE);
	board_beat(b, 1);
	CU_ASSERT_EQUAL(board_beats(other, 1), 1);
	CU_ASSERT_EQUAL(board_beats(other, 0), 0);
	board_unmap(&other);
	board_unmap(&b);
	CU_ASSERT_PTR_NULL(b);
	(void)close(fd);

	wrong.slots = 0;
	CU_ASSERT_PTR_NULL(board_create(&wrong, &fd));
	CU_ASSERT_EQUAL(errno, EINVAL);
	wrong.slots = UINT32_MAX;
	CU_ASSERT_PTR_NULL(board_create(&wrong, &fd));
	CU_ASSERT_EQUAL(errno, EINVAL);
}

/* Untouched parts of the largest board cost nothing, also when a reader looks. */
static void test_memory(void)
{
	struct board_shape large = { .workers = 64, .threads = 16, .slots = BOARD_SLOTS_MAX };
	struct board_slot copy;
	struct stat before, after;
	int fd;
	struct board *b = board_create(&large, &fd);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	board_slot_write(b, 0, 0)->state = 1;
	board_slot_done(board_slot_write(b, 0, 0));
	CU_ASSERT_EQUAL(fstat(fd, &before), 0);
	for (uint32_t i = 0; i < 100000; i++)
		CU_ASSERT_EQUAL_FATAL(board_slot_read(b, 0, i, &copy), i == 0);
	CU_ASSERT_EQUAL(fstat(fd, &after), 0);
	CU_ASSERT_EQUAL(before.st_blocks, after.st_blocks);
	CU_ASSERT(after.st_blocks * 512 < 64 * 1024);
	board_unmap(&b);
	(void)close(fd);
}

/* A memfd as board_create makes it, with one octet of its head changed. */
static int copy_with(int from, size_t offset, int seals)
{
	struct stat st;
	char head[4096];
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CU_ASSERT_FATAL(fd >= 0 && fstat(from, &st) == 0);
	CU_ASSERT_EQUAL_FATAL(pread(from, head, sizeof head, 0), (ssize_t)sizeof head);
	if (offset < sizeof head)
		head[offset] = (char)(head[offset] ^ 0x40);
	CU_ASSERT_EQUAL_FATAL(ftruncate(fd, st.st_size), 0);
	CU_ASSERT_EQUAL_FATAL(pwrite(fd, head, sizeof head, 0), (ssize_t)sizeof head);
	CU_ASSERT_EQUAL_FATAL(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static bool is_refused(int fd)
{
	struct board *b = board_map(fd);
	bool refused = !b && errno == EPROTO;

	board_unmap(&b);
	(void)close(fd);
	return refused;
}

static void test_layout(void)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int fd, good;
	struct board *b = make(&fd), *other;

	good = copy_with(fd, SIZE_MAX, seals);
	other = board_map(good);
	CU_ASSERT_PTR_NOT_NULL(other);
	board_unmap(&other);
	(void)close(good);
	/* Magic, layout, sizes of structs, number of counters, shape, size. */
	for (size_t i = 0; i < 36; i++)
		CU_ASSERT(is_refused(copy_with(fd, i, seals)));
	for (size_t i = 40; i < 48; i++)
		CU_ASSERT(is_refused(copy_with(fd, i, seals)));
	CU_ASSERT(is_refused(copy_with(fd, SIZE_MAX, F_SEAL_SHRINK)));
	CU_ASSERT(is_refused(open("/dev/null", O_RDWR | O_CLOEXEC)));
	CU_ASSERT(is_refused(memfd_create("empty", MFD_CLOEXEC)));
	board_unmap(&b);
	(void)close(fd);
}

static void fill(struct board_slot *s, uint64_t n)
{
	s->state = 2;
	s->session = n;
	s->since_ms = s->last_ms = (int64_t)n;
	s->octets_in = s->octets_out = s->lock = n;
	s->messages = s->retrieved = s->deleted = (uint32_t)n;
	memset(s->text, (int)(n & 0x7F), sizeof s->text);
}

static bool is_whole(const struct board_slot *s)
{
	struct board_slot same = *s;

	fill(&same, s->session);
	return memcmp(&same, s, sizeof same) == 0;
}

/* Writes slot 7 of worker 1 until it is killed, now and then leaving it half-written. */
static _Noreturn void write_for_ever(int fd)
{
	struct board *b = board_map(fd);

	/* Also when a failed assertion ends the test without end(). */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (uint64_t n = 1; b; n++) {
		fill(board_slot_write(b, 1, 7), n);
		board_slot_done(board_slot_write(b, 1, 7));
	}
	_exit(1);
}

static void end(pid_t child)
{
	int status;

	CU_ASSERT_EQUAL(kill(child, SIGKILL), 0);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_seqlock(void)
{
	struct board_slot copy = { 0 };
	uint64_t last = 0, moved = 0;
	int fd, reads = 0;
	struct board *b = make(&fd);
	pid_t child = fork();

	CU_ASSERT_FATAL(child >= 0);
	if (child == 0)
		write_for_ever(fd);
	(void)alarm(60);
	while (reads < READS || moved < 2) {
		if (!board_slot_read(b, 1, 7, &copy))
			continue;
		reads++;
		CU_ASSERT_FATAL(is_whole(&copy));
		CU_ASSERT_FATAL(copy.session >= last);
		moved += copy.session > last;
		last = copy.session;
	}
	(void)alarm(0);
	end(child);
	board_unmap(&b);
	(void)close(fd);
}

/* A worker that dies in the middle of a slot. */
static void test_repair(void)
{
	struct board_slot copy;
	int fd, ready[2], pid;
	char octet;
	struct board *b = make(&fd);
	pid_t child;

	CU_ASSERT_EQUAL_FATAL(pipe2(ready, O_CLOEXEC), 0);
	child = fork();
	CU_ASSERT_FATAL(child >= 0);
	if (child == 0) {
		struct board *own = board_map(fd);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		struct board_thread *note = board_thread(own, 1, 2);

		board_worker_state(own, 1, BOARD_SERVING, getpid());
		for (uint32_t i = 3; i < 6; i++) {
			struct board_slot *s = board_slot_write(own, 1, i);
			fill(s, i);
			if (i != 5)
				board_slot_done(s);
		}
		strcpy(note->what, "maildir.commit");
		atomic_store_explicit(&note->busy, 1, memory_order_release);
		board_count(own, 1, 0, BOARD_LOGINS, 3);
		(void)!write(ready[1], "x", 1);
		for (;;)
			(void)pause();
	}
	(void)board_slot_write(b, 0, 1);
	fill(board_slot_write(b, 0, 1), 9);
	board_slot_done(board_slot_write(b, 0, 1));
	CU_ASSERT_EQUAL_FATAL(read(ready[0], &octet, 1), 1);
	end(child);

	CU_ASSERT(board_slot_read(b, 1, 4, &copy));
	CU_ASSERT(!board_slot_read(b, 1, 5, &copy)); /* half-written */
	CU_ASSERT_EQUAL(atomic_load(&board_thread(b, 1, 2)->busy), 1);
	CU_ASSERT_STRING_EQUAL(board_thread(b, 1, 2)->what, "maildir.commit");
	CU_ASSERT_EQUAL(board_worker_repair(b, 1), 3);
	CU_ASSERT_EQUAL(board_worker_repair(b, 1), 0);
	CU_ASSERT_EQUAL(atomic_load(&board_thread(b, 1, 2)->busy), 0);
	CU_ASSERT_EQUAL(board_worker_get(b, 1, &pid), BOARD_FREE);
	for (uint32_t i = 0; i < shape.slots; i++)
		CU_ASSERT_FALSE_FATAL(board_slot_read(b, 1, i, &copy));
	CU_ASSERT_EQUAL(board_total(b, BOARD_LOGINS), 3);
	/* The next worker uses the slot as if nothing had been; the other kept its own. */
	fill(board_slot_write(b, 1, 5), 77);
	board_slot_done(board_slot_write(b, 1, 5));
	CU_ASSERT(board_slot_read(b, 1, 5, &copy) && copy.session == 77);
	CU_ASSERT(board_slot_read(b, 0, 1, &copy) && copy.session == 9);
	(void)close(ready[0]);
	(void)close(ready[1]);
	board_unmap(&b);
	(void)close(fd);
}

static void *add_many(void *arg)
{
	/* Two of the three threads share a place. */
	for (uint32_t i = 0; i < ADDS; i++)
		board_count(arg, 1, i % 2, BOARD_OCTETS_OUT, 3);
	return NULL;
}

static void test_counters(void)
{
	pthread_t threads[THREADS];
	int fd;
	struct board *b = make(&fd);

	for (size_t i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, add_many, b), 0);
	for (size_t i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_join(threads[i], NULL), 0);
	board_count(b, 0, 2, BOARD_OCTETS_OUT, UINT64_C(1) << 40);
	CU_ASSERT_EQUAL(board_worker_total(b, 1, BOARD_OCTETS_OUT), 3u * ADDS * THREADS);
	CU_ASSERT_EQUAL(
		board_total(b, BOARD_OCTETS_OUT), (UINT64_C(1) << 40) + 3u * ADDS * THREADS);
	CU_ASSERT_EQUAL(board_total(b, BOARD_LOGINS), 0);
	CU_ASSERT_STRING_EQUAL(board_counter_rows[BOARD_OCTETS_OUT].name, "octets_out");
	board_unmap(&b);
	(void)close(fd);
}

static void test_login_delay(void)
{
	const int64_t start = 1000000;
	int fd;
	struct board *b = make(&fd);

	CU_ASSERT_EQUAL(board_login_delay(b, 42, start, 60), 0);
	board_login_note(b, 42, start);
	CU_ASSERT_EQUAL(board_login_delay(b, 42, start, 60), 60);
	CU_ASSERT_EQUAL(board_login_delay(b, 42, start, 0), 0);
	CU_ASSERT_EQUAL(board_login_delay(b, UINT64_C(43) << 32 | 42, start, 60), 0);
	CU_ASSERT_EQUAL(board_login_delay(b, 42, start + 59000, 60), 2);
	CU_ASSERT(board_login_delay(b, 42, start + 60000, 60) <= 1);
	CU_ASSERT_EQUAL(board_login_delay(b, 42, start + 60250, 60), 0);
	board_login_note(b, 42, start + 70000);
	CU_ASSERT_EQUAL(board_login_delay(b, 42, start + 70000, 60), 60);

	/* Far more users than there is room for: the latest of them are remembered. */
	for (uint64_t n = 1; n <= 1000000; n++)
		board_login_note(b, n * UINT64_C(0x9e3779b97f4a7c15), start + 100000);
	for (uint64_t n = 2000000; n < 2001000; n++)
		board_login_note(b, n * UINT64_C(0x9e3779b97f4a7c15), start + 200000);
	for (uint64_t n = 2000000; n < 2001000; n++)
		CU_ASSERT_EQUAL(board_login_delay(b, n * UINT64_C(0x9e3779b97f4a7c15),
					start + 200000, 10),
			10);
	board_unmap(&b);
	(void)close(fd);
}

static void test_pass(void)
{
	const int64_t start = 3600 * 1000;
	int fd_old = -1, fd_new = -1;
	struct board *old = make(&fd_old), *new = make(&fd_new);
	uint64_t early = 42, late = UINT64_C(7) << 40, other = UINT64_C(9) << 40;

	board_login_note(old, early, start);
	board_login_note(old, late, start + 1000);
	board_login_note(new, late, start + 5000);
	board_login_note(new, other, start + 2000);
	board_pass_logins(old, new);
	board_pass_logins(old, new);
	CU_ASSERT_EQUAL(board_login_delay(new, early, start + 1000, 60), 60);
	CU_ASSERT_EQUAL(board_login_delay(new, early, start + 10000, 60), 51);
	CU_ASSERT_EQUAL(board_login_delay(new, late, start + 5000, 60), 60);
	CU_ASSERT_EQUAL(board_login_delay(new, other, start + 2000, 60), 60);

	board_count(old, 0, 1, BOARD_LOGINS, 3);
	board_count(old, 1, 0, BOARD_LOGINS, 4);
	board_count(new, 0, 0, BOARD_LOGINS, 5);
	board_pass_counters(old, new);
	CU_ASSERT_EQUAL(board_total(new, BOARD_LOGINS), 12);
	CU_ASSERT_EQUAL(board_total(new, BOARD_REFUSED), 0);
	board_unmap(&old);
	board_unmap(&new);
	(void)close(fd_old);
	(void)close(fd_new);
}

static const struct board_limits limits = { .all = 20, .per_site = 3 };

static void test_limit_all(void)
{
	int fd;
	struct board *b = make(&fd);

	for (uint32_t i = 0; i < limits.all; i++)
		CU_ASSERT_EQUAL(board_admit(b, i % 2, 0, limits), BOARD_ADMITTED);
	CU_ASSERT_EQUAL(board_admit(b, 0, 0, limits), BOARD_FULL);
	CU_ASSERT_EQUAL(board_admit(b, 1, 7, limits), BOARD_FULL);
	board_leave(b, 1, 0);
	CU_ASSERT_EQUAL(board_admit(b, 0, 7, limits), BOARD_ADMITTED);
	CU_ASSERT_EQUAL(board_admit(b, 0, 0, limits), BOARD_FULL);
	/* Worker 1 dies with the nine that it has left. */
	(void)board_worker_repair(b, 1);
	for (int i = 0; i < 9; i++)
		CU_ASSERT_EQUAL(board_admit(b, 0, 0, limits), BOARD_ADMITTED);
	CU_ASSERT_EQUAL(board_admit(b, 0, 0, limits), BOARD_FULL);
	board_unmap(&b);
	(void)close(fd);
}

static void test_limit_site(void)
{
	const uint64_t site = UINT64_C(0x9e3779b97f4a7c15);
	const struct board_limits off = { .all = 1000 };
	int fd;
	struct board *b = make(&fd);

	for (uint32_t i = 0; i < limits.per_site; i++)
		CU_ASSERT_EQUAL(board_admit(b, i % 2, site, limits), BOARD_ADMITTED);
	CU_ASSERT_EQUAL(board_admit(b, 0, site, limits), BOARD_SITE_FULL);
	CU_ASSERT_EQUAL(board_admit(b, 1, site, limits), BOARD_SITE_FULL);
	CU_ASSERT_EQUAL(board_admit(b, 1, site, off), BOARD_ADMITTED);
	board_leave(b, 1, site);
	/* In the same bucket; its neighbour; one that is not counted. */
	CU_ASSERT_EQUAL(board_admit(b, 0, site ^ UINT64_C(1) << 63, limits), BOARD_ADMITTED);
	CU_ASSERT_EQUAL(board_admit(b, 0, site + 1, limits), BOARD_ADMITTED);
	for (int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(board_admit(b, 0, 0, limits), BOARD_ADMITTED);
	board_leave(b, 1, site);
	CU_ASSERT_EQUAL(board_admit(b, 0, site, limits), BOARD_ADMITTED);
	CU_ASSERT_EQUAL(board_admit(b, 1, site, limits), BOARD_SITE_FULL);
	/* Worker 0 dies and gives back all that it had of it. */
	(void)board_worker_repair(b, 0);
	for (uint32_t i = 0; i < limits.per_site; i++)
		CU_ASSERT_EQUAL(board_admit(b, 0, site, limits), BOARD_ADMITTED);
	CU_ASSERT_EQUAL(board_admit(b, 1, site, limits), BOARD_SITE_FULL);
	board_unmap(&b);
	(void)close(fd);
}

/* More sites than places: nobody is refused for it, and nothing stays behind. */
static void test_limit_many_sites(void)
{
	enum { SITES = 20000 };
	const struct board_limits wide = { .all = SITES, .per_site = 1 };
	const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
	int fd;
	struct board *b = make(&fd);

	for (int round = 0; round < 2; round++) {
		for (uint64_t n = 1; n <= SITES; n++)
			CU_ASSERT_EQUAL_FATAL(
				board_admit(b, 0, n * step, wide), BOARD_ADMITTED);
		CU_ASSERT_EQUAL(board_admit(b, 0, step, wide), BOARD_FULL);
		for (uint64_t n = 1; n <= SITES; n++)
			board_leave(b, 0, n * step);
	}
	CU_ASSERT_EQUAL(board_admit(b, 1, step, wide), BOARD_ADMITTED);
	CU_ASSERT_EQUAL(board_admit(b, 0, step, wide), BOARD_SITE_FULL);
	board_unmap(&b);
	(void)close(fd);
}

struct comer {
	struct board *board;
	uint32_t worker;
};

static _Atomic uint32_t inside, most;

/* Comes and goes; never may more than a site's limit be inside. */
static void *come_and_go(void *arg)
{
	const struct comer *c = arg;

	for (uint32_t i = 0; i < ADDS; i++) {
		uint32_t now, seen = atomic_load(&most);

		if (board_admit(c->board, c->worker, 99, limits) != BOARD_ADMITTED)
			continue;
		now = atomic_fetch_add(&inside, 1) + 1;
		while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
			;
		atomic_fetch_sub(&inside, 1);
		board_leave(c->board, c->worker, 99);
	}
	return NULL;
}

static void test_limit_threads(void)
{
	enum { COMERS = 6 };
	struct comer comers[COMERS];
	pthread_t threads[COMERS];
	int fd;
	struct board *b = make(&fd);

	for (uint32_t i = 0; i < COMERS; i++) {
		comers[i] = (struct comer){ .board = b, .worker = i % 2 };
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&threads[i], NULL, come_and_go, &comers[i]), 0);
	}
	for (uint32_t i = 0; i < COMERS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_join(threads[i], NULL), 0);
	CU_ASSERT(atomic_load(&most) <= limits.per_site);
	/* All have gone: nothing is left of them. */
	for (uint32_t i = 0; i < limits.per_site; i++)
		CU_ASSERT_EQUAL(board_admit(b, i % 2, 99, limits), BOARD_ADMITTED);
	for (uint32_t i = limits.per_site; i < limits.all; i++)
		CU_ASSERT_EQUAL(board_admit(b, 0, 0, limits), BOARD_ADMITTED);
	CU_ASSERT_EQUAL(board_admit(b, 0, 0, limits), BOARD_FULL);
	board_unmap(&b);
	(void)close(fd);
}

static void hold(struct board *b, uint32_t worker, uint32_t slot, uint64_t lock)
{
	struct board_slot *s = board_slot_write(b, worker, slot);

	s->state = 2;
	s->lock = lock;
	s->session = slot;
	board_slot_done(s);
	board_lock_note(b, lock, worker, slot);
}

static void test_lock_holder(void)
{
	const uint64_t lock = UINT64_C(0xFEDCBA9876543210), step = UINT64_C(1) << 40;
	struct board_slot copy;
	uint32_t worker;
	int fd;
	struct board *b = make(&fd);

	CU_ASSERT_FALSE(board_lock_holder(b, lock, &copy, &worker));
	hold(b, 1, 999, lock);
	CU_ASSERT(board_lock_holder(b, lock, &copy, &worker));
	CU_ASSERT(worker == 1 && copy.session == 999);
	CU_ASSERT_FALSE(board_lock_holder(b, lock ^ step, &copy, &worker));
	CU_ASSERT_FALSE(board_lock_holder(b, lock ^ 1u << 20, &copy, &worker));
	board_lock_forget(b, lock, 0, 999); /* another's */
	CU_ASSERT(board_lock_holder(b, lock, &copy, &worker));
	board_lock_forget(b, lock, 1, 999);
	CU_ASSERT_FALSE(board_lock_holder(b, lock, &copy, &worker));

	/* A killed worker's hint leads nowhere, and the next holder takes its place. */
	hold(b, 1, 5, lock);
	(void)board_worker_repair(b, 1);
	CU_ASSERT_FALSE(board_lock_holder(b, lock, &copy, &worker));
	hold(b, 0, 6, lock);
	CU_ASSERT(board_lock_holder(b, lock, &copy, &worker));
	CU_ASSERT(worker == 0 && copy.session == 6);

	/* A bucket that is full forgets one for each that comes. */
	for (uint32_t i = 0; i < 100; i++) {
		hold(b, 0, 100 + i, lock + i * step);
		CU_ASSERT(board_lock_holder(b, lock + i * step, &copy, &worker));
		CU_ASSERT_EQUAL(copy.session, 100 + i);
	}
	board_unmap(&b);
	(void)close(fd);
}

static bool says(struct popart_str said, const char *text)
{
	return view_eq(said, view_str(text));
}

/* Both stand in one room: whoever comes from far has a shorter name. */
static void test_texts(void)
{
	static const char far[] = "2001:db8:1111:2222:3333:4444:5555:6666",
			  local[] = "a.name.that.is.longer.than.the.room.for.it",
			  domain[] = "@and.so.is.the.domain.of.example.org";
	struct board_slot s = { 0 };
	char name[128];
	struct popart_str user;

	(void)snprintf(name, sizeof(name), "%s%s", local, domain);
	CU_ASSERT(says(board_slot_peer(&s), "") && says(board_slot_user(&s), ""));
	CU_ASSERT_FALSE(board_slot_is_of(&s, view_str(name)));
	board_slot_set_peer(&s, VIEW_LIT("192.0.2.123"));
	board_slot_set_user(&s, view_str(local));
	CU_ASSERT(says(board_slot_peer(&s), "192.0.2.123") && says(board_slot_user(&s), local));
	CU_ASSERT(board_slot_is_of(&s, view_str(local)));
	CU_ASSERT_FALSE(board_slot_is_of(&s, view_str(name)));
	CU_ASSERT_FALSE(board_slot_is_of(&s, VIEW_LIT("a.name")));
	board_slot_set_peer(&s, view_str(far));
	board_slot_set_user(&s, view_str(name));
	user = board_slot_user(&s);
	CU_ASSERT(says(board_slot_peer(&s), far));
	CU_ASSERT(
		user.len == sizeof(s.text) - strlen(far) && view_starts(view_str(name), user));
	CU_ASSERT(board_slot_is_of(&s, view_str(name)));
	CU_ASSERT_FALSE(board_slot_is_of(&s, user));
	name[strlen(name) - 1] = 'x';
	CU_ASSERT_FALSE(board_slot_is_of(&s, view_str(name)));
	/* Whatever a worker has written there, nobody reads beyond the room. */
	s.peer_len = 200;
	CU_ASSERT_EQUAL(board_slot_peer(&s).len, sizeof(s.text));
	CU_ASSERT_EQUAL(board_slot_user(&s).len, 0);
	s.peer_len = 9;
	s.user_len = 255;
	CU_ASSERT_EQUAL(board_slot_user(&s).len, sizeof(s.text) - 9);
}

CU_TestInfo board_tests[] = {
	{ "made, sealed and mapped again", test_create },
	{ "slots that nobody touched cost nothing", test_memory },
	{ "who is there, and from where", test_texts },
	{ "another layout is refused", test_layout },
	{ "a reader never sees half a slot of a writing process", test_seqlock },
	{ "after a kill the worker's part is whole again", test_repair },
	{ "counters of threads and workers add up", test_counters },
	{ "login delay", test_login_delay },
	{ "what a generation passes on to the next", test_pass },
	{ "so many connections in all", test_limit_all },
	{ "so many connections from a site", test_limit_site },
	{ "more sites than there is room for", test_limit_many_sites },
	{ "never too many, and nothing stays behind", test_limit_threads },
	{ "the holder of a lock is found", test_lock_holder },
	CU_TEST_INFO_NULL,
};
