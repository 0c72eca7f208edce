# SPDX-License-Identifier: MIT
"""Code addresses as people read them. What was inlined counts as the function it was inlined in."""

import gdb


def functions_at(address):
    """
    (block, symbol) of the functions whose code an address belongs to: inlined ones first, at last
    the one they were inlined in. Empty where there is no debug information.
    """
    found, block = [], gdb.block_for_pc(address)
    while block is not None and not block.is_static and not block.is_global:
        if block.function is not None:
            found.append((block, block.function))
        block = block.superblock
    return found


def symbol_at(address):
    """function+offset by the symbol table, which assembly has too, or the address in hexadecimal."""
    try:
        text = gdb.execute("info symbol 0x%x" % address, to_string=True)
    except gdb.error:
        text = ""
    words = text.split(" in section ")[0].split()
    if " in section " not in text or not words:
        return "0x%x" % address
    return words[0] + (words[1] + words[2] if len(words) == 3 else "+0")


def place(address):
    """A code address as function+offset, or as hexadecimal."""
    if not address:
        return None
    functions = functions_at(address)
    if not functions:
        return symbol_at(address)
    block, symbol = functions[-1]
    return "%s+%d" % (symbol.name, address - int(block.start))


def with_line(address):
    """
    function (file:line), or what of it is known; None for no address. Gdb has the line of the call
    as that of an inlined function's symbol.
    """
    if not address or address < 0:
        return None
    functions = functions_at(address)
    if not functions:
        return symbol_at(address)
    if len(functions) > 1:
        symtab, line = functions[-2][1].symtab, functions[-2][1].line
    else:
        sal = gdb.find_pc_line(address)
        symtab, line = sal.symtab or functions[0][1].symtab, sal.line
    return "%s (%s:%d)" % (functions[-1][1].name, symtab.filename, line)
