// Runs the browser tests, one file after another: all, or those whose names hold one of the arguments. Needs web/dist
// (npm run build in web/), Chromium, and Firefox ESR for its part; what is missing is skipped by name.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
if (!process.env.CAMWEAVE_BIN && !existsSync(`${here}../../web/dist/index.html`)) {
  console.error('web/dist is missing: run `npm ci && npm run build` in web/ first');
  process.exit(1);
}
const wanted = process.argv.slice(2);
const files = readdirSync(`${here}tests`).filter((name) => name.endsWith('.test.mjs') && (wanted.length === 0 || wanted.some((part) => name.includes(part))));
let failed = false;
for (const file of files) {
  const result = spawnSync(process.execPath, ['--test', '--test-reporter=spec', `${here}tests/${file}`], { stdio: 'inherit', cwd: here });
  failed ||= result.status !== 0;
}
process.exit(failed ? 1 : 0);
