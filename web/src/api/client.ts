// Calls to the server. Each resolves with the parsed answer or rejects with an ApiError that carries the server's words.
import type { AppliedControl, Camera, Control, ControlValue, PairConfig, ServerInfo } from './types';

export interface FieldError {
  field: string;
  message: string;
}

export class ApiError extends Error {
  // status 0: the server did not answer.
  constructor(
    readonly status: number,
    message: string,
    readonly fields: FieldError[] = [],
  ) {
    super(message);
  }
}

const cameraPath = (id: string) => `/api/v1/cameras/${encodeURIComponent(id)}`;

export const getCameras = async (): Promise<Camera[]> =>
  (await json<{ cameras: Camera[] }>('/api/v1/cameras')).cameras;

export const getServer = () => json<ServerInfo>('/api/v1/server');

export interface LoginState {
  needed: boolean;
  logged_in: boolean;
}

export const getLogin = () => json<LoginState>('/api/v1/login');

// The API key for a cookie that the browser sends with everything from then on, pictures included.
export const logIn = (key: string) => json<unknown>('/api/v1/login', 'POST', { key });

export const logOut = () => json<unknown>('/api/v1/logout', 'POST');

export const getPairConfig = () => json<PairConfig>('/config');

export const setPairConfig = async (config: PairConfig): Promise<PairConfig> =>
  (await json<{ config: PairConfig }>('/config', 'POST', config)).config;

export const getControls = async (id: string): Promise<Control[]> =>
  (await json<{ controls: Control[] }>(`${cameraPath(id)}/controls`)).controls;

export const setControls = async (
  id: string,
  values: Record<string, ControlValue>,
): Promise<Record<string, AppliedControl>> =>
  (await json<{ controls: Record<string, AppliedControl> }>(`${cameraPath(id)}/controls`, 'PATCH', values)).controls;

export const resetControls = async (id: string): Promise<Control[]> =>
  (await json<{ controls: Control[] }>(`${cameraPath(id)}/controls/reset`, 'POST')).controls;

// full: a fresh still at the sensor's full resolution, which may take seconds; else the newest frame.
export async function getSnapshot(id: string, full: boolean): Promise<Blob> {
  const answer = await send(`${cameraPath(id)}/snapshot.jpg${full ? '?full=1' : ''}`);
  return answer.blob();
}

export interface StreamWish {
  size?: string;
  fps?: number;
}

export function cameraStreamUrl(id: string, wish: StreamWish = {}): string {
  const query = new URLSearchParams();
  if (wish.size) query.set('size', wish.size);
  if (wish.fps) query.set('fps', String(wish.fps));
  const text = query.toString();
  return socketUrl(`${cameraPath(id)}/jpeg${text ? `?${text}` : ''}`);
}

export const pairStreamUrl = (index: number) => socketUrl(`/ws/stream/${index}`);

function socketUrl(path: string): string {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

async function json<T>(path: string, method = 'GET', body?: unknown): Promise<T> {
  const answer = await send(path, {
    method,
    headers: body === undefined ? undefined : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return (await answer.json()) as T;
}

async function send(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { cache: 'no-store', ...init });
  } catch (cause) {
    throw new ApiError(0, String(cause));
  }
  if (!answer.ok) throw await errorOf(answer);
  return answer;
}

async function errorOf(answer: Response): Promise<ApiError> {
  const text = await answer.text().catch(() => '');
  let detail: unknown;
  try {
    detail = (JSON.parse(text) as { detail?: unknown }).detail;
  } catch {
    detail = text;
  }
  if (Array.isArray(detail)) {
    const fields = detail.map((entry: { loc?: unknown[]; msg?: string }) => ({
      field: String(entry.loc?.at(-1) ?? ''),
      message: entry.msg ?? '',
    }));
    return new ApiError(answer.status, fields.map((field) => field.message).join('; '), fields);
  }
  return new ApiError(answer.status, typeof detail === 'string' && detail ? detail : answer.statusText);
}
