// One camera's pictures from a WebSocket, newest only: at most one picture is being decoded or painted, at most one
// waits, and a newer one takes its place. Runs in a worker or on the page; knows no DOM but WebSocket and timers.
// Reconnects with back-off until closed.
import { Backoff } from './backoff';

// Between opening and the first status of a lost connection the stream is 'connecting'.
export type StreamStatus =
  | { name: 'connecting' }
  | { name: 'open' }
  | { name: 'waiting'; retryAt: number }
  | { name: 'closed' };

export interface StreamSink {
  status(status: StreamStatus): void;
  // Decodes and shows one JPEG; the stream holds the next one back until this settles. A rejection is a damaged picture.
  show(jpeg: Blob): Promise<void>;
}

export interface StreamCounts {
  shown: number;
  skipped: number; // overtaken by a newer picture
  damaged: number;
}

export class FrameStream {
  readonly counts: StreamCounts = { shown: 0, skipped: 0, damaged: 0 };
  // When the newest picture was shown (Date.now() scale); 0: none yet.
  lastShownAt = 0;

  #socket: WebSocket | null = null;
  #waiting: ArrayBuffer | null = null;
  #showing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #backoff = new Backoff();

  constructor(
    private url: string,
    private readonly sink: StreamSink,
  ) {}

  open(): void {
    this.#drop();
    this.sink.status({ name: 'connecting' });
    const socket = new WebSocket(this.url);
    // ArrayBuffer and not Blob: only pictures that are decoded become blobs, and the engine sees their weight.
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.#backoff.reset();
      this.sink.status({ name: 'open' });
    };
    socket.onmessage = (event: MessageEvent) => {
      if (event.data instanceof ArrayBuffer) this.#take(event.data);
    };
    socket.onclose = () => this.#retry();
    this.#socket = socket;
  }

  close(): void {
    this.#drop();
    this.sink.status({ name: 'closed' });
  }

  // Goes on with another address; the picture shown stays until the first new one.
  redirect(url: string): void {
    if (url === this.url) return;
    this.url = url;
    if (this.#socket || this.#timer) this.open();
  }

  #take(jpeg: ArrayBuffer): void {
    if (this.#waiting) this.counts.skipped += 1;
    this.#waiting = jpeg;
    if (!this.#showing) void this.#showAll();
  }

  async #showAll(): Promise<void> {
    this.#showing = true;
    while (this.#waiting) {
      const jpeg = new Blob([this.#waiting], { type: 'image/jpeg' });
      this.#waiting = null;
      try {
        await this.sink.show(jpeg);
        this.counts.shown += 1;
        this.lastShownAt = Date.now();
      } catch {
        this.counts.damaged += 1;
      }
    }
    this.#showing = false;
  }

  #retry(): void {
    this.#drop();
    const wait_ms = this.#backoff.next();
    this.sink.status({ name: 'waiting', retryAt: Date.now() + wait_ms });
    this.#timer = setTimeout(() => this.open(), wait_ms);
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = null;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
