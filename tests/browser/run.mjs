// Runs the browser tests: all, or those files whose names hold one of the arguments. Needs web/dist (npm run build in
// web/), Chromium, and Firefox ESR for its part; what is missing is skipped by name.
//   CAMWEAVE_BIN    the built camweave, or its folder: the tests run it instead of the mock server
//   CAMWEAVE_JUNIT  a file for the results as JUnit XML
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
if (!existsSync(`${here}../../web/dist/index.html`)) {
  console.error('web/dist is missing: run `npm ci && npm run build` in web/ first');
  process.exit(1);
}

const wanted = process.argv.slice(2);
const files = readdirSync(`${here}tests`)
  .filter((name) => name.endsWith('.test.mjs') && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .map((name) => `${here}tests/${name}`);

const reporters = [`--test-reporter=${process.stdout.isTTY ? 'spec' : 'tap'}`, '--test-reporter-destination=stdout'];
if (process.env.CAMWEAVE_JUNIT) reporters.push('--test-reporter=junit', `--test-reporter-destination=${process.env.CAMWEAVE_JUNIT}`);

// One file at a time: each has a browser and a server to itself.
const { status } = spawnSync(process.execPath, ['--test', '--test-concurrency=1', ...reporters, ...files], { stdio: 'inherit', cwd: here });
process.exit(status ?? 1);
