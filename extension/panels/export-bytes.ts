/** The bytes of an export, in any of the forms in which a webview can hand them over. */
export function exportBytes(data: string | Uint8Array): Uint8Array {
  if (typeof data !== 'string') return data;
  const encoded = /^data:[^,]*;base64,/.exec(data);
  if (encoded) return new Uint8Array(Buffer.from(data.slice(encoded[0].length), 'base64'));
  const written = /^data:[^,]*,/.exec(data);
  return new TextEncoder().encode(written ? decodeURIComponent(data.slice(written[0].length)) : data);
}
