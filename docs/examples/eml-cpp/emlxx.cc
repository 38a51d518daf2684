// SPDX-License-Identifier: MIT
// The store of ../eml in C++: same directories, same unique-ids. What C++ adds: a descriptor
// closes itself, and what throws inside an operation becomes its status, for no exception
// may pass into the server.
#include <popart/module.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace
{

enum Counter : uint32_t { REMOVED, DELIVERED }; // rows of stats, at the end

// A call as the functions below need it.
struct Context {
	const popart_host *host;
	popart_instance *inst;
	const popart_call *call;
};

// Thrown with a status whose reason is recorded already.
struct Failure {
	int status;
};

[[noreturn]] void fail(const Context &at, int status, int error, const std::string &what)
{
	throw Failure{ at.host->fail(
		at.inst, at.call, status, nullptr, error, "%s", what.c_str()) };
}

[[noreturn]] void fail_io(const Context &at, const std::string &what)
{
	const int error = errno;
	const bool full = error == ENOSPC || error == EDQUOT;

	fail(at, full ? POPART_R_OVER_QUOTA : POPART_E_IO, error, "cannot " + what);
}

// Runs an operation.
template <typename Operation> int guarded(Operation operation) noexcept
{
	try {
		return operation();
	} catch (const Failure &f) {
		return f.status;
	} catch (const std::bad_alloc &) {
		return POPART_E_NOMEM;
	} catch (...) {
		return POPART_E_BUG;
	}
}

class Fd
{
      public:
	Fd() = default;
	explicit Fd(int fd) : fd_(fd)
	{
	}
	Fd(Fd &&other) noexcept : fd_(std::exchange(other.fd_, -1))
	{
	}
	Fd &operator=(Fd &&other) noexcept
	{
		std::swap(fd_, other.fd_);
		return *this;
	}
	~Fd()
	{
		if (fd_ >= 0)
			close(fd_);
	}
	explicit operator bool() const
	{
		return fd_ >= 0;
	}
	int get() const
	{
		return fd_;
	}
	int release()
	{
		return std::exchange(fd_, -1);
	}

      private:
	int fd_ = -1;
};

// ---- the message set ----

// FNV-1a.
constexpr uint64_t HASH_BEGIN = 0xcbf29ce484222325;

uint64_t hash_more(uint64_t hash, std::string_view octets)
{
	for (const char c : octets)
		hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
	return hash;
}

// What is delivered is numbered and comes last; what people have put there has names.
bool is_numbered(std::string_view name)
{
	return name.size() == 24 && name[0] == '0' && name.ends_with(".eml") &&
		name.find_first_not_of("0123456789") == 20;
}

bool is_message(std::string_view name)
{
	return name.size() > 4 && !name.starts_with('.') && name.ends_with(".eml");
}

struct Message {
	std::string name;
	ino_t ino = 0;
	uint64_t octets = 0, wire_size = 0, hash = HASH_BEGIN;
	int64_t received_s = 0;

	bool is(const struct stat &st) const
	{
		return st.st_ino == ino && static_cast<uint64_t>(st.st_size) == octets;
	}
	bool operator<(const Message &other) const
	{
		const bool mine = is_numbered(name), theirs = is_numbered(other.name);

		return mine != theirs ? theirs : name < other.name;
	}
	std::string uid() const
	{
		std::array<char, 40> text;

		std::snprintf(text.data(), text.size(), "%016llx-%016llx",
			static_cast<unsigned long long>(hash_more(HASH_BEGIN, name)),
			static_cast<unsigned long long>(hash));
		return text.data();
	}
};

// Without a descriptor and with ENOENT: there is no such message, or no longer.
Fd open_message(const Fd &dir, const std::string &name, struct stat &st)
{
	Fd fd(openat(dir.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));

	if (!fd && errno == ELOOP)
		errno = ENOENT; // a symbolic link, which could lead anywhere
	if (fd && (fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode))) {
		fd = Fd();
		errno = ENOENT;
	}
	return fd;
}

// Counts what a RETR sends: an LF without a CR becomes two octets, and a last line without
// an end gets one.
void measure(const Context &at, Message &m, const Fd &fd)
{
	std::array<char, 65536> buf;
	char last = 0;
	ssize_t n;

	while ((n = read(fd.get(), buf.data(), buf.size())) > 0) {
		const std::string_view part(buf.data(), static_cast<size_t>(n));

		for (const char c : part) {
			m.wire_size += c == '\n' && last != '\r' ? 2 : 1;
			last = c;
		}
		m.octets += part.size();
		m.hash = hash_more(m.hash, part);
		if (at.host->stop_asked(at.call))
			throw Failure{ POPART_E_CANCELLED };
	}
	if (n < 0)
		fail_io(at, "read " + m.name);
	if (m.octets && last != '\n')
		m.wire_size += 2;
}

using Directory = std::unique_ptr<DIR, int (*)(DIR *)>;

Directory entries(const Fd &dir)
{
	Fd again(openat(dir.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	Directory list(again ? fdopendir(again.get()) : nullptr, closedir);

	if (list)
		again.release();
	return list;
}

std::vector<Message> messages(const Context &at, const Fd &dir)
{
	std::vector<Message> found;
	const Directory list = entries(dir);
	const dirent *e;

	if (!list)
		fail_io(at, "list the directory");
	while (errno = 0, (e = readdir(list.get())) != nullptr) {
		Message m;
		struct stat st;

		if (!is_message(e->d_name))
			continue;
		m.name = e->d_name;
		const Fd fd = open_message(dir, m.name, st);
		if (!fd && errno != ENOENT)
			fail_io(at, "open " + m.name);
		if (!fd)
			continue; // removed meanwhile, or no file
		m.ino = st.st_ino;
		m.received_s = st.st_mtime;
		measure(at, m, fd);
		found.push_back(std::move(m));
	}
	if (errno)
		fail_io(at, "list the directory");
	std::sort(found.begin(), found.end());
	return found;
}

// ---- a session ----

struct Store {
	const popart_host *host;
	popart_instance *inst;
	const popart_conf *conf;

	Context at(const popart_call *call) const
	{
		return { host, inst, call };
	}
	std::string path(const popart_call *call, const popart_user *user) const
	{
		popart_str path;
		const int status = host->expand(inst, call, conf, "path", user, &path);

		if (status)
			throw Failure{ status };
		return { path.ptr, path.len };
	}
};

struct Drop {
	Store *store;
	Fd dir; // none: the user has none yet
	std::vector<Message> list;

	const Message &message(uint64_t ref) const
	{
		if (ref >= list.size())
			throw Failure{ POPART_E_BUG };
		return list[ref];
	}
};

int drop_open(void *state, const popart_call *call, const popart_user *user, void **out)
{
	return guarded([&] {
		auto *store = static_cast<Store *>(state);
		auto drop = std::make_unique<Drop>();
		const std::string path = store->path(call, user);

		drop->store = store;
		drop->dir = Fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		if (!drop->dir && errno != ENOENT)
			fail_io(store->at(call), "open " + path);
		if (drop->dir)
			drop->list = messages(store->at(call), drop->dir);
		*out = drop.release();
		return POPART_OK;
	});
}

int drop_list(void *state, const popart_call *, popart_msg_sink *sink)
{
	return guarded([&] {
		const auto *drop = static_cast<Drop *>(state);
		int status = POPART_OK;

		for (size_t i = 0; i < drop->list.size() && !status; i++) {
			const Message &m = drop->list[i];
			const std::string uid = m.uid();
			popart_msg msg = {};

			msg.ref = i;
			msg.wire_size = m.wire_size;
			msg.uid = { uid.data(), uid.size() };
			msg.received_s = m.received_s;
			status = sink->add(sink, &msg, 1, sizeof(msg));
		}
		return status;
	});
}

int drop_message(void *state, const popart_call *call, uint64_t ref, popart_source *source)
{
	return guarded([&] {
		const auto *drop = static_cast<Drop *>(state);
		const Message &m = drop->message(ref);
		struct stat st;
		Fd fd = open_message(drop->dir, m.name, st);

		// One file that cannot be read keeps nobody from the others.
		if (!fd && errno != ENOENT)
			fail(drop->store->at(call), POPART_R_TEMP, errno,
				"cannot open " + m.name);
		if (!fd || !m.is(st))
			fail(drop->store->at(call), POPART_R_GONE, 0,
				m.name + " was removed by another program");
		source->kind = POPART_SRC_FD;
		source->fd = fd.release();
		source->length = m.octets;
		source->release = [](popart_source *s) { close(s->fd); };
		return POPART_OK;
	});
}

// Durable when the directory is: a crash before that leaves some, or all, of the messages,
// and the client, which has no answer, finds them again.
int drop_commit(
	void *state, const popart_call *call, const uint64_t *refs, size_t n, size_t *removed)
{
	return guarded([&] {
		const auto *drop = static_cast<Drop *>(state);
		const Context at = drop->store->at(call);
		int error = 0;

		*removed = 0;
		for (size_t i = 0; i < n && !error; i++) {
			const Message &m = drop->message(refs[i]);
			struct stat st;

			// Another file that has its name by now was never shown to the client.
			if (fstatat(drop->dir.get(), m.name.c_str(), &st,
				    AT_SYMLINK_NOFOLLOW) == 0 &&
				m.is(st) && unlinkat(drop->dir.get(), m.name.c_str(), 0) != 0 &&
				errno != ENOENT)
				error = errno;
			else
				++*removed;
		}
		if (fsync(drop->dir.get()) != 0 && !error)
			error = errno;
		at.host->stat_add(at.inst, call, REMOVED, static_cast<int64_t>(*removed));
		if (error)
			fail(at, *removed ? POPART_R_PARTIAL : POPART_R_TEMP, error,
				"cannot remove messages");
		return POPART_OK;
	});
}

void drop_close(void *state, const popart_call *)
{
	delete static_cast<Drop *>(state);
}

// ---- delivery ----

// A file that is hidden until it has its name, and goes if it never gets one.
struct Delivery {
	Store *store = nullptr;
	Fd dir, fd;
	int64_t received_s = 0;
	std::string temporary;

	~Delivery()
	{
		if (fd)
			unlinkat(dir.get(), temporary.c_str(), 0);
	}
};

// The directory, made if it is not there, with its name in the one above.
Fd make_directory(const Context &at, const std::string &path)
{
	if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
		fail_io(at, "make " + path);
	Fd dir(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!dir)
		fail_io(at, "open " + path);
	const Fd above(openat(dir.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (above)
		(void)fsync(above.get()); // may be refused where only this directory is ours
	return dir;
}

// Microseconds, so that no number is given twice, and what comes later comes behind.
uint64_t next_number(const Fd &dir)
{
	timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t number = static_cast<uint64_t>(now.tv_sec) * 1000000 +
		static_cast<uint64_t>(now.tv_nsec) / 1000;
	const Directory list = entries(dir);

	// The clock may have been set back.
	while (const dirent *e = list ? readdir(list.get()) : nullptr)
		if (is_numbered(e->d_name))
			number = std::max(
				number, static_cast<uint64_t>(std::stoull(e->d_name)) + 1);
	return number;
}

// A link fails where the name is taken already; a rename would replace what is there.
void give_name(const Context &at, const Delivery &dl)
{
	uint64_t number = next_number(dl.dir);

	for (unsigned tries = 0; tries < 1000; tries++, number++) {
		std::array<char, 32> name;

		std::snprintf(name.data(), name.size(), "%020llu.eml",
			static_cast<unsigned long long>(number));
		if (linkat(dl.dir.get(), dl.temporary.c_str(), dl.dir.get(), name.data(), 0) ==
			0)
			return;
		if (errno != EEXIST)
			break;
	}
	fail_io(at, "name " + dl.temporary);
}

int deliver_begin(void *state, const popart_call *call, const popart_user *user,
	const popart_delivery *about, void **out)
{
	return guarded([&] {
		auto *store = static_cast<Store *>(state);
		const Context at = store->at(call);
		auto dl = std::make_unique<Delivery>();
		std::array<unsigned long long, 2> random;
		std::array<char, 40> name;

		// There is no place where either could be kept.
		if (about->uid.len || about->flags)
			fail(at, POPART_R_UNSUPPORTED, 0,
				"a directory of files keeps neither unique-ids nor flags");
		if (at.host->random(random.data(), sizeof(random)) != POPART_OK)
			fail(at, POPART_R_TEMP, 0, "no random numbers");
		std::snprintf(
			name.data(), name.size(), ".%016llx%016llx", random[0], random[1]);
		dl->store = store;
		dl->received_s = about->received_s;
		dl->temporary = name.data();
		dl->dir = make_directory(at, store->path(call, user));
		dl->fd = Fd(openat(dl->dir.get(), name.data(),
			O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
		if (!dl->fd)
			fail_io(at, "make " + dl->temporary);
		*out = dl.release();
		return POPART_OK;
	});
}

int deliver_write(void *delivery, const popart_call *call, const void *data, size_t n)
{
	return guarded([&] {
		const auto *dl = static_cast<Delivery *>(delivery);
		const char *p = static_cast<const char *>(data);

		while (n) {
			const ssize_t done = write(dl->fd.get(), p, n);

			if (done < 0 && errno == EINTR)
				continue;
			if (done < 0)
				fail_io(dl->store->at(call), "write " + dl->temporary);
			p += done;
			n -= static_cast<size_t>(done);
		}
		return POPART_OK;
	});
}

// First the octets are on the disk, then the name.
int deliver_finish(void *delivery, const popart_call *call)
{
	return guarded([&] {
		const std::unique_ptr<Delivery> dl(static_cast<Delivery *>(delivery));
		const Context at = dl->store->at(call);
		const timespec times[2] = { { 0, UTIME_NOW },
			{ static_cast<time_t>(dl->received_s), 0 } };

		if (dl->received_s && futimens(dl->fd.get(), times) != 0)
			fail_io(at, "set the time of " + dl->temporary);
		if (fsync(dl->fd.get()) != 0)
			fail_io(at, "write " + dl->temporary);
		give_name(at, *dl);
		if (fsync(dl->dir.get()) != 0)
			fail_io(at, "write the directory");
		at.host->stat_add(at.inst, call, DELIVERED, 1);
		return POPART_OK;
	});
}

void deliver_abandon(void *delivery, const popart_call *)
{
	delete static_cast<Delivery *>(delivery);
}

// ---- the module ----

int start(const popart_host *host, popart_instance *inst, const popart_conf *conf, void **state)
{
	return guarded([&] {
		*state = new Store{ host, inst, conf };
		return POPART_OK;
	});
}

void stop(void *state)
{
	delete static_cast<Store *>(state);
}

const popart_opt options[] = {
	{ "path", POPART_OPT_PATH, POPART_OPT_REQUIRED | POPART_OPT_TEMPLATE, 0, 0, nullptr,
		nullptr, "A user's directory of .eml files." },
	{},
};

const popart_stat stats[] = {
	{ "removed", POPART_STAT_COUNTER, 0, "Messages that clients have deleted." },
	{ "delivered", POPART_STAT_COUNTER, 0, "Messages that were put in." },
	{},
};

constexpr popart_storage_ops make_ops()
{
	popart_storage_ops ops = {};

	ops.size = sizeof(ops);
	ops.open = drop_open;
	ops.list = drop_list;
	ops.message = drop_message;
	ops.commit = drop_commit;
	ops.close = drop_close;
	ops.deliver_begin = deliver_begin;
	ops.deliver_write = deliver_write;
	ops.deliver_finish = deliver_finish;
	ops.deliver_abandon = deliver_abandon;
	return ops;
}
constexpr popart_storage_ops storage = make_ops();

} // namespace

POPART_MODULE(emlxx, .version = "1.0", .license = "MIT",
	.summary = "messages in a directory of .eml files", .options = options, .stats = stats,
	.storage = &storage, .start = start, .stop = stop);
