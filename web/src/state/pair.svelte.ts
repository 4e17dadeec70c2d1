// The dual-camera settings, shared with everybody who watches: changed here, they are sent at once (one request at a
// time, the newest settings win); changed elsewhere, they arrive by event.
import { ApiError, getPairConfig, setPairConfig } from '../api/client';
import type { PairConfig, Rotation } from '../api/types';
import { EventReplay } from './replay';

export type PairKey = 'cam0' | 'cam1';
export const pair_keys: readonly PairKey[] = ['cam0', 'cam1'];
export const pair_resolutions: readonly [number, number][] = [[320, 240], [640, 480], [820, 616]];

const defaults: PairConfig = {
  gap: 76,
  cameras: { cam0: { order: 1, rotation: 0 }, cam1: { order: 2, rotation: 0 } },
  stream: { resolution: [640, 480], quality: 80, fps: 30 },
};

export class Pair {
  config: PairConfig = $state(defaults);
  loaded = $state(false);
  // Why the last change was not saved.
  error: string | null = $state(null);

  #wanted: PairConfig | null = null;
  #saving = false;
  #replay = new EventReplay();
  // What the last event said while a change was being saved.
  #overheard: PairConfig | null = null;

  async load(): Promise<void> {
    try {
      await this.#replay.ask(getPairConfig(), (config) => this.#take(config));
    } catch {
      // The event stream brings it with the next change, and the next connection asks again.
    }
  }

  // From an event.
  arrived(config: PairConfig): void {
    this.#replay.arrived(() => this.#take(config));
  }

  change(change: (config: PairConfig) => void): void {
    // Made of the defaults, it would undo what others set.
    if (!this.loaded) return void this.load().then(() => this.loaded && this.change(change));
    const next = $state.snapshot(this.config) as PairConfig;
    change(next);
    this.config = next;
    this.#wanted = next;
    if (!this.#saving) void this.#save();
  }

  rotate(key: PairKey, rotation: Rotation): void {
    this.change((config) => (config.cameras[key].rotation = rotation));
  }

  swap(): void {
    this.change(({ cameras }) => {
      const first = cameras.cam0.order;
      cameras.cam0.order = cameras.cam1.order;
      cameras.cam1.order = first;
    });
  }

  // What the user is changing at this moment stays.
  #take(config: PairConfig): void {
    this.loaded = true;
    if (this.#saving) this.#overheard = config;
    else this.config = config;
  }

  async #save(): Promise<void> {
    this.#saving = true;
    let saved: PairConfig | null = null;
    while (this.#wanted) {
      const wanted = this.#wanted;
      this.#wanted = null;
      try {
        saved = await setPairConfig(wanted);
        this.error = null;
      } catch (error) {
        this.error = error instanceof ApiError ? error.message : String(error);
        saved = null;
      }
    }
    this.#saving = false;
    if (saved) this.config = saved;
    // Refused, or somebody else may have had the last word meanwhile: ask.
    const contradicted = this.#overheard !== null && JSON.stringify(this.#overheard) !== JSON.stringify(saved);
    this.#overheard = null;
    if (!saved || contradicted) await this.load();
  }
}
