/* SPDX-License-Identifier: MIT */
/* Whether a file is a shared object for this machine: the dynamic linker has one sentence
 * for many mistakes. */
#include "host/object.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_MAX 256u

/* The beginning of both layouts is the same, up to e_machine. */
struct head {
	size_t len;
	union {
		unsigned char octets[HEAD_MAX];
		Elf32_Ehdr elf;
	} u;
};

static bool read_head(const char *file, struct head *h)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;

	*h = (struct head){ .len = 0 };
	if (fd < 0)
		return false;
	n = pread(fd, h->u.octets, sizeof(h->u.octets), 0);
	h->len = n > 0 ? (size_t)n : 0;
	(void)close(fd);
	return n >= 0;
}

static bool is_elf(const struct head *h)
{
	return h->len >= sizeof(Elf32_Ehdr) && memcmp(h->u.octets, ELFMAG, SELFMAG) == 0;
}

static bool is_text(struct popart_str v)
{
	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.ptr[i];
		if ((c < ' ' && c != '\n' && c != '\t' && c != '\r') || c == 0x7f)
			return false;
	}
	return true;
}

static const char *what_else(const struct head *h)
{
	struct popart_str v = view_of((const char *)h->u.octets, h->len);

	if (h->len == 0)
		return "is empty; copy it again";
	if (view_starts(v, VIEW_LIT(ELFMAG)))
		return "is cut off; copy it again";
	if (view_starts(v, VIEW_LIT("!<arch>\n")))
		return "is an archive of object files; link them with -shared";
	if (memmem(v.ptr, v.len, "libtool", strlen("libtool")) && is_text(v))
		return "is libtool's description of a library; name the .so that it installs, "
		       "or that lies in .libs";
	if (is_text(v))
		return "is a text; name the module's shared object";
	return "is no shared object; name the module's";
}

static const char *machine_name(unsigned machine)
{
	static const struct {
		unsigned machine;
		const char *name;
	} names[] = {
		{ EM_386, "i386" },
		{ EM_X86_64, "x86-64" },
		{ EM_ARM, "32-bit ARM" },
		{ EM_AARCH64, "64-bit ARM" },
		{ EM_RISCV, "RISC-V" },
		{ EM_PPC, "32-bit PowerPC" },
		{ EM_PPC64, "64-bit PowerPC" },
		{ EM_S390, "S/390" },
		{ EM_MIPS, "MIPS" },
		{ EM_SPARCV9, "SPARC" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].machine == machine)
			return names[i].name;
	}
	return NULL;
}

static void say_machine(struct buf *why, const struct head *h)
{
	const char *name = machine_name(h->u.elf.e_machine);

	if (name)
		buf_add_str(why, name);
	else
		buf_printf(why, "machine %u of ELF", h->u.elf.e_machine);
}

static bool is_for_this_machine(
	const char *file, const struct head *h, const struct head *own, struct buf *why)
{
	const unsigned char *a = h->u.elf.e_ident, *b = own->u.elf.e_ident;

	if (a[EI_CLASS] == b[EI_CLASS] && a[EI_DATA] == b[EI_DATA] &&
		h->u.elf.e_machine == own->u.elf.e_machine)
		return true;
	buf_printf(why, "%s: was built for ", file);
	if (a[EI_DATA] != b[EI_DATA])
		buf_add_str(why, "another byte order");
	else if (h->u.elf.e_machine != own->u.elf.e_machine)
		say_machine(why, h);
	else
		buf_add_str(why, a[EI_CLASS] == ELFCLASS32 ? "32 bits" : "64 bits");
	buf_add_str(why, ", this server for ");
	say_machine(why, own);
	buf_add_str(why, "; build it for this machine");
	return false;
}

/* All that will be mapped is there. The dynamic linker does not look: what is missing kills
 * the process once it is touched. */
static bool is_whole(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool whole = false;
	ElfW(Ehdr) head;
	ElfW(Phdr) part;
	struct stat st;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) != 0 || pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
		head.e_phentsize != sizeof(part))
		goto out;
	for (unsigned i = 0; i < head.e_phnum; i++) {
		off_t at = (off_t)(head.e_phoff + i * sizeof(part));
		if (pread(fd, &part, sizeof(part), at) != sizeof(part))
			goto out;
		if (part.p_type == PT_LOAD &&
			(part.p_filesz > (uint64_t)st.st_size ||
				part.p_offset > (uint64_t)st.st_size - part.p_filesz))
			goto out;
	}
	whole = true;
out:
	(void)close(fd);
	return whole;
}

bool object_is_loadable(const char *file, struct buf *why)
{
	struct head h, own;

	if (!read_head(file, &h)) {
		buf_printf(why, "%s: cannot be read: %s", file, strerror(errno));
		return false;
	}
	if (!is_elf(&h)) {
		buf_printf(why, "%s: %s", file, what_else(&h));
		return false;
	}
	if (read_head("/proc/self/exe", &own) && is_elf(&own) &&
		!is_for_this_machine(file, &h, &own, why))
		return false;
	if (h.u.elf.e_type != ET_DYN) {
		buf_printf(why, "%s: is %s, no shared object; link it with -shared", file,
			h.u.elf.e_type == ET_REL ? "an object file" : "a program");
		return false;
	}
	if (is_whole(file))
		return true;
	buf_printf(why, "%s: is cut off; copy it again", file);
	return false;
}

/* What stands between two texts; empty: they are not there. */
static struct popart_str between(struct popart_str v, const char *before, const char *after)
{
	const char *start = memmem(v.ptr, v.len, before, strlen(before)), *end;

	if (!start)
		return VIEW_NONE;
	start += strlen(before);
	v = view_of(start, v.len - (size_t)(start - v.ptr));
	end = *after ? memmem(v.ptr, v.len, after, strlen(after)) : NULL;
	return end ? view_of(v.ptr, (size_t)(end - v.ptr)) : v;
}

static bool says(struct popart_str v, const char *words)
{
	return memmem(v.ptr, v.len, words, strlen(words)) != NULL;
}

static void explain_symbol(struct popart_str symbol, struct buf *why)
{
	buf_printf(why,
		"uses \"%.*s\", which neither it nor a library that it is linked with has; ",
		VIEW_FMT(symbol));
	if (view_starts(symbol, VIEW_LIT("popart_")))
		buf_add_str(why,
			"the server exports nothing, its functions are in struct popart_host");
	else
		buf_add_str(why, "link it with the library that does");
}

void object_explain(const char *file, struct popart_str said, struct buf *why)
{
	struct popart_str name = view_str(file), rest = said;
	struct popart_str symbol = between(said, "undefined symbol: ", " ");
	struct popart_str library = between(said, "", ":");
	struct popart_str version = between(said, "version `", "' not found");

	/* It begins with the name of the file that it is about. */
	bool itself = view_starts(rest, name) && rest.len > name.len + 2;
	if (itself)
		rest = view_of(rest.ptr + name.len + 2, rest.len - name.len - 2);
	if (symbol.len && symbol.ptr[symbol.len - 1] == ',') /* "x, version y" */
		symbol.len--;
	buf_printf(why, "%s: ", file);
	if (symbol.len)
		explain_symbol(symbol, why);
	else if (version.len && version.len < said.len)
		buf_printf(why, "needs %.*s, which is newer than what is here; build it here",
			VIEW_FMT(version));
	else if (!itself && says(said, ": cannot open shared object file"))
		buf_printf(why,
			"needs the library %.*s, which is not installed; install it (ldd says "
			"what else is missing)",
			VIEW_FMT(library));
	else if (says(rest, "cannot dynamically load position-independent executable"))
		buf_add_str(why, "is a program, no shared object; link it with -shared");
	else if (says(rest, "file too short") || says(rest, "ELF file's phentsize"))
		buf_add_str(why, "is cut off; copy it again");
	else if (says(rest, "failed to map segment"))
		buf_add_str(why,
			"lies where no program may run (mount option noexec); put it "
			"elsewhere");
	else
		buf_printf(why, "cannot be loaded: %.*s; build it anew", VIEW_FMT(rest));
}
