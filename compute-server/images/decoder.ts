/** The process that decodes pictures, one at a time: what a file makes a decoder do is done here, and ends with it. */
import type { Failure } from '../../protocol/wire/failures';
import { failureOf } from '../dispatch/dispatcher';
import { decodePicture, Stumbled, type DecodedPicture } from './decode';

export interface ToDecoder {
  readonly path: string;
  readonly memoryLimit?: number | undefined;
}

export type FromDecoder =
  /** Its script is loaded. */
  | { readonly kind: 'ready' }
  /** The file's structure is sound, and so many pixels are decoded now. */
  | { readonly kind: 'size'; readonly pixels: number }
  | { readonly kind: 'picture'; readonly picture: DecodedPicture }
  /** `stumbled`: a decoder failed in the middle, and this process is not to be asked again. */
  | { readonly kind: 'failure'; readonly failure: Failure; readonly stumbled: boolean };

const send = (message: FromDecoder): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(message, undefined, {}, () => resolve());
  });

async function answer({ path, memoryLimit }: ToDecoder): Promise<void> {
  try {
    const picture = await decodePicture(path, {
      memoryLimit,
      onSize: (pixels) => send({ kind: 'size', pixels }),
    });
    await send({ kind: 'picture', picture });
  } catch (error) {
    await send({ kind: 'failure', failure: failureOf(error), stumbled: error instanceof Stumbled });
  }
}

process.on('message', (message) => void answer(message as ToDecoder));
process.on('disconnect', () => process.exit(0));
// Ctrl+C reaches the whole process group: the parent decides what it means.
process.on('SIGINT', () => {});
void send({ kind: 'ready' });
