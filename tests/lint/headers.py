# SPDX-License-Identifier: MIT
"""Reads include/popart: what structs, members, constants, functions and macros there are."""

import glob
import os
import re
import subprocess
import tempfile

TOKEN = re.compile(r"[A-Za-z_]\w*|\d\w*|\.\.\.|\S")
TYPE_WORDS = {"const", "struct", "enum", "void", "char", "int", "unsigned", "long", "short"}
# Says something to the compiler, and nothing about the type.
ATTRIBUTES = re.compile(r"\bPOPART_(PRINTF\s*\([^)]*\)|MUST_USE)")
# Every minor version has another one.
CHANGING = {"POPART_API_MINOR"}


class Struct:
    """One that is public. members: (name, type) in their order."""

    def __init__(self, name):
        self.name = name
        self.members = []

    def grows(self):
        """Begins with its size, or comes in rows that have a stride."""
        first = [name for name, _ in self.members[:1]]
        return first == ["size"] or self.name in ("popart_opt", "popart_stat", "popart_msg",
                                                  "popart_module")


class Headers:
    def __init__(self, directory):
        self.directory = directory
        self.structs, self.constants, self.functions, self.macros = [], [], {}, []
        self.unread = []  # what stands there and is none of these
        self.where = {}   # the file of a struct, a constant, a macro
        for path in sorted(glob.glob(os.path.join(directory, "popart", "*.h"))):
            with open(path, encoding="utf-8") as file:
                known = set(self.names())
                self.read(file.read())
                self.where.update((name, os.path.basename(path))
                                  for name in self.names() if name not in known)

    def names(self):
        return [struct.name for struct in self.structs] + self.constants + self.macros

    def read(self, text):
        text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S).replace("\\\n", " ")
        for name, parameters, value in re.findall(
                r"^#define[ \t]+(\w+)(\([^)]*\))?[ \t]*(.*)$", text, flags=re.M):
            if name.startswith("POPART_") and not name.endswith("_H"):
                if not parameters and re.fullmatch(r"\(?(0x[0-9a-f]+|\d+)u?\)?", value.strip(), re.I):
                    self.constants.append(name)
                elif name not in self.macros:
                    self.macros.append(name)
        text = re.sub(r"^#.*$", "", text, flags=re.M)
        text = ATTRIBUTES.sub("", re.sub(r"\bPOPART_(BEGIN|END)_DECLS\b", "", text))
        for kind, tag, body in re.findall(r"\b(struct|enum)\s*(\w*)\s*\{(.*?)\}\s*;", text,
                                          flags=re.S):
            if kind == "enum":
                self.constants += [name for name in
                                   re.findall(r"(?:^|,)\s*(\w+)", strip_values(body))]
            else:
                struct = Struct(tag)
                for declaration in filter(str.strip, body.split(";")):
                    struct.members += declared(declaration)
                self.structs.append(struct)
        text = re.sub(r"\b(struct|enum)\s*\w*\s*\{.*?\}\s*;", "", text, flags=re.S)
        for declaration in text.split(";"):
            tokens = TOKEN.findall(declaration)
            at = [i for i, token in enumerate(tokens) if token == "("][:1]
            if at and tokens[0] != "typedef" and tokens[at[0] - 1].startswith("popart_"):
                name = tokens[at[0] - 1]
                self.functions[name] = joined(tokens[:at[0] - 1]) + " " + \
                    parameters_of(tokens[at[0]:])
            elif tokens and tokens[0] != "typedef" and (len(tokens) != 2 or tokens[0] != "struct"):
                self.unread.append(joined(tokens))

    def rows(self, compiler):
        """What the compiler makes of it, a line for each thing."""
        lines = []
        for struct in self.structs:
            lines.append(r'printf("struct %s: %%zu\n", sizeof(struct %s));' %
                         (struct.name, struct.name))
            for name, kind in struct.members:
                lines.append(
                    r'printf("struct {0}.{1}: at %zu, %zu: {2}\n", offsetof(struct {0}, {1}), '
                    r'sizeof(((struct {0} *)NULL)->{1}));'.format(struct.name, name, kind))
        for name in self.constants:
            if name not in CHANGING:
                lines.append(r'printf("constant {0} = %lld\n", (long long)({0}));'.format(name))
        lines += [r'printf("%%s\n", "function %s: %s");' % pair
                  for pair in self.functions.items()]
        lines += [r'printf("macro %s\n");' % name for name in self.macros]
        lines.insert(0, r'printf("minor %u pointer %zu\n", POPART_API_MINOR, sizeof(void *));')
        output = compile_and_run(compiler, self.directory, lines).splitlines()
        _, minor, _, pointer = output[0].split()
        return int(minor), int(pointer), output[1:]


def compile_and_run(compiler, include, lines):
    with tempfile.TemporaryDirectory() as directory:
        source = os.path.join(directory, "probe.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <popart/driver.h>\n#include <popart/module.h>\n"
                       "#include <popart/session.h>\n#include <stdio.h>\n"
                       "int main(void)\n{\n" + "\n".join(lines) + "\nreturn 0;\n}\n")
        program = os.path.join(directory, "probe")
        subprocess.run(compiler.split() + ["-w", "-I" + include, source, "-o", program],
                       check=True)
        return subprocess.run([program], check=True, stdout=subprocess.PIPE,
                              encoding="utf-8").stdout


def strip_values(body):
    return re.sub(r"=[^,]*", "", body)


def is_type(tokens, i):
    token = tokens[i]
    return token in TYPE_WORDS or token.endswith("_t") or (i and tokens[i - 1] in ("struct", "enum"))


def joined(tokens):
    text = " ".join(tokens)
    return re.sub(r"\* (?=\*)", "*", text).strip()


def split_at_commas(tokens):
    parts, depth = [[]], 0
    for token in tokens:
        depth += (token in "([") - (token in ")]")
        if token == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def parameters_of(tokens):
    """"( void * state , size_t n )" without the names."""
    found = []
    for part in split_at_commas(tokens[1:-1]):
        if "(" in part:
            found.append(function_pointer(part)[1])
        else:
            found.append(joined([token for i, token in enumerate(part)
                                 if not re.match(r"[A-Za-z_]", token) or is_type(part, i)]))
    return "(" + ", ".join(found) + ")"


def function_pointer(tokens):
    """"int ( * open ) ( ... )": its name, and its type."""
    at = tokens.index("(")
    name = tokens[at + 2]
    if name == ")":
        name, behind = "", at + 3
    else:
        behind = at + 4
    return name, joined(tokens[:at]) + " (*)" + parameters_of(tokens[behind:])


def declared(declaration):
    """"uint32_t type, flags" -> [("type", "uint32_t"), ("flags", "uint32_t")]"""
    tokens = TOKEN.findall(declaration)
    if "(" in tokens:
        return [function_pointer(tokens)]
    first = [i for i in range(len(tokens)) if is_type(tokens, i)]
    base = tokens[:first[-1] + 1]
    found = []
    stars = base + [token for token in tokens[len(base):] if token in ("*", "const")]
    for part in split_at_commas(tokens[len(base):]):
        names = [token for token in part if re.match(r"[A-Za-z_]", token) and token != "const"]
        found.append((names[0], joined(stars if "*" in part else base)))
    return found
