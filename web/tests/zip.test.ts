import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32, zip } from '../src/state/zip';

test('CRC-32 of the standard check text', () => {
  assert.equal(crc32(new TextEncoder().encode('123456789')), 0xcbf43926);
});

test('an archive is read back by another program', (context) => {
  const python = spawnSync('python3', ['--version']);
  if (python.status !== 0) return context.skip('python3 is not here');
  const folder = mkdtempSync(join(tmpdir(), 'camweave-zip-'));
  try {
    const at = new Date(2026, 10, 21, 14, 5, 10);
    const one = new Uint8Array([0, 1, 2, 255]);
    const two = new Uint8Array(70_000).fill(7);
    writeFileSync(join(folder, 'a.zip'), Buffer.concat(zip([{ name: 'cam0.jpg', bytes: one, at }, { name: '카메라.jpg', bytes: two, at }])));
    const read = spawnSync('python3', ['-c', 'import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; assert z.namelist()==["cam0.jpg","카메라.jpg"]; assert z.infolist()[0].date_time==(2026,11,21,14,5,10); z.extractall(sys.argv[2])', join(folder, 'a.zip'), folder]);
    assert.equal(read.status, 0, String(read.stderr));
    assert.deepEqual(new Uint8Array(readFileSync(join(folder, 'cam0.jpg'))), one);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return undefined;
});
