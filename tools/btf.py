# SPDX-License-Identifier: MIT
"""Reads what a compiled BPF program says of itself: its sections, its symbols and its types (BTF).

Formats: include/uapi/linux/btf.h.
"""
import struct
import sys

(INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FUNC_PROTO,
 VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64) = range(1, 20)
MODIFIERS = (TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG)
WEAK = 2  # binding of a symbol


class Elf:
    def __init__(self, path):
        self.data = open(path, "rb").read()
        if self.data[:6] != b"\x7fELF\x02\x01":
            sys.exit(f"{sys.argv[0]}: '{path}' is no 64-bit little-endian ELF file")
        offset, = struct.unpack_from("<Q", self.data, 40)
        size, count, names = struct.unpack_from("<HHH", self.data, 58)
        headers = [struct.unpack_from("<IIQQQQIIQQ", self.data, offset + i * size)
                   for i in range(count)]
        self.sections, self.order = {}, []
        for header in headers:
            name = self.text(headers[names][4], header[0])
            self.sections[name] = self.data[header[4]:header[4] + header[5]]
            self.order.append(name)

    def text(self, base, offset):
        start = base + offset
        return self.data[start:self.data.index(b"\0", start)].decode()

    def symbols(self):
        """(name, section, value, whether it is weak)"""
        table, strings = self.sections.get(".symtab", b""), self.sections.get(".strtab", b"")
        for at in range(0, len(table), 24):
            name, info, _, section, value, _ = struct.unpack_from("<IBBHQQ", table, at)
            where = self.order[section] if section < len(self.order) else ""
            yield strings[name:strings.index(b"\0", name)].decode(), where, value, info >> 4 == WEAK

    def weak_symbols(self):
        return (name for name, _, _, is_weak in self.symbols() if is_weak)


class Type:
    """`extra`: how many members, or of FUNC its linkage; `size`: or the type it refers to.

    Members: (name, type, bits) of structs, (name, value) of enums, (element, index, count) of
    arrays, (variable, offset, size) of sections.
    """

    def __init__(self, number, name, kind, extra, size):
        self.number, self.name, self.kind, self.extra, self.size = number, name, kind, extra, size
        self.members = []


class Btf:
    def __init__(self, data):
        _, _, _, header, types, types_len, strings, _ = struct.unpack_from("<HBBIIIII", data)
        self.strings = data[header + strings:]
        self.types = [Type(0, "", 0, 0, 0)]
        self.tags = {}  # (type, member or -1): texts
        at, end = header + types, header + types + types_len
        while at < end:
            at = self.read_type(data, at)

    def text(self, offset):
        return self.strings[offset:self.strings.index(b"\0", offset)].decode()

    def read_type(self, data, at):
        name, info, size = struct.unpack_from("<III", data, at)
        kind, count = info >> 24 & 31, info & 0xffff
        one = Type(len(self.types), self.text(name), kind, count, size)
        self.types.append(one)
        at += 12
        if kind in (STRUCT, UNION, ENUM64):
            rows, width = [struct.unpack_from("<III", data, at + 12 * i) for i in range(count)], 12
        elif kind in (ENUM, FUNC_PROTO):
            rows, width = [struct.unpack_from("<Ii", data, at + 8 * i) for i in range(count)], 8
        elif kind == DATASEC:
            rows, width = [struct.unpack_from("<III", data, at + 12 * i) for i in range(count)], 12
            one.members = rows
            return at + width * count
        elif kind == ARRAY:
            one.members = [struct.unpack_from("<III", data, at)]
            return at + 12
        elif kind == DECL_TAG:
            member, = struct.unpack_from("<i", data, at)
            self.tags.setdefault((size, member), []).append(one.name)
            return at + 4
        else:
            return at + (4 if kind in (INT, VAR) else 0)
        one.members = [(self.text(row[0]), *row[1:]) for row in rows]
        return at + width * count

    def plain(self, number):
        while self.types[number].kind in MODIFIERS:
            number = self.types[number].size
        return self.types[number]

    def path(self, number, steps):
        """The names along an access like 0:3:1; arrays and unnamed members have none."""
        names, one = [], self.plain(number)
        for step in steps[1:]:
            if one.kind == ARRAY:
                one = self.plain(one.members[0][0])
                continue
            name, member = one.members[step][:2]
            if name:
                names.append(name)
            one = self.plain(member)
        return ".".join(names)

    def tag(self, number, member, kind):
        """The text behind "KIND:" that a type, variable, function or member is tagged with."""
        for text in self.tags.get((number, member), []):
            if text.split(":", 1)[0] == kind:
                return text.partition(":")[2]
        return None
