// Messages between the page and the stream worker. Streams are named by a number that the page gives out.
import type { StreamCounts, StreamStatus } from './frame_stream';

export type ToWorker =
  // Registers a stream, paused. canvas: the worker paints; without one it sends each picture to the page and waits for 'painted'.
  | { type: 'open'; stream: number; url: string; canvas?: OffscreenCanvas }
  | { type: 'redirect'; stream: number; url: string }
  | { type: 'pause'; stream: number }
  | { type: 'resume'; stream: number }
  | { type: 'painted'; stream: number }
  | { type: 'close'; stream: number };

export type FromWorker =
  | { type: 'status'; stream: number; status: StreamStatus }
  | { type: 'size'; stream: number; width: number; height: number }
  | { type: 'picture'; stream: number; picture: ImageBitmap }
  | { type: 'report'; stream: number; report: StreamReport };

export interface StreamReport extends StreamCounts {
  fps: number; // pictures shown per second, over the last second and a half, longer when few
  lastShownAt: number;
}
