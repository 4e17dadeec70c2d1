// Fails when script and style of the first load, gzipped, exceed the limit. Run after `npm run build`.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const limit_bytes = 60_000;
const assets = fileURLToPath(new URL('../dist/assets/', import.meta.url));

let total_bytes = 0;
for (const name of readdirSync(assets).filter((file) => /\.(js|css)$/.test(file))) {
  const bytes = gzipSync(readFileSync(join(assets, name)), { level: 9 }).length;
  total_bytes += bytes;
  console.log(`${name}: ${bytes} bytes gzipped`);
}
console.log(`first load: ${total_bytes} of at most ${limit_bytes} bytes`);
if (total_bytes > limit_bytes) process.exit(1);
