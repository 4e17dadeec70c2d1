// The cameras as the server tells them, kept current by its events. Thread-bound to the page.
import { getCameras } from '../api/client';
import type { Camera, CameraHealth } from '../api/types';
import { EventReplay } from './replay';

export class Cameras {
  // In the server's order.
  list: Camera[] = $state([]);
  loaded = $state(false);
  // When health last arrived (Date.now() scale): ages in it count from then.
  healthAt = $state(0);
  #replay = new EventReplay();

  byId(id: string): Camera | undefined {
    return this.list.find((camera) => camera.id === id);
  }

  // How old the camera's newest frame at the server is now, in ms; null when there was none yet.
  frameAge(camera: Camera, now: number): number | null {
    if (camera.last_frame_age_ms === null) return null;
    return camera.last_frame_age_ms + Math.max(0, now - this.healthAt);
  }

  // Asks for all of them; rejects with an ApiError.
  load(): Promise<void> {
    return this.#replay.ask(getCameras(), (list) => {
      this.list = [...list].sort(byIndex);
      this.loaded = true;
      this.healthAt = Date.now();
    });
  }

  arrived(camera: Camera): void {
    this.#replay.arrived(() => {
      const at = this.list.findIndex((known) => known.id === camera.id);
      if (at < 0) this.list = [...this.list, camera].sort(byIndex);
      else this.list[at] = camera;
      this.healthAt = Date.now();
    });
  }

  removed(id: string): void {
    this.#replay.arrived(() => (this.list = this.list.filter((camera) => camera.id !== id)));
  }

  healthArrived(health: CameraHealth[]): void {
    this.#replay.arrived(() => {
      for (const entry of health) {
        const camera = this.byId(entry.id);
        if (camera) Object.assign(camera, entry);
      }
      this.healthAt = Date.now();
    });
  }
}

const byIndex = (a: Camera, b: Camera) => a.index - b.index;
