// The server under test: `camweave serve` where CAMWEAVE_BIN names the binary or its folder, else the mock server.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockServer } from '../mock/server.mjs';
import { until } from './until.mjs';

export const binary = binaryPath(process.env.CAMWEAVE_BIN);
export const without_binary = binary ? false : 'CAMWEAVE_BIN is not set';

function binaryPath(path) {
  if (!path) return undefined;
  const program = statSync(path).isDirectory() ? join(path, 'camweave') : path;
  if (!existsSync(program)) throw new Error(`CAMWEAVE_BIN: no program ${program}`);
  return program;
}

// Below the ports that the kernel gives to clients: none of them takes it before, or between two starts of, its server.
async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createServer();
    const is_free = await new Promise((resolve) => probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)));
    if (!is_free) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

export class RealServer {
  log = '';
  #process = null;

  // sources: one per camera, named cam0, cam1, …; allowed_origins and api_key as in the configuration.
  constructor({ sources = ['pattern:bars?size=1280x720&fps=30', 'pattern:clock?size=1280x720&fps=30'], allowed_origins = [], api_key = '' } = {}) {
    this.folder = mkdtempSync(join(tmpdir(), 'camweave-browser-'));
    this.sources = sources;
    this.allowed_origins = allowed_origins;
    this.api_key = api_key;
  }

  get pid() {
    return this.#process?.pid;
  }

  async start() {
    this.port ??= await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    const config = join(this.folder, 'camweave.toml');
    writeFileSync(config, this.#config());
    this.#process = spawn(binary, ['serve', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process.on('error', (error) => (this.log += String(error)));
    for (const stream of [this.#process.stdout, this.#process.stderr]) stream.on('data', (text) => (this.log = (this.log + text).slice(-20_000)));
    await until(`the server answers (its log: ${this.log})`, async () => {
      if (this.#process.exitCode !== null) throw new Error(`camweave serve ended: ${this.log}`);
      return (await fetch(`${this.url}/health`).catch(() => null))?.ok;
    });
    return this;
  }

  async stop() {
    if (!this.#process || this.#process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGTERM');
    await ended;
  }

  async remove() {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  // The capture workers' process ids.
  workers() {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
          const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
          return Number(parent) === this.pid && /camweave-cap/.test(stat);
        } catch {
          return false;
        }
      })
      .map(Number);
  }

  #config() {
    const cameras = this.sources.map((source, n) => `[[camera]]\nid = "cam${n}"\nsource = ${JSON.stringify(source)}\n`);
    return [
      '[server]',
      `http = "127.0.0.1:${this.port}"`,
      ...['bundle', 'raw_tcp', 'rtsp', 'webrtc'].map((listener) => `${listener} = ""`),
      `state_dir = ${JSON.stringify(join(this.folder, 'state'))}`,
      `allowed_origins = ${JSON.stringify(this.allowed_origins)}`,
      `api_key = ${JSON.stringify(this.api_key)}`,
      '',
      ...cameras,
    ].join('\n');
  }
}


// Two cameras, whichever server it is. finish() ends it and cleans up.
export async function startServer(options = {}) {
  if (binary) {
    const server = await new RealServer(options.real).start();
    return { server, url: server.url, restart: () => server.stop().then(() => server.start()), finish: () => server.remove() };
  }
  const server = await new MockServer(options.mock).start();
  return { server, url: server.url, restart: () => server.stop().then(() => server.start()), finish: () => server.stop() };
}
