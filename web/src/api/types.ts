// What the server sends and takes, as in docs/reference (API). Wire names are kept as they are.

export type CameraState = 'starting' | 'streaming' | 'stalled' | 'failed' | 'away' | 'disabled';

export interface CameraHealth {
  id: string;
  state: CameraState;
  last_frame_age_ms: number | null;
  fps: number;
  expected_fps: number;
  dropped: number;
  restarts: number;
  last_error: string | null;
  next_retry_s: number | null;
}

export interface Camera extends CameraHealth {
  index: number;
  name: string;
  source: string;
  driver: string;
  make: string;
  model: string;
  serial: string;
  width: number;
  height: number;
  format: string;
}

export type ControlValue = boolean | number | string | null;

export interface Control {
  name: string;
  type: 'bool' | 'int' | 'float' | 'enum' | 'action' | string;
  unit?: string;
  min?: number;
  max?: number;
  step?: number;
  default?: ControlValue;
  value?: ControlValue;
  options?: string[];
  auto?: string;
  read_only?: boolean;
  available?: boolean;
  why?: string;
}

export interface AppliedControl {
  value: ControlValue;
  adjusted: boolean;
}

export type Rotation = 0 | 90 | 180 | 270;

export interface PairCamera {
  order: number;
  rotation: Rotation;
}

// The dual-camera settings; its keys are always cam0 and cam1: the first two cameras whatever their ids are.
export interface PairConfig {
  gap: number;
  cameras: { cam0: PairCamera; cam1: PairCamera };
  stream: { resolution: [number, number]; quality: number; fps: number };
}

export interface ServerInfo {
  version?: string;
  uptime_s?: number;
  protected_mode?: boolean;
}
