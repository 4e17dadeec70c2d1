// Puts decoded pictures on a canvas, on the page or off it. The canvas takes each picture's own size.
export class Painter {
  #transfer: ImageBitmapRenderingContext | null;
  #draw: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D | null = null;

  constructor(private readonly canvas: HTMLCanvasElement | OffscreenCanvas) {
    this.#transfer = canvas.getContext('bitmaprenderer') as ImageBitmapRenderingContext | null;
    if (!this.#transfer) this.#draw = canvas.getContext('2d') as CanvasRenderingContext2D | null;
  }

  // Takes the picture over: it is released here.
  paint(picture: ImageBitmap): void {
    if (this.#transfer) {
      this.#fit(picture.width, picture.height);
      this.#transfer.transferFromImageBitmap(picture);
    } else {
      this.#fit(picture.width, picture.height);
      this.#draw?.drawImage(picture, 0, 0);
    }
    picture.close();
  }

  #fit(width: number, height: number): void {
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
  }
}
