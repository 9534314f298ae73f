/** What the strict reading of a picture's file gives, whatever its format. */
export interface PictureHeader {
  readonly format: 'PNG' | 'JPEG';
  readonly width: number;
  readonly height: number;
  /** How a JPEG was held by the camera: 1 to 8 as EXIF counts them (tag 0x0112); absent: 1. */
  readonly orientation?: number;
  /** Bytes that a pixel takes as the decoder holds it before it is RGBA. */
  readonly pixelBytes: number;
  /** What is decoded: the parts of the file that make the picture, and nothing behind them. */
  readonly bytes: Uint8Array;
}
