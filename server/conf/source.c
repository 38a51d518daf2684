/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "conf/source.h"

#define FILE_MAX   (1u << 20)
#define TEXT_MAX   (4u << 20)
#define FILES_MAX  256u
#define DEPTH_MAX  8u
#define NUMBER_MAX 40u

/* One file being read. */
struct scan {
	struct source *source;
	struct report *report;
	const char *file;
	unsigned line, depth;
	unsigned comment; /* line where an open comment began; 0: none is open */
};

static void read_text(struct scan *, struct popart_str text);

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		c == '_' || c == '.';
}

static size_t word_length(struct popart_str v)
{
	size_t n = 0;

	while (n < v.len && is_word(v.ptr[n]))
		n++;
	return n;
}

static struct popart_str skip(struct popart_str v, size_t n)
{
	return view_of(v.ptr + n, v.len - n);
}

/* An integer as libconfig knows them: decimal or hexadecimal, L or LL behind. */
static bool is_integer(struct popart_str v, bool *is_long)
{
	bool hex = view_starts(v, VIEW_LIT("0x")) || view_starts(v, VIEW_LIT("0X"));

	*is_long = view_ends(v, VIEW_LIT("L"));
	while (view_ends(v, VIEW_LIT("L")))
		v.len--;
	v = hex ? skip(v, 2) : v;
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];
		bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

		if (!(c >= '0' && c <= '9') && !(hex && letter))
			return false;
	}
	return v.len > 0;
}

/* libconfig reads an integer without L as int, and drops what does not fit. */
static void add_number(struct scan *s, struct popart_str word)
{
	bool is_long;
	char digits[NUMBER_MAX + 1];
	long long n;

	buf_add(&s->source->text, word);
	if (!is_integer(word, &is_long))
		return;
	errno = word.len > NUMBER_MAX ? ERANGE : 0;
	if (errno == 0) {
		bool hex = word.len > 1 && (word.ptr[1] == 'x' || word.ptr[1] == 'X');

		memcpy(digits, word.ptr, word.len);
		digits[word.len] = '\0';
		n = strtoll(digits, NULL, hex ? 16 : 10);
		if (errno == 0) {
			if (n > INT32_MAX && !is_long)
				buf_add_char(&s->source->text, 'L');
			return;
		}
	}
	report_error(s->report, s->file, s->line, "the number %.*s is too large",
		word.len < NUMBER_MAX ? (int)word.len : (int)NUMBER_MAX, word.ptr);
}

/* Length of the string that v begins with, quotes included; 0: it does not end. */
static size_t string_length(struct popart_str v)
{
	for (size_t i = 1; i < v.len; i++) {
		if (v.ptr[i] == '"')
			return i + 1;
		if (v.ptr[i] == '\\')
			i++;
	}
	return 0;
}

/* Octets of a comment at the beginning of v, up to the end of the line; 0: there is none. */
static size_t comment_length(struct scan *s, struct popart_str v)
{
	const char *end;
	size_t from = 0;

	if (s->comment == 0) {
		if (view_starts(v, VIEW_LIT("#")) || view_starts(v, VIEW_LIT("//")))
			return v.len;
		if (!view_starts(v, VIEW_LIT("/*")))
			return 0;
		s->comment = s->line;
		from = 2;
	}
	end = v.len > from ? memmem(v.ptr + from, v.len - from, "*/", 2) : NULL;
	if (!end)
		return v.len;
	s->comment = 0;
	return (size_t)(end + 2 - v.ptr);
}

static void open_bracket(struct scan *s, char c)
{
	struct source *source = s->source;

	if (source->depth == SOURCE_DEPTH_MAX) {
		if (!source->text.failed)
			report_error(
				s->report, s->file, s->line, "too many brackets in brackets");
		source->text.failed = true;
		return;
	}
	source->open[source->depth] = c;
	source->opened[source->depth++] = (struct place){ .file = s->file, .line = s->line };
}

static void close_bracket(struct scan *s, char c)
{
	struct source *source = s->source;
	char open = c == ')' ? '(' : c == ']' ? '[' : '{';

	if (source->depth == 0)
		report_error(s->report, s->file, s->line, "\"%c\" closes nothing", c);
	else if (source->open[--source->depth] != open)
		report_error(s->report, s->file, s->line, "\"%c\" closes the \"%c\" of line %u",
			c, source->open[source->depth], source->opened[source->depth].line);
}

/* A string is a value, or goes on with one. */
static bool string_may_stand(const struct source *source)
{
	char in = source->depth > 0 ? source->open[source->depth - 1] : '{';

	if (source->last == ',')
		return in != '{';
	return source->last != '\0' && strchr("=:([\"", source->last);
}

static void note_octet(struct scan *s, char c)
{
	if (c == ' ' || c == '\t')
		return;
	if (c == '"' && !string_may_stand(s->source))
		report_error(s->report, s->file, s->line,
			"no string can stand here; is a \"=\" or a bracket missing before it?");
	else if (c == '(' || c == '[' || c == '{')
		open_bracket(s, c);
	else if (c == ')' || c == ']' || c == '}')
		close_bracket(s, c);
	s->source->last = c;
}

static void read_line(struct scan *s, struct popart_str line)
{
	while (line.len > 0) {
		size_t n = comment_length(s, line);

		if (n == 0)
			note_octet(s, line.ptr[0]);
		if (n == 0 && line.ptr[0] == '"') {
			n = string_length(line);
			if (n == 0) {
				report_error(s->report, s->file, s->line,
					"this string has no closing quote on its line");
				n = line.len;
			}
		}
		if (n == 0 && line.ptr[0] >= '0' && line.ptr[0] <= '9') {
			n = word_length(line);
			add_number(s, view_of(line.ptr, n));
			line = skip(line, n);
			continue;
		}
		if (n == 0)
			n = is_word(line.ptr[0]) ? word_length(line) : 1;
		buf_add(&s->source->text, view_of(line.ptr, n));
		line = skip(line, n);
	}
	buf_add_char(&s->source->text, '\n');
}

static bool note_place(struct scan *s)
{
	struct source *source = s->source;

	if (source->nplaces == source->places_cap) {
		size_t cap = source->places_cap ? source->places_cap * 2 : 256;
		struct place *p = reallocarray(source->places, cap, sizeof *p);

		if (!p) {
			source->text.failed = true;
			return false;
		}
		source->places = p;
		source->places_cap = cap;
	}
	source->places[source->nplaces++] = (struct place){ .file = s->file, .line = s->line };
	return true;
}

char *source_file(const char *path, size_t *len)
{
	char *text = NULL;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error = 0;
	ssize_t n = 1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) != 0)
		error = errno;
	else if (!S_ISREG(st.st_mode)) /* a FIFO would wait for somebody to write */
		error = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	else if (st.st_size > FILE_MAX)
		error = EFBIG;
	else if (!(text = malloc(FILE_MAX + 1)))
		error = ENOMEM;
	for (*len = 0; !error && n > 0 && *len <= FILE_MAX; *len += (size_t)n) {
		n = read(fd, text + *len, FILE_MAX + 1 - *len);
		if (n < 0)
			error = errno;
	}
	if (!error && *len > FILE_MAX)
		error = EFBIG;
	(void)close(fd);
	if (error) {
		free(text);
		errno = error;
		return NULL;
	}
	return text;
}

const char *source_strerror(int os_error)
{
	return os_error == EINVAL ? "not a regular file" : strerror(os_error);
}

/* name, seen from the file in which it stands; lives in the arena. NULL: out of memory. */
static const char *beside(struct scan *s, struct popart_str name)
{
	const char *slash = strrchr(s->file, '/');
	struct buf path;
	const char *found;

	buf_init(&path, FILE_MAX);
	if (slash && !view_starts(name, VIEW_LIT("/")))
		buf_add(&path, view_of(s->file, (size_t)(slash + 1 - s->file)));
	buf_add(&path, name);
	found = path.failed ? NULL : arena_copy(s->source->arena, buf_view(&path)).ptr;
	buf_free(&path);
	return found;
}

static void include(struct scan *s, struct popart_str name)
{
	struct scan inner = { .source = s->source, .report = s->report, .depth = s->depth + 1 };
	size_t len;
	char *text;

	if (inner.depth > DEPTH_MAX || ++s->source->files > FILES_MAX) {
		report_error(s->report, s->file, s->line,
			"too many files include each other; does one include itself?");
		return;
	}
	inner.file = beside(s, name);
	text = inner.file ? source_file(inner.file, &len) : NULL;
	if (!text) {
		report_error(s->report, s->file, s->line, "cannot include \"%.*s\": %s",
			name.len < 200 ? (int)name.len : 200, name.ptr, source_strerror(errno));
		return;
	}
	read_text(&inner, view_of(text, len));
	explicit_bzero(text, len);
	free(text);
}

/* False: the line is no @include. */
static bool read_include(struct scan *s, struct popart_str line)
{
	struct popart_str rest = view_trim(line), name;

	if (!view_starts(rest, VIEW_LIT("@include")))
		return false;
	rest = view_trim(skip(rest, sizeof "@include" - 1));
	name = rest;
	if (!view_starts(rest, VIEW_LIT("\"")) || (name.len = string_length(rest)) < 3) {
		report_error(s->report, s->file, s->line, "write @include \"FILE\"");
		return true;
	}
	rest = view_trim(skip(rest, name.len));
	if (rest.len > 0 && rest.ptr[0] != '#' && rest.ptr[0] != '/' && rest.ptr[0] != ';')
		report_error(s->report, s->file, s->line,
			"nothing may follow @include \"FILE\" on its line");
	include(s, view_of(name.ptr + 1, name.len - 2));
	return true;
}

/* "#@ 12 /etc/popart/local.cfg": the next line is that one. False: the line is none. */
static bool read_mark(struct scan *s, struct popart_str line)
{
	uint64_t number;
	const char *file;

	if (!view_starts(line, VIEW_LIT(SOURCE_MARK)))
		return false;
	line = skip(line, sizeof SOURCE_MARK - 1);
	if (!view_u64(view_cut(&line, ' '), UINT32_MAX, &number) || number == 0 ||
		line.len == 0)
		return false;
	file = arena_copy(s->source->arena, line).ptr;
	if (!file) {
		s->source->text.failed = true;
		return true;
	}
	s->file = file;
	s->line = (unsigned)number - 1;
	return true;
}

static void read_text(struct scan *s, struct popart_str text)
{
	while (text.len > 0 && !s->source->text.failed) {
		struct popart_str line = view_cut(&text, '\n');

		if (view_ends(line, VIEW_LIT("\r")))
			line.len--;
		s->line++;
		if (view_has(line, '\0')) {
			report_error(s->report, s->file, s->line,
				"there is a NUL in this line: not a text file");
			return;
		}
		if (s->comment == 0 && (read_mark(s, line) || read_include(s, line)))
			continue;
		if (note_place(s))
			read_line(s, line);
	}
	if (s->comment > 0)
		report_error(s->report, s->file, s->comment, "this comment has no end");
}

bool source_read(struct source *source, struct arena *arena, struct popart_str text,
	const char *name, struct report *report)
{
	struct scan s = { .source = source, .report = report };
	unsigned errors = report->errors;

	*source = (struct source){ .arena = arena };
	buf_init(&source->text, TEXT_MAX);
	s.file = arena_copy(arena, view_str(name)).ptr;
	if (!s.file) {
		report_error(report, name, 0, "out of memory");
		return false;
	}
	if (text.len > FILE_MAX) {
		report_error(report, s.file, 0, "larger than 1 MiB");
		return false;
	}
	read_text(&s, text);
	if (report->errors == errors && source->text.failed)
		report_error(report, s.file, 0, "larger than 4 MiB with what it includes");
	if (report->errors == errors && source->depth > 0) {
		const struct place *p = &source->opened[source->depth - 1];

		report_error(report, p->file, p->line, "this \"%c\" is never closed",
			source->open[source->depth - 1]);
	}
	return report->errors == errors;
}

void source_free(struct source *source)
{
	buf_wipe(&source->text);
	free(source->places);
	source->places = NULL;
	source->nplaces = source->places_cap = 0;
}

void source_write(const struct source *source, struct buf *out)
{
	struct popart_str rest = buf_view(&source->text);
	struct place at = { 0 };

	for (size_t i = 0; i < source->nplaces; i++) {
		struct place place = source->places[i];

		if (!at.file || strcmp(at.file, place.file) != 0 || at.line + 1 != place.line)
			buf_printf(out, SOURCE_MARK "%u %s\n", place.line, place.file);
		buf_add(out, view_cut(&rest, '\n'));
		buf_add_char(out, '\n');
		at = place;
	}
}

struct place source_place(const struct source *source, unsigned line)
{
	if (source->nplaces == 0 || line == 0)
		return (struct place){ 0 };
	return source->places[line <= source->nplaces ? line - 1 : source->nplaces - 1];
}

struct popart_str source_line(const struct source *source, unsigned line)
{
	struct popart_str rest = buf_view(&source->text), found = VIEW_NONE;

	for (unsigned i = 0; i < line && rest.len > 0; i++)
		found = view_cut(&rest, '\n');
	return found;
}
