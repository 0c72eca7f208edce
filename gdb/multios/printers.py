# SPDX-License-Identifier: MIT
"""Pretty-printers, so that plain `print` and an IDE's variables pane are readable."""

import gdb
import gdb.printing

from multios import ui
from multios.access import Unreadable
from multios.model import Kernel

CHILDREN_LIMIT = 200


class TimePrinter:
    """ktime_t with a unit."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        ns = int(self.value.cast(gdb.lookup_type("long")))
        return "never" if ns == (1 << 63) - 1 else ui.time_text(ns)


class ThreadPrinter:
    """One line of what matters; the fields follow as children."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        entity = self.value["se"]
        return "thread %d %s, %s, level %d" % (
            int(self.value["thread_id"]), self.value["name"].string(),
            str(entity["state"]).replace("SCHED_", "").lower(), int(entity["level"]))

    def children(self):
        for field in self.value.type.fields():
            text = field.name == "name"  # up to its NUL, not the array it lies in
            yield field.name, self.value["name"].string() if text else self.value[field.name]


class ProcessPrinter(ThreadPrinter):
    def to_string(self):
        return "process %d %s, %d threads" % (
            int(self.value["process_id"]), self.value["name"].string(),
            int(self.value["thread_count"]))


class RunQueuePrinter:
    """Counts, then the lists that are not empty."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return "run queue of CPU %d, %d runnable" % (
            int(self.value["cpu"]), int(self.value["nr_runnable"]))

    def children(self):
        for field in self.value.type.fields():
            if field.name != "level":
                yield field.name, self.value[field.name]
        ready = self.value["ready"]
        low, high = self.value["level"].type.range()
        for rank in range(low, high + 1):
            if int(ready[rank // 64]) >> rank % 64 & 1:
                yield "level[%d]" % rank, self.value["level"][rank]


class ListPrinter:
    """The nodes of a list, bounded, with cycles and NULL links told."""

    def __init__(self, value):
        self.value = value

    def _nodes(self):
        head = self.value["head"].address
        if head is None:
            return [], None
        nodes, seen, node = [], set(), self.value["head"]["next"]
        while int(node) != int(head):
            if not int(node):
                return nodes, "NULL link"
            if int(node) in seen:
                return nodes, "cycle"
            if len(nodes) == CHILDREN_LIMIT:
                return nodes, "only the first %d are shown" % CHILDREN_LIMIT
            seen.add(int(node))
            nodes.append(node)
            node = node["next"]
        return nodes, None

    def to_string(self):
        try:
            nodes, problem = self._nodes()
        except gdb.error as error:
            return "list (%s)" % error
        return "list of %d%s" % (len(nodes), " (%s)" % problem if problem else "")

    def children(self):
        try:
            nodes, _ = self._nodes()
        except gdb.error:
            nodes = []
        for number, node in enumerate(nodes):
            yield "[%d]" % number, node


PRINTERS = (("thread", ThreadPrinter), ("process", ProcessPrinter),
            ("sched_rq", RunQueuePrinter), ("list", ListPrinter))


class TypedefPrinter(gdb.printing.PrettyPrinter):
    """ktime_t is a typedef, which the regular-expression collection strips; hence this."""

    def __init__(self):
        super().__init__("multios-time")

    def __call__(self, value):
        kind = value.type.unqualified()
        if kind.code == gdb.TYPE_CODE_TYPEDEF and kind.name == "ktime_t":
            return TimePrinter(value)
        return None


def install():
    collection = gdb.printing.RegexpCollectionPrettyPrinter("multios")
    for name, printer in PRINTERS:
        collection.add_printer(name, "^%s$" % name, printer)
    gdb.printing.register_pretty_printer(None, collection, replace=True)
    gdb.printing.register_pretty_printer(None, TypedefPrinter(), replace=True)


class KernelFunction(gdb.Function):
    """$thread(TID), $process(PID), $runq(CPU), $current(): values to print and follow."""

    def __init__(self, name, target, find, kind):
        self.target, self.find, self.kind = target, find, kind
        super().__init__(name)

    def invoke(self, *arguments):
        try:
            address = self.find(Kernel(self.target), *[int(a) for a in arguments])
        except Unreadable as error:
            raise gdb.GdbError(str(error)) from None
        except TypeError:
            raise gdb.GdbError("wrong number of arguments") from None
        if address is None:
            raise gdb.GdbError("there is none with this number")
        pointer = gdb.lookup_type("struct " + self.kind).pointer()
        return gdb.Value(address).cast(pointer).dereference()
