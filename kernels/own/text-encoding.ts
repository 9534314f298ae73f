/** UTF-8 in the language alone: a kernel file's context has no TextEncoder. Imported before anything that encodes a graph. */
import { configureTextEncoding } from '@bufbuild/protobuf/wire';

configureTextEncoding({
  encodeUtf8(text) {
    const escaped = encodeURIComponent(text);
    const bytes: number[] = [];
    for (let at = 0; at < escaped.length; at++) {
      if (escaped[at] !== '%') bytes.push(escaped.charCodeAt(at));
      else {
        bytes.push(Number.parseInt(escaped.slice(at + 1, at + 3), 16));
        at += 2;
      }
    }
    return Uint8Array.from(bytes);
  },
  decodeUtf8: (bytes) =>
    decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')),
  checkUtf8(text) {
    try {
      encodeURIComponent(text);
      return true;
    } catch {
      return false;
    }
  },
});
