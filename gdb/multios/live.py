# SPDX-License-Identifier: MIT
"""
Reading through gdb: memory, symbols, DWARF types, virtual CPUs. Memory is read in the context of a
CPU whose page tables map the kernel, whichever CPU the user has selected: a CPU still in firmware
or in the 16-bit trampoline cannot read it.
"""

import contextlib

import gdb

from multios import layout
from multios.access import Target, Unreadable


class GdbTarget(Target):
    def __init__(self):
        self._layouts, self._enums, self._symbols = {}, {}, {}

    def read(self, address, size):
        """Tries the selected CPU first, then each other one."""
        try:
            return self._read_here(address, size)
        except gdb.MemoryError:
            pass
        for thread in self._other_threads():
            with selected_thread(thread), contextlib.suppress(gdb.error):
                return self._read_here(address, size)
        raise Unreadable("cannot read %d bytes at 0x%x" % (size, address))

    @staticmethod
    def _read_here(address, size):
        return gdb.selected_inferior().read_memory(address, size).tobytes()

    @staticmethod
    def _other_threads():
        here = gdb.selected_thread()
        return [t for t in gdb.selected_inferior().threads() if here is None or t.num != here.num]

    def symbol(self, name):
        if name not in self._symbols and "::" in name:
            self._symbols[name] = self._of_file(*name.split("::"))
        if name not in self._symbols:
            found = gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)
            if found is not None:
                self._symbols[name] = int(found.value().address)
            else:
                self._symbols[name] = self._minimal_symbol(name)
        return self._symbols[name]

    def build_id(self):
        return next((o.build_id for o in gdb.objfiles() if o.build_id), None)

    @staticmethod
    def _of_file(file, name):
        """A static variable of one file: names of such are not unique."""
        try:
            return int(gdb.parse_and_eval("(unsigned long)&'%s'::%s" % (file, name)))
        except gdb.error:
            return None

    @staticmethod
    def _minimal_symbol(name):
        """Labels of the linker script and of assembly files have no debug information."""
        try:
            return int(gdb.parse_and_eval("(unsigned long)&'%s'" % name))
        except gdb.error:
            return None

    def variable(self, name):
        found = gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)
        if found is None:
            raise Unreadable("this kernel has no variable %s: these scripts do not fit it" % name)
        kind, address = self._from_type(found.type), int(found.value().address)
        return kind.decode(self, address, self.read(address, kind.size))

    def layout(self, name):
        if name not in self._layouts:
            try:
                found = gdb.lookup_type("struct " + name)
            except gdb.error:
                raise Unreadable("this kernel has no struct %s: these scripts do not fit it"
                                 % name) from None
            self._layouts[name] = self._from_type(found)
        return self._layouts[name]

    def enum(self, name):
        if name not in self._enums:
            try:
                fields = gdb.lookup_type("enum " + name).fields()
            except gdb.error:
                fields = []
            self._enums[name] = {f.enumval: f.name for f in fields}
        return self._enums[name]

    def _from_type(self, kind):
        """layout.* of a gdb.Type."""
        kind = kind.strip_typedefs()
        if kind.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
            return self._from_struct(kind)
        if kind.code == gdb.TYPE_CODE_ARRAY:
            return self._from_array(kind)
        if kind.code == gdb.TYPE_CODE_PTR:
            to = kind.target().strip_typedefs().unqualified()
            return layout.Pointer(to.tag if to.code == gdb.TYPE_CODE_STRUCT else None)
        names = None
        if kind.code == gdb.TYPE_CODE_ENUM:
            names = {f.enumval: f.name for f in kind.fields()}
        return layout.Scalar(kind.sizeof, self._is_signed(kind), names,
                             kind.code == gdb.TYPE_CODE_BOOL)

    @staticmethod
    def _is_signed(kind):
        try:
            return kind.is_signed
        except (AttributeError, ValueError):
            return False

    def _from_struct(self, kind):
        fields = {}
        for field in kind.fields():
            if not hasattr(field, "bitpos"):
                continue
            inner = self._from_type(field.type)
            offset = field.bitpos // 8
            if field.bitsize:
                unit = inner.size
                offset = field.bitpos // 8 // unit * unit
                inner = layout.Bits(unit, field.bitpos - offset * 8, field.bitsize)
            if field.name:
                fields[field.name] = (offset, inner)
            else:
                fields.update({name: (offset + at, sub)
                               for name, (at, sub) in inner.fields.items()})
        return layout.Struct(kind.tag or "(anonymous)", kind.sizeof, fields)

    def _from_array(self, kind):
        low, high = kind.range()
        element = kind.target().strip_typedefs()
        text = element.code == gdb.TYPE_CODE_INT and element.sizeof == 1 and \
            element.unqualified().name == "char"
        return layout.Array(self._from_type(element), max(0, high - low + 1), text)


def need_machine():
    """Raises Unreadable for a core."""
    connection = getattr(gdb.selected_inferior(), "connection", None)
    if connection is not None and connection.type == "core":
        raise Unreadable("this is a core: nothing runs in it any more")


@contextlib.contextmanager
def selected_thread(thread):
    """Selects a vCPU for the time of the block and puts the user's thread and frame back."""
    before = gdb.selected_thread()
    frame = gdb.selected_frame() if before is not None and before.is_valid() else None
    try:
        thread.switch()
        yield
    finally:
        if before is not None and before.is_valid():
            before.switch()
            if frame is not None and frame.is_valid():
                with contextlib.suppress(gdb.error):
                    frame.select()


def register_value(name):
    """A register of the selected vCPU, whichever frame is selected; unsigned, or None."""
    try:
        return int(gdb.newest_frame().read_register(name)) % (1 << 64)
    except (gdb.error, TypeError, ValueError):
        return None
