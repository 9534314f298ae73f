import { open, stat } from 'node:fs/promises';
import type { SafetensorsHeader } from './header';
import { headerLength, parseSafetensorsHeader } from './header';

/** A header that fits costs one read; a longer one is then read to its end and no further. */
const firstRead = 2048;

export interface ReadHeader extends SafetensorsHeader {
  readonly fileSize: number;
  /** Bytes that were read from the file. */
  readonly bytesRead: number;
}

export type ReadHeaderResult =
  | { readonly ok: true; readonly header: ReadHeader }
  | { readonly ok: false; readonly code: 'not-found' | 'not-a-file' | 'unreadable'; readonly message: string };

/** Reads the header of one file by ranges, never the weights. */
export async function readSafetensorsHeader(path: string): Promise<ReadHeaderResult> {
  try {
    const about = await stat(path);
    // A pipe or a device would block for ever.
    if (!about.isFile()) return { ok: false, code: 'not-a-file', message: 'It is no regular file.' };
    const file = await open(path, 'r');
    try {
      const start = Buffer.alloc(Math.min(firstRead, about.size));
      const { bytesRead: first } = await file.read(start, 0, start.length, 0);
      const length = headerLength(start.subarray(0, first), about.size);
      let bytes = start.subarray(0, first);
      let bytesRead = first;
      if (typeof length === 'number' && length + 8 > first) {
        const whole = Buffer.alloc(length + 8);
        start.copy(whole, 0, 0, first);
        const rest = await file.read(whole, first, whole.length - first, first);
        bytesRead += rest.bytesRead;
        bytes = whole.subarray(0, first + rest.bytesRead);
      }
      const header = parseSafetensorsHeader(bytes, about.size);
      return { ok: true, header: { ...header, fileSize: about.size, bytesRead } };
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      return { ok: false, code: 'not-found', message: 'The file does not exist.' };
    return { ok: false, code: 'unreadable', message: `The file cannot be read (${code ?? 'unknown error'}).` };
  }
}
