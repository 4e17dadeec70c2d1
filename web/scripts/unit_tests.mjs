// Bundles tests/*.test.ts with esbuild (it comes with Vite) and runs them with Node's own test runner, so that Node 18
// runs TypeScript without another tool.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const tests = readdirSync(join(root, 'tests')).filter((name) => name.endsWith('.test.ts'));
const out = mkdtempSync(join(root, 'node_modules', '.unit-tests-'));
try {
  await build({
    entryPoints: tests.map((name) => join(root, 'tests', name)),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node18',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  const files = readdirSync(out).map((name) => join(out, name));
  process.exitCode = spawnSync(process.execPath, ['--enable-source-maps', '--test', `--test-reporter=${process.stdout.isTTY ? 'spec' : 'tap'}`, ...files], { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
