/** Pictures that sections name: their bytes come from the extension and are made drawable here. */
import type { LoadedPicture } from '../../sections/scene';

/** Undefined where the bytes are no picture that this editor reads. */
export async function decoded(bytes: Uint8Array, mediaType: string): Promise<LoadedPicture | undefined> {
  const blob = new Blob([Uint8Array.from(bytes)], { type: mediaType });
  try {
    const image = await createImageBitmap(blob);
    return { image, address: await addressOf(blob) };
  } catch {
    return undefined;
  }
}

const addressOf = (blob: Blob): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve(typeof reader.result === 'string' ? reader.result : ''));
    reader.addEventListener('error', () => reject(reader.error ?? new Error('The picture cannot be read.')));
    reader.readAsDataURL(blob);
  });
