# SPDX-License-Identifier: MIT
"""
The Common Trace Format 1.8 (diamon.org/ctf): a folder with a description in TSDL, `metadata`, and a
stream per CPU. Trace Compass and babeltrace2 open it.
"""
import struct
import uuid
from pathlib import Path

from mostrace.file import NAME, SWITCH, BadTrace

MAGIC = 0xC1FC1FC1
PACKET = struct.Struct("<I16sIQQQQQI")  # header, then context
EVENT = struct.Struct("<BQQQ")
SWITCH_EVENT = struct.Struct("<BQQQB")
NAME_EVENT = struct.Struct("<BQQB8s")

TYPES = """/* CTF 1.8 */
typealias integer { size = 8; align = 8; signed = false; } := uint8_t;
typealias integer { size = 32; align = 8; signed = false; } := uint32_t;
typealias integer { size = 64; align = 8; signed = false; } := uint64_t;
typealias integer { size = 64; align = 8; signed = false; map = clock.monotonic.value; } := time_t;
trace {
	major = 1; minor = 8; byte_order = le; uuid = "%s";
	packet.header := struct { uint32_t magic; uint8_t uuid[16]; uint32_t stream_id; };
};
env { domain = "kernel"; tracer_name = "multios"; tracer_major = 1; build = "%s"; };
clock { name = monotonic; freq = 1000000000; description = "time since the machine began"; };
stream {
	id = 0;
	packet.context := struct {
		time_t timestamp_begin; time_t timestamp_end; uint64_t content_size; uint64_t packet_size;
		uint64_t events_discarded; uint32_t cpu_id;
	};
	event.header := struct { uint8_t id; time_t timestamp; };
};
"""


def field(name):
    """A name that TSDL allows."""
    return "_" + "".join(c if c.isalnum() else "_" for c in name)


def metadata(trace, number):
    text = TYPES % (number, trace.about.get("build") or "unknown")
    reasons = ", ".join(f'"{name}" = {value}' for value, name in enumerate(trace.reasons))
    for kind, about in enumerate(trace.kinds):
        fields = f"uint64_t {field(about['a'])}; uint64_t {field(about['b'])};"
        if about["name"] == SWITCH:
            fields += f" enum : uint8_t {{ {reasons} }} _reason;"
        elif about["name"] == NAME:
            fields = f"uint64_t {field(about['a'])}; uint8_t _part; " \
                "integer { size = 8; align = 8; encoding = UTF8; } _text[8];"
        text += f'event {{ name = "{about["name"].lower()}"; id = {kind}; stream_id = 0; ' \
            f"fields := struct {{ {fields} }}; }};\n"
    return text


def event(trace, numbers, record):
    kind = numbers[record.kind]
    if record.kind == SWITCH:
        return SWITCH_EVENT.pack(kind, record.time, record.a, record.b, record.part)
    if record.kind == NAME:
        return NAME_EVENT.pack(kind, record.time, record.a, record.part, record.b.to_bytes(8, "little"))
    return EVENT.pack(kind, record.time, record.a, record.b)


def write(trace, folder):
    """`folder` is made, and must not be there."""
    folder = Path(folder)
    try:
        folder.mkdir()
    except OSError as error:
        raise BadTrace(f"{folder}: {error.strerror}; expected the name of a folder to make") from error
    number = uuid.uuid5(uuid.NAMESPACE_OID, str(trace.about.get("build")))
    (folder / "metadata").write_text(metadata(trace, number), encoding="utf-8")
    numbers = {about["name"]: kind for kind, about in enumerate(trace.kinds)}
    of_cpu = {}
    for record in trace.records:
        if record.kind in numbers:
            of_cpu.setdefault(record.cpu, []).append(record)
    for cpu, records in of_cpu.items():
        body = b"".join(event(trace, numbers, record) for record in records)
        bits = 8 * (PACKET.size + len(body))
        head = PACKET.pack(MAGIC, number.bytes, 0, records[0].time, records[-1].time, bits, bits,
                           trace.lost.get(cpu, 0), cpu)
        (folder / f"cpu_{cpu}").write_bytes(head + body)
