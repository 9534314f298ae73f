import { FileRefused, openRegular, readBytes } from '../regular-file';
import type { SafetensorsHeader } from './header';
import { headerLength, parseSafetensorsHeader } from './header';

/** A header that fits costs one read; a longer one is then read to its end and no further. */
const firstRead = 2048;

/** All shards of a model together; the 163 of DeepSeek-V3, with 92,000 tensors, have 11 MB. */
export const mostHeaderBytes = 256_000_000;

/** Bytes of headers that may still be read of a model, or of the files of a folder. */
export interface HeaderRoom {
  bytes: number;
}

interface ReadHeader extends SafetensorsHeader {
  readonly fileSize: number;
  /** Bytes that were read from the file. */
  readonly bytesRead: number;
}

export type ReadHeaderResult =
  | { readonly ok: true; readonly header: ReadHeader }
  | {
      readonly ok: false;
      readonly code: 'not-found' | 'not-a-file' | 'unreadable' | 'too-large';
      readonly message: string;
    };

/** Reads the header of one file by ranges, never the weights; `room` is that of all files of a model. */
export async function readSafetensorsHeader(path: string, room?: HeaderRoom): Promise<ReadHeaderResult> {
  try {
    const { handle, size } = await openRegular(path);
    try {
      const start = await readBytes(handle, Math.min(firstRead, size));
      const length = headerLength(start, size);
      const whole = typeof length === 'number' ? length + 8 : start.length;
      if (room !== undefined && (room.bytes -= whole) < 0) {
        const message = `The headers of all shards have more than ${mostHeaderBytes} bytes, and its own is not read.`;
        return { ok: false, code: 'too-large', message };
      }
      const bytes =
        typeof length === 'number' && length + 8 > start.length
          ? Buffer.concat([start, await readBytes(handle, length + 8 - start.length, start.length)])
          : start;
      const header = parseSafetensorsHeader(bytes, size);
      return { ok: true, header: { ...header, fileSize: size, bytesRead: bytes.length } };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof FileRefused && error.code !== 'too-large')
      return { ok: false, code: error.code, message: error.message };
    const { code } = error as NodeJS.ErrnoException;
    return { ok: false, code: 'unreadable', message: `It cannot be read (${code ?? 'unknown error'}).` };
  }
}
