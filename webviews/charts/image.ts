/** Pictures as files: SVG text wrapped and escaped, PNG drawn from it with what made it inside. Free of the chart library. */
import { textWidth, type Face } from './text-width';

export interface Figure {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** `face`: what the lines are drawn in; without it a plain one is taken, which may be narrower. */
export function wrap(text: string, width: number, fontSize: number, face?: Face): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ')) {
    const next = current ? `${current} ${word}` : word;
    if (current && textWidth(next, fontSize, face) > width) {
      lines.push(current);
      current = word;
    } else current = next;
  }
  return current ? [...lines, current] : lines;
}

/**
 * Draws the figure at `scale` times its size and writes the provenance into the file's text chunks: all of it as `Comment`, and
 * `texts` under the keywords of the PNG specification (11.3.3.2: Title, Description, …), which viewers of pictures show.
 */
export async function toPng(
  drawn: Figure,
  metadata: unknown,
  texts: Readonly<Record<string, string>> = {},
  scale = 2,
): Promise<Uint8Array> {
  const url = URL.createObjectURL(new Blob([drawn.svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = drawn.width * scale;
    canvas.height = drawn.height * scale;
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (!blob) throw new Error('The picture is too large for this editor to draw. Export SVG instead.');
    return Object.entries(texts).reduceRight(
      (png, [keyword, value]) => withText(png, keyword, value),
      withText(new Uint8Array(await blob.arrayBuffer()), 'Comment', JSON.stringify(metadata)),
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Puts an iTXt chunk (UTF-8, not compressed; PNG specification, 11.3.3.4) right behind the header of a PNG. */
export function withText(png: Uint8Array, keyword: string, value: string): Uint8Array {
  const encode = new TextEncoder();
  const data = encode.encode(`iTXt${keyword}\0\0\0\0\0${value}`);
  const chunk = new Uint8Array(data.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length - 4);
  chunk.set(data, 4);
  view.setUint32(data.length + 4, crc32(data));
  // Signature (8 bytes) and IHDR (25 bytes) always come first.
  const header = 33;
  const all = new Uint8Array(png.length + chunk.length);
  all.set(png.subarray(0, header));
  all.set(chunk, header);
  all.set(png.subarray(header), header + chunk.length);
  return all;
}

/** CRC-32 of ISO 3309, as PNG asks. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
