// Snapshots taken in this page: saved at once (one as JPEG, several as ZIP) and kept in a tray to look at again.
import { ApiError, getSnapshot } from '../api/client';
import type { Camera } from '../api/types';
import { labelOf } from './camera_label';
import { zip } from './zip';

export interface Snapshot {
  key: number;
  camera: string;
  file: string;
  at: Date;
  jpeg: Blob;
  address: string; // blob: URL of the JPEG, given back when the snapshot leaves the tray
}

export interface FailedSnapshot {
  camera: string;
  reason: string;
}

const most_kept = 60;

export class Snapshots {
  taken: Snapshot[] = $state.raw([]);
  failed: FailedSnapshot[] = $state.raw([]);
  busy = $state(0);

  #next = 1;

  async take(cameras: Camera[], full = false): Promise<number> {
    this.busy += 1;
    this.failed = [];
    const results = await Promise.allSettled(cameras.map((camera) => this.#one(camera, full)));
    this.busy -= 1;
    const taken = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    this.failed = results.flatMap((result, at) =>
      result.status === 'rejected' ? [{ camera: labelOf(cameras[at]), reason: reasonOf(result.reason) }] : [],
    );
    for (const old of this.taken.slice(most_kept - taken.length)) URL.revokeObjectURL(old.address);
    this.taken = [...taken, ...this.taken].slice(0, most_kept);
    if (taken.length === 1) save(taken[0].jpeg, taken[0].file);
    else if (taken.length > 1) await this.saveAll(taken);
    return taken.length;
  }

  async saveAll(snapshots: Snapshot[] = this.taken): Promise<void> {
    const entries = await Promise.all(
      snapshots.map(async ({ file, at, jpeg }) => ({ name: file, at, bytes: new Uint8Array(await jpeg.arrayBuffer()) })),
    );
    save(new Blob(zip(entries) as BlobPart[], { type: 'application/zip' }), `camweave_${stamp(new Date())}.zip`);
  }

  saveOne(snapshot: Snapshot): void {
    save(snapshot.jpeg, snapshot.file);
  }

  clear(): void {
    for (const snapshot of this.taken) URL.revokeObjectURL(snapshot.address);
    this.taken = [];
    this.failed = [];
  }

  async #one(camera: Camera, full: boolean): Promise<Snapshot> {
    const jpeg = await getSnapshot(camera.id, full);
    const at = new Date();
    const key = this.#next++;
    return { key, camera: labelOf(camera), at, jpeg, file: `${camera.id}_${stamp(at)}_${key}.jpg`, address: URL.createObjectURL(jpeg) };
  }
}

const reasonOf = (error: unknown): string => (error instanceof ApiError ? error.message : String(error));

// 2026-11-21_14-05-09, in local time: sorts as text and is a file name everywhere.
export function stamp(at: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const date = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  return `${date}_${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join('-')}`;
}

function save(content: Blob, file: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = address;
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
