/** Writing the bytes of a piece in the order of its file. */

/** Without `offset`, the bytes follow what was written last. */
export type Append = (bytes: Uint8Array, offset?: number) => Promise<void>;

export const bytesOf = (array: Float32Array | Int32Array | Uint16Array | Uint8Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
