/** A picture as its file holds it, made drawable: its pixels for the screen, its bytes for files that leave. */
import type { LoadedPicture } from '../scene';

/** Undefined where the bytes are no picture that this editor reads. */
export async function decoded(bytes: Uint8Array, mediaType: string): Promise<LoadedPicture | undefined> {
  // The bytes of a message lie in a buffer of their own: a copy would only be a second form of them.
  const blob = new Blob([bytes as Uint8Array<ArrayBuffer>], { type: mediaType });
  let written: string | undefined;
  try {
    const image = await createImageBitmap(blob);
    return {
      image,
      // A third longer than the bytes, so it is written only for a file.
      get address() {
        return (written ??= `data:${mediaType};base64,${base64(bytes)}`);
      },
    };
  } catch {
    return undefined;
  }
}

/** Arguments of one call: more than some engines take at once would fail. */
const chunk = 0x2000;

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += chunk) text += String.fromCharCode(...bytes.subarray(at, at + chunk));
  return btoa(text);
}
