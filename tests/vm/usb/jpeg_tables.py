"""The Huffman tables of ITU-T T.81 Annex K.3, which Motion JPEG cameras may leave out of their pictures, and the codes
that they stand for."""


def _fan(text, low_nibbles):
    """`text` (hex bytes), then for each high nibble every byte whose low nibble lies in the given span."""
    values = list(bytes.fromhex(text))
    for high, (first, last) in low_nibbles:
        values += [high << 4 | low for low in range(first, last + 1)]
    return values


# kind (class << 4 | id) → (how many codes of each length 1…16, the symbols in order)
TABLES = {
    0x00: (bytes.fromhex("00010501010101010100000000000000"), bytes(range(12))),
    0x10: (bytes.fromhex("0002010303020403050504040000017d"), bytes(_fan(
        "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a",
        [(1, (6, 10)), (2, (5, 10)), (3, (4, 10)), (4, (3, 10)), (5, (3, 10)), (6, (3, 10)), (7, (3, 10)), (8, (3, 10)),
         (9, (2, 10)), (10, (2, 10)), (11, (2, 10)), (12, (2, 10)), (13, (2, 10)), (14, (1, 10)), (15, (1, 10))]))),
    0x01: (bytes.fromhex("00030101010101010101010000000000"), bytes(range(12))),
    0x11: (bytes.fromhex("00020102040403040705040400010277"), bytes(_fan(
        "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f1",
        [(1, (7, 10)), (2, (6, 10)), (3, (5, 10)), (4, (3, 10)), (5, (3, 10)), (6, (3, 10)), (7, (3, 10)), (8, (2, 10)),
         (9, (2, 10)), (10, (2, 10)), (11, (2, 10)), (12, (2, 10)), (13, (2, 10)), (14, (2, 10)), (15, (2, 10))]))),
}


def codes(kind):
    """{symbol: its code as a string of 0 and 1}"""
    lengths, symbols = TABLES[kind]
    table, code, at = {}, 0, 0
    for length, count in enumerate(lengths, 1):
        for symbol in symbols[at:at + count]:
            table[symbol] = format(code, f"0{length}b")
            code += 1
        at += count
        code <<= 1
    return table
