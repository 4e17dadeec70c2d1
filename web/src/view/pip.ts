// Picture in picture: a stream of its own, decoded here and shown in the browser's floating video window, so that it
// goes on while the page is hidden. One at a time.
import { cameraStreamUrl } from '../api/client';
import type { Camera, Rotation } from '../api/types';
import { labelOf } from '../state/camera_label';
import { FrameStream } from '../stream/frame_stream';
import { isSideways } from './geometry';

// Chromium's way to make a video track from single frames; unlike canvas.captureStream it works in hidden pages.
declare class MediaStreamTrackGenerator extends MediaStreamTrack {
  constructor(options: { kind: 'video' });
  readonly writable: WritableStream<VideoFrame>;
}

export const canPip = (): boolean =>
  document.pictureInPictureEnabled === true && typeof HTMLVideoElement.prototype.requestPictureInPicture === 'function';

export async function openPip(camera: Camera, rotation: Rotation): Promise<void> {
  if (document.pictureInPictureElement) await document.exitPictureInPicture();
  const canvas = document.createElement('canvas');
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.title = labelOf(camera);
  const output = videoOutput(canvas);
  video.srcObject = new MediaStream([output.track]);
  const stream = new FrameStream(cameraStreamUrl(camera.id), {
    status: () => undefined,
    show: async (jpeg) => {
      const picture = await createImageBitmap(jpeg);
      drawTurned(canvas, picture, rotation);
      picture.close();
      await output.push();
    },
  });
  const end = () => {
    stream.close();
    output.track.stop();
    video.srcObject = null;
  };
  stream.open();
  try {
    await Promise.all([loaded(video), video.play()]);
    video.addEventListener('leavepictureinpicture', end, { once: true });
    await video.requestPictureInPicture();
  } catch {
    end();
  }
}

function loaded(video: HTMLVideoElement): Promise<void> {
  return new Promise((resolve, reject) => {
    video.addEventListener('loadedmetadata', () => resolve(), { once: true });
    // The permission that the user's click gave runs out after some seconds.
    setTimeout(() => reject(new Error('no picture')), 4_500);
  });
}

interface VideoOutput {
  track: MediaStreamTrack;
  push(): Promise<void>;
}

function videoOutput(canvas: HTMLCanvasElement): VideoOutput {
  if (typeof MediaStreamTrackGenerator === 'undefined' || typeof VideoFrame === 'undefined') {
    return { track: canvas.captureStream().getVideoTracks()[0], push: () => Promise.resolve() };
  }
  const track = new MediaStreamTrackGenerator({ kind: 'video' });
  const writer = track.writable.getWriter();
  const push = async () => {
    const frame = new VideoFrame(canvas, { timestamp: Math.round(performance.now() * 1000) });
    await writer.write(frame).catch(() => frame.close());
  };
  return { track, push };
}

function drawTurned(canvas: HTMLCanvasElement, picture: ImageBitmap, rotation: Rotation): void {
  const [width, height] = isSideways(rotation) ? [picture.height, picture.width] : [picture.width, picture.height];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const draw = canvas.getContext('2d');
  if (!draw) return;
  draw.setTransform(1, 0, 0, 1, width / 2, height / 2);
  draw.rotate((rotation * Math.PI) / 180);
  draw.drawImage(picture, -picture.width / 2, -picture.height / 2);
}
