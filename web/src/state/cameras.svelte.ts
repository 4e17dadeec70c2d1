// The cameras as the server tells them, kept current by its events. Thread-bound to the page.
import type { Camera, CameraHealth } from '../api/types';

export class Cameras {
  // In the server's order.
  list: Camera[] = $state([]);
  loaded = $state(false);
  // When health last arrived (Date.now() scale): ages in it count from then.
  healthAt = $state(0);

  byId(id: string): Camera | undefined {
    return this.list.find((camera) => camera.id === id);
  }

  // How old the camera's newest frame at the server is now, in ms; null when there was none yet.
  frameAge(camera: Camera, now: number): number | null {
    if (camera.last_frame_age_ms === null) return null;
    return camera.last_frame_age_ms + Math.max(0, now - this.healthAt);
  }

  replace(list: Camera[]): void {
    this.list = [...list].sort(byIndex);
    this.loaded = true;
    this.healthAt = Date.now();
  }

  put(camera: Camera): void {
    const at = this.list.findIndex((known) => known.id === camera.id);
    if (at < 0) this.list = [...this.list, camera].sort(byIndex);
    else this.list[at] = camera;
    this.healthAt = Date.now();
  }

  remove(id: string): void {
    this.list = this.list.filter((camera) => camera.id !== id);
  }

  update(health: CameraHealth[]): void {
    for (const entry of health) {
      const camera = this.byId(entry.id);
      if (camera) Object.assign(camera, entry);
    }
    this.healthAt = Date.now();
  }
}

const byIndex = (a: Camera, b: Camera) => a.index - b.index;
