// The server's event stream (SSE), kept open: reconnects with back-off and says when, and takes a stream that has gone
// quiet for lost (the server sends health every 2 s). EventSource's own reconnecting is not used: it is silent.
import { Backoff } from '../stream/backoff';
import type { Camera, CameraHealth, Control, PairConfig } from './types';

const quiet_limit_ms = 8_000;

export interface EventHandlers {
  camera(camera: Camera): void;
  cameraRemoved(id: string): void;
  health(cameras: CameraHealth[]): void;
  controls(camera: string, changed: Control[]): void;
  config(config: PairConfig): void;
  // Each time that the stream opens, before any of its events: what is known may be stale.
  opened(): void;
  // The stream is lost and will be tried again at that time (Date.now() scale).
  lost(retryAt: number): void;
}

export class EventFeed {
  #source: EventSource | null = null;
  #retryTimer: number | undefined;
  #quietTimer: number | undefined;
  #backoff = new Backoff();

  constructor(private readonly handlers: EventHandlers) {}

  open(): void {
    this.close();
    const source = new EventSource('/api/v1/events');
    this.#source = source;
    this.#watch();
    source.onopen = () => {
      this.#backoff.reset();
      this.handlers.opened();
      this.#watch();
    };
    source.onerror = () => this.retry();
    const on = <T>(name: string, handle: (data: T) => void) =>
      source.addEventListener(name, (event) => {
        this.#watch();
        handle(JSON.parse((event as MessageEvent<string>).data) as T);
      });
    on<Camera>('camera', (data) => this.handlers.camera(data));
    on<{ id: string }>('camera_removed', (data) => this.handlers.cameraRemoved(data.id));
    on<{ cameras: CameraHealth[] }>('health', (data) => this.handlers.health(data.cameras));
    on<{ camera: string; controls: Control[] }>('controls', (data) => this.handlers.controls(data.camera, data.controls));
    on<PairConfig>('config', (data) => this.handlers.config(data));
  }

  close(): void {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#quietTimer);
  }

  // Gives the connection up and tries again after the usual wait. Closed, it stays so; waiting, it waits on.
  retry(): void {
    if (!this.#source) return;
    this.close();
    const wait_ms = this.#backoff.next();
    this.handlers.lost(Date.now() + wait_ms);
    this.#retryTimer = window.setTimeout(() => this.open(), wait_ms);
  }

  #watch(): void {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = window.setTimeout(() => this.retry(), quiet_limit_ms);
  }
}
