/** The code that gave a saved result, found again: it answers only where it is the same text. */
import { basename } from 'node:path';
import type { OwnFilePlace, OwnFileRead } from '../../protocol/inputs/own-file';
import { KernelFault } from '../own-kernels/kernel-link';

interface Opened {
  readonly sha256: string;
  readonly end: () => void;
}

/**
 * The first of these files whose text, with those that it imports, is the one that the result names. The processes of the others are
 * ended. Throws a KernelFault, one sentence, where there is none.
 */
export async function codeOfResult<T extends Opened>(
  read: OwnFileRead,
  places: readonly OwnFilePlace[],
  open: (place: OwnFilePlace) => Promise<T>,
  signal: AbortSignal,
): Promise<T & { readonly place: OwnFilePlace }> {
  let failed: Error | undefined;
  for (const place of places) {
    try {
      const opened = await open(place);
      if (opened.sha256 === read.sha256) return { ...opened, place };
      opened.end();
    } catch (error) {
      signal.throwIfAborted();
      failed ??= error as Error;
    }
  }
  if (failed !== undefined && places.length === 1) throw failed;
  const name = basename(read.path.replaceAll('\\', '/'));
  throw new KernelFault({
    sentence:
      places.length === 0
        ? `${name} is code, which is not run here. Open its folder and this result in VS Code.`
        : `${name}, or a file that it imports, has changed since it gave this result. Run it again to ask more of it.`,
  });
}
