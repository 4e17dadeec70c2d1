// A ZIP archive of files as they are (method "stored": JPEGs don't shrink). Pure. Under 4 GB and 65,535 files.
export interface ZipEntry {
  name: string;
  bytes: Uint8Array;
  at: Date;
}

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

export function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = table[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

// DOS time and date, two-second steps, in local time.
function dosTime(at: Date): [number, number] {
  const time = (at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1);
  const date = ((at.getFullYear() - 1980) << 9) | ((at.getMonth() + 1) << 5) | at.getDate();
  return [time, date];
}

function record(...fields: [bytes: 2 | 4, value: number][]): Uint8Array {
  const out = new DataView(new ArrayBuffer(fields.reduce((sum, [size]) => sum + size, 0)));
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) out.setUint16(at, value, true);
    else out.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(out.buffer);
}

const utf8_names = 0x0800;
const version = 20;

// The parts of the archive, in order, as a Blob takes them.
export function zip(entries: ZipEntry[]): Uint8Array[] {
  const files: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = new TextEncoder().encode(entry.name);
    const [time, date] = dosTime(entry.at);
    const common: [2 | 4, number][] = [
      [2, version], [2, utf8_names], [2, 0], [2, time], [2, date], [4, crc32(entry.bytes)],
      [4, entry.bytes.length], [4, entry.bytes.length], [2, name.length], [2, 0],
    ];
    const local = record([4, 0x04034b50], ...common);
    files.push(local, name, entry.bytes);
    directory.push(record([4, 0x02014b50], [2, version], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), name);
    offset += local.length + name.length + entry.bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const count = entries.length;
  return [...files, ...directory, record([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0])];
}
