/** A zip archive of files as they are, without compression. */
import { zipSync } from 'fflate';

export interface ZipFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/** Of an archive without zip64. */
const mostFiles = 0xffff;
const mostBytes = 0xffff_ffff;
/** A name of at most 80 characters and what the archive says of a file, twice, are shorter. */
const besideContent = 512;

/** The first day of the format: the same files give the same bytes. */
const firstDay = '1980-01-01T00:00:00';

export function zipFile(files: readonly ZipFile[]): Uint8Array {
  const size = files.reduce((sum, { content }) => sum + content.length + besideContent, 0);
  if (files.length > mostFiles || size > mostBytes) {
    throw new Error('It is larger than 4 GB, or has more than 65,535 arrays. Export a part of it.');
  }
  const named = Object.fromEntries(files.map(({ name, content }) => [name, content]));
  return zipSync(named, { level: 0, mtime: firstDay });
}
