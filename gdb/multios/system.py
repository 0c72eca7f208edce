# SPDX-License-Identifier: MIT
"""mos log, irq, timers, mem, slab, vm, pte: the kernel beside its threads."""

import gdb

from multios import places, ui, vcpus
from multios.access import Unreadable
from multios.lock_commands import now
from multios.live import register_value, selected_thread

PAGE = 4096
LAST = 40
NODES_LIMIT = 100000


class Log(ui.MosCommand):
    """Show the kernel's log, also what the console did not show.

mos log [--level N] [--last N] [--json]

--level is the least urgent level shown, 0 error to 3 debug; --last is how many records, 40 unless
said."""

    NAME, USAGE = "log", "[--level N] [--last N]"
    OPTIONS = {"--level": "a level 0 to 3", "--last": "a number of records"}

    def completions(self, text):
        return list(self.OPTIONS)

    def rows(self, arguments):
        given = ui.options(arguments, self.OPTIONS)
        levels = {v: n[len("LOG_"):].lower() for v, n in self.target.enum("log_level").items()}
        found = [dict(r, level=levels.get(r["level"], str(r["level"]))) for r in self.records()
                 if r["level"] <= given.get("--level", 3)]
        return found[-given.get("--last", LAST):]

    def records(self):
        """Oldest first. A record that is being written at this stop is not counted in yet."""
        ring = self.target.variable("log_state").ring
        data, kind = self.target.read(ring.address_of("data"), self.size(ring)), \
            self.target.layout("log_record")
        position, out = ring.first, []
        while position < ring.end and len(out) < NODES_LIMIT:
            head = kind.decode(self.target, 0, self.cut(data, position, kind.size))
            text = self.cut(data, position + kind.size, head.length).decode("utf-8", "replace")
            out.append({"time": head.time, "number": head.number, "cpu": head.cpu,
                        "level": head.level, "text": text})
            position += kind.size + head.length
        return out

    @staticmethod
    def size(ring):
        return ring._layout.fields["data"][1].size

    @staticmethod
    def cut(data, position, size):
        at = position % len(data)
        return (data[at:] + data)[:size] if at + size > len(data) else data[at:at + size]

    def show(self, data):
        return "".join("[%5d.%06d %d] %s%s\n" % (
            r["time"] // 10**9, r["time"] // 1000 % 10**6, r["cpu"],
            "" if r["level"] == "info" else r["level"] + ": ", r["text"]) for r in data)


class Interrupts(ui.MosCommand):
    """Count interrupts and exceptions by vector and CPU.

mos irq [--json]

Only vectors that have come are shown, with the function that serves them."""

    NAME = "irq"

    def rows(self, arguments):
        self.no_arguments(arguments)
        cpus = self.kernel.cpu_numbers()
        taken = {cpu: self.target.struct("trap_counts", self.kernel.percpu("trap_counts", cpu)).taken
                 for cpu in cpus}
        return [{"vector": vector, "handler": self.handler(vector),
                 "counts": {str(cpu): taken[cpu][vector] for cpu in cpus}}
                for vector in range(len(taken[cpus[0]])) if any(taken[c][vector] for c in cpus)]

    def handler(self, vector):
        kind = self.target.layout("trap_vector")
        row = self.target.struct("trap_vector", self.kernel.address(
            "arch/x86_64/trap.c::vectors") + vector * kind.size)
        return places.place(row.handler).rsplit("+", 1)[0] if row.handler else None

    def show(self, data):
        cpus = list(data[0]["counts"]) if data else []
        return ui.table(("VECTOR", *("CPU " + cpu for cpu in cpus), "HANDLER"), [
            ["0x%02x" % r["vector"], *r["counts"].values(), r["handler"]] for r in data])


class Timers(ui.MosCommand):
    """List pending timers per CPU, in the order in which they are due.

mos timers [--json]

IN is from the latest time that any CPU has seen; a negative one is overdue. SLICE is when the
scheduler wants to be called, ARMED what the hardware was told last."""

    NAME = "timers"

    def rows(self, arguments):
        self.no_arguments(arguments)
        time = now(self.kernel)
        return [self._cpu(number, time) for number in self.kernel.cpu_numbers()]

    def _cpu(self, number, time):
        base = self.target.struct("timer_base", self.kernel.percpu("timer_bases", number))
        return {"cpu": number, "now": time, "slice": base.slice, "armed": base.armed,
                "timers": [self._timer(node, time) for node in self.nodes(base.tree.root)]}

    def nodes(self, root):
        out, above, seen, at = [], [], set(), root
        while (at or above) and len(out) < NODES_LIMIT:
            while at and at not in seen:
                seen.add(at)
                above.append(at)
                at = self.target.struct("rb_node", at).child[0]
            if at:
                self.kernel.problems.append("a tree of timers has a cycle at 0x%x" % at)
                break
            out.append(above.pop())
            at = self.target.struct("rb_node", out[-1]).child[1]
        return out

    def _timer(self, node, time):
        kind = self.target.layout("timer")
        value = self.target.struct("timer", node - kind.offset_of("node"))
        return {"address": value.address, "when": value.when, "in": value.when - time,
                "calls": places.place(value.fn).rsplit("+", 1)[0],
                "of": self.owner(value.address)}

    def owner(self, address):
        """The thread in whose control block a timer lies."""
        if not hasattr(self, "_threads") or self._of is not self.kernel:
            self._of, self._threads = self.kernel, self.kernel.threads()
        size = self.target.layout("thread").size
        found = next((t for t in self._threads if t.address <= address < t.address + size), None)
        return found and {"tid": found.tid, "name": found.name}

    def show(self, data):
        lines = []
        for cpu in data:
            lines.append("CPU %d  slice %s, armed %s" % (
                cpu["cpu"], self.when(cpu["slice"], cpu["now"]), self.when(cpu["armed"], cpu["now"])))
            lines += ["  in %-12s %-24s %s" % (
                ui.time_text(t["in"]), t["calls"],
                "of thread %d %s" % (t["of"]["tid"], t["of"]["name"]) if t["of"] else "")
                for t in cpu["timers"]]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    @staticmethod
    def when(time, at):
        return "never" if time >= 1 << 62 else "in " + ui.time_text(time - at)


class Memory(ui.MosCommand):
    """Show physical memory: free blocks by size, pages in the CPUs' caches.

mos mem [--json]"""

    NAME = "mem"

    def rows(self, arguments):
        self.no_arguments(arguments)
        node = self.target.struct("frame_node", self.kernel.address("node0"))
        cached = {str(cpu): self.target.struct(
            "frame_cache", self.kernel.percpu("frame_caches", cpu)).count
            for cpu in self.kernel.cpu_numbers()}
        return {"total": node.total_pages, "free": node.free_pages + sum(cached.values()),
                "cached": cached, "blocks": node.blocks,
                "failures": self.target.integer(self.kernel.address("mm/frame.c::failures"))}

    def show(self, data):
        kib = PAGE // 1024
        text = "%d KiB, %d KiB free (%d KiB of it in per-CPU caches), %d failed allocations\n" % (
            data["total"] * kib, data["free"] * kib, sum(data["cached"].values()) * kib,
            data["failures"])
        return text + ui.table(("BLOCK KIB", "FREE BLOCKS", "FREE KIB"), [
            [kib << order, count, count * (kib << order)]
            for order, count in enumerate(data["blocks"])])


class Slab(ui.MosCommand):
    """List the caches of objects: size, objects in use, slabs.

mos slab [--json]"""

    NAME = "slab"

    def rows(self, arguments):
        self.no_arguments(arguments)
        cpus = [self.target.struct("slab_area", self.kernel.percpu("slab_areas", n)).cache
                for n in self.kernel.cpu_numbers()]
        table = self.target.variable("slab_caches")
        return [self._row(number, cache, cpus) for number, cache in enumerate(table)
                if number and cache.name]

    def _row(self, number, cache, cpus):
        allocs = sum(area[number].allocs for area in cpus)
        return {"name": self.kernel.text_at(cache.name), "size": cache.object_size,
                "in_use": allocs - sum(area[number].frees for area in cpus), "slabs": cache.slabs,
                "pages": cache.slabs << cache.order, "allocs": allocs, "failures": cache.failures}

    def show(self, data):
        return ui.table(("CACHE", "SIZE", "IN USE", "SLABS", "PAGES", "ALLOCS", "FAILURES"), [
            [r["name"], r["size"], r["in_use"], r["slabs"], r["pages"], r["allocs"], r["failures"]]
            for r in data])


PRESENT, WRITE, USER, LARGE, NO_EXECUTE = 1, 2, 4, 1 << 7, 1 << 63
ADDRESS = 0x000ffffffffff000
LEVELS = 4


def span(level):
    """Bytes mapped by one entry of a table of this level; 4 is the root."""
    return PAGE << 9 * (level - 1)


def rights(entry):
    return ("w" if entry & WRITE else "r") + ("-" if entry & NO_EXECUTE else "x") + \
        ("u" if entry & USER else "-")


class Tables:
    """The page tables that a CPU uses, read through the kernel's map of all memory."""

    def __init__(self, kernel):
        self.target = kernel.target
        manifest = self.target.struct("debug_manifest", kernel.address("debug_manifest"))
        self.direct_map = manifest.direct_map
        self.root = self._root(kernel) & ADDRESS

    @staticmethod
    def _root(kernel):
        """A CPU's register; in a core, which has no such registers, what the kernel has noted."""
        cpu = next(iter(vcpus.vcpus(kernel).values()), None)
        if cpu is None:
            raise Unreadable("no CPU is in the kernel")
        with selected_thread(cpu):
            root = register_value("cr3")
        return kernel.target.integer(kernel.address("paging_root_noted")) if root is None else root

    def entries(self, table):
        data = self.target.read(self.direct_map + table, PAGE)
        return [int.from_bytes(data[i:i + 8], "little") for i in range(0, PAGE, 8)]

    def walk(self, va):
        """[(level, index, entry)] from the root to where an address is mapped or is not."""
        out, table = [], self.root
        for level in range(LEVELS, 0, -1):
            index = va >> 12 + 9 * (level - 1) & 511
            entry = self.target.integer(self.direct_map + table + 8 * index)
            out.append((level, index, entry))
            if not entry & PRESENT or level == 1 or entry & LARGE:
                break
            table = entry & ADDRESS
        return out

    def ranges(self):
        """[start, end, physical, rights] of all that is mapped; neighbours that go on are one."""
        out = []
        self._add(out, self.root, LEVELS, 0, PRESENT | WRITE | USER, 0)
        return out

    def _add(self, out, table, level, va, above, denied):
        for index, entry in enumerate(self.entries(table)):
            if not entry & PRESENT:
                continue
            at = va + index * span(level)
            if level == LEVELS and index >= 256:
                at |= 0xffff << 48
            both, off = entry & above & (WRITE | USER), (entry | denied) & NO_EXECUTE
            if level > 1 and not entry & LARGE:
                self._add(out, entry & ADDRESS, level - 1, at, both, off)
                continue
            physical = entry & ADDRESS & ~(span(level) - 1)
            self._append(out, at, at + span(level), physical, rights(both | off))

    @staticmethod
    def _append(out, start, end, physical, allowed):
        last = out[-1] if out else None
        if last and last[1] == start and last[3] == allowed and \
                last[2] + (last[1] - last[0]) == physical:
            last[1] = end
        else:
            out.append([start, end, physical, allowed])


class AddressSpace(ui.MosCommand):
    """Show what is mapped: ranges of addresses, memory, rights.

mos vm [--json]

RIGHTS are w writable or r read-only, x executable, u open to user mode. Neighbouring pages with the
same rights and consecutive memory are one line. Kernel threads share one address space."""

    NAME = "vm"

    def rows(self, arguments):
        self.no_arguments(arguments)
        return [{"start": a, "end": b, "physical": p, "rights": r}
                for a, b, p, r in Tables(self.kernel).ranges()]

    def show(self, data):
        return ui.table(("START", "END", "KIB", "PHYSICAL", "RIGHTS"), [
            ["%016x" % r["start"], "%016x" % r["end"], (r["end"] - r["start"]) // 1024,
             "%x" % r["physical"], r["rights"]] for r in data])


class PageTableEntry(ui.MosCommand):
    """Walk the page tables for one address.

mos pte ADDRESS [--json]

ADDRESS is any expression of gdb, for example &scheduler or $rsp."""

    NAME, USAGE = "pte", "ADDRESS"

    def rows(self, arguments):
        if not arguments:
            raise ui.UsageError("given no address, expected an expression")
        value = gdb.parse_and_eval(" ".join(arguments))
        if value.type.code == gdb.TYPE_CODE_FUNC:
            value = value.address
        va = int(value) % (1 << 64)
        walk = Tables(self.kernel).walk(va)
        level, _, entry = walk[-1]
        row = {"va": va, "mapped": bool(entry & PRESENT), "physical": None, "rights": None,
               "walk": [{"level": n, "index": i, "entry": e} for n, i, e in walk]}
        if row["mapped"]:
            base = entry & ADDRESS & ~(span(level) - 1)
            row.update(physical=base + va % span(level), page=span(level),
                       rights=rights(self._combined(walk)))
        return row

    @staticmethod
    def _combined(walk):
        allowed, denied = WRITE | USER, 0
        for _, _, entry in walk:
            allowed, denied = allowed & entry, denied | entry & NO_EXECUTE
        return allowed | denied

    def show(self, data):
        lines = ["level %d [%3d] 0x%016x %s" % (
            w["level"], w["index"], w["entry"],
            rights(w["entry"]) if w["entry"] & PRESENT else "not present") for w in data["walk"]]
        lines.append("0x%x is physical 0x%x, %s, in a page of %d KiB" % (
            data["va"], data["physical"], data["rights"], data["page"] // 1024)
            if data["mapped"] else "0x%x is not mapped" % data["va"])
        return "\n".join(lines) + "\n"
