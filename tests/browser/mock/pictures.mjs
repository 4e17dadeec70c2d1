// JPEGs for the mock server: frames of real footage (opencv-doc's vtest.avi, or CAMWEAVE_FOOTAGE), else ffmpeg's moving
// test picture; made once per size and quality by ffmpeg and kept under the temporary directory.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const footage = [process.env.CAMWEAVE_FOOTAGE, '/usr/share/doc/opencv-doc/examples/data/vtest.avi'].find((path) => path && existsSync(path));
const cache = join(tmpdir(), 'camweave-mock-pictures');
const frame_count = 60;

// JPEG quality 1..100 as ffmpeg's quantiser 31..2.
const quantiser = (quality) => Math.max(2, Math.min(31, Math.round(31 - (quality * 29) / 100)));

function input(start_s) {
  return footage ? ['-ss', String(start_s), '-i', footage] : ['-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=30`];
}

const made = new Map();

// Answers `frame_count` JPEGs, in order, of that exact size.
export function pictures({ width, height, quality = 80, start_s = 0 }) {
  const key = `${footage ? 'v' : 't'}${width}x${height}q${quantiser(quality)}s${start_s}`;
  if (!made.has(key)) made.set(key, make(key, { width, height, quality, start_s }));
  return made.get(key);
}

async function make(key, { width, height, quality, start_s }) {
  const folder = join(cache, key);
  if (!existsSync(folder)) {
    const half = `${folder}.${process.pid}.part`;
    mkdirSync(half, { recursive: true });
    const scale = `scale=${width}:${height}:force_original_aspect_ratio=increase,crop=${width}:${height}`;
    await run('ffmpeg', ['-v', 'error', ...input(start_s), '-vf', scale, '-frames:v', String(frame_count), '-q:v', String(quantiser(quality)), join(half, '%03d.jpg')]);
    try {
      renameSync(half, folder);
    } catch {
      rmSync(half, { recursive: true, force: true });
    }
  }
  return readdirSync(folder).sort().map((name) => readFileSync(join(folder, name)));
}
