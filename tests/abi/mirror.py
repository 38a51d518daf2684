# SPDX-License-Identifier: MIT
"""The module interface as somebody has written it down in Rust, against the record: the struct
`popart_msg_sink` is called `MsgSink` there, the constant POPART_R_GONE `R_GONE`."""

import re

TYPES = {"void": "c_void", "char": "c_char", "int": "c_int", "size_t": "usize",
         "uint16_t": "u16", "uint32_t": "u32", "uint64_t": "u64", "int32_t": "i32",
         "int64_t": "i64", "...": "..."}
# Words that Rust has taken.
NAMES = {"type": "kind", "ref": "reference"}


def camel(name):
    return name.title().replace("_", "")


def in_rust(kind):
    """"const char *" -> "*const c_char", without blanks that say nothing."""
    kind = kind.strip().replace("char [ 64 ]", "char *")
    if " (*)(" in kind:
        result, inside = kind[:-1].split(" (*)(", 1)
        inside = "" if inside == "void" else ",".join(map(in_rust, inside.split(", ")))
        return "fn(%s)" % inside + ("" if result == "void" else "->" + in_rust(result))
    if kind.endswith("*"):
        target = kind[:-1].strip()
        if target.endswith("* const"):
            return "*const " + in_rust(target[:-6])
        if target.startswith("const ") and "*" not in target:
            return "*const " + in_rust(target[6:])
        return "*mut " + in_rust(target)
    if kind.startswith("struct popart_"):
        return camel(kind[len("struct popart_"):])
    return TYPES[kind]


def plain(kind):
    """A type as it stands in Rust, in the same form."""
    kind = re.sub(r"\s+", " ", kind).replace('unsafe extern "C" ', "").strip()
    kind = re.sub(r" ?-> ?", "->", re.sub(r" ?, ?", ",", kind))
    kind = re.sub(r",?\s*\)", ")", re.sub(r"\(\s*", "(", kind))
    return re.sub(r"^Option< ?(.*?),? ?>$", r"\1", kind)


def structs(text):
    """{name: [(member, type)]} of all that are written down whole."""
    found = {}
    for name, body in re.findall(r"^pub struct (\w+) \{\n(.*?)^\}", text, flags=re.M | re.S):
        members = re.findall(r"^    pub (\w+):(.*?),$(?=\n    pub |\n?\Z)", body,
                             flags=re.M | re.S)
        if members:
            found[name] = [(member, plain(kind)) for member, kind in members]
    return found


def problems(text, rows):
    rows = "\n".join(rows)
    values = dict(re.findall(r"^constant POPART_(\w+) = (-?\d+)$", rows, flags=re.M))
    recorded = {}
    for struct, member, kind in re.findall(r"^struct popart_(\w+)\.(\w+): at \d+, \d+: (.*)$",
                                           rows, flags=re.M):
        recorded.setdefault(camel(struct), []).append((NAMES.get(member, member), kind))
    found = []
    for name, value in re.findall(r"^pub const (\w+): \w+ = ([^;]+);", text, flags=re.M):
        low, _, shift = value.replace("_", "").partition(" << ")
        if values.get(name) != str(int(low, 0) << int(shift or "0")):
            found.append("%s is %s, not %s" % (name, values.get(name), value))
    told = structs(text)
    for name, members in told.items():
        wanted = [(member, in_rust(kind)) for member, kind in recorded.get(name, [])]
        found += ["%s.%s: %s, not %s" % (name, a[0], a[1], "%s: %s" % b)
                  for a, b in zip(wanted, members) if a != b]
        if len(wanted) != len(members):
            found.append("%s has %d members, not %d" % (name, len(wanted), len(members)))
    return found if told else ["there are no structs"]
