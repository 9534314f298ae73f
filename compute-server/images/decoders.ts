/** The two decoders, as WebAssembly in the folder of the bundle. What they say goes into a DecoderError. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export class DecoderError extends Error {
  override readonly name = 'DecoderError';
}

/** The engine has it; its types come only with those of browsers. */
declare const WebAssembly: { readonly compile: (bytes: Uint8Array) => Promise<Compiled> };
type Compiled = object;

type Rgba = Uint8Array | Uint8ClampedArray;

/** What a decoder gives: `ImageData` of browsers. */
interface Decoded {
  readonly data: Rgba;
  readonly width: number;
  readonly height: number;
}

/** A copy beside the bundle (build/bundle.mjs); from sources that of the package. */
async function webAssembly(path: string): Promise<Compiled> {
  const beside = join(__dirname, path.slice(path.lastIndexOf('/') + 1));
  return WebAssembly.compile(readFileSync(existsSync(beside) ? beside : createRequire(__filename).resolve(path)));
}

export async function decodePng(bytes: Uint8Array, width: number, height: number): Promise<Rgba> {
  const { decode, init } = await import('@jsquash/png/decode.js');
  await init(await webAssembly('@jsquash/png/codec/pkg/squoosh_png_bg.wasm'));
  // A panic of Rust says nothing of its reason here.
  const sentence = 'its data is damaged';
  return decoded(
    () => decode(bufferOf(bytes)),
    () => sentence,
    width,
    height,
  );
}

export async function decodeJpeg(bytes: Uint8Array, width: number, height: number): Promise<Rgba> {
  const { default: decode, init } = await import('@jsquash/jpeg/decode.js');
  // A warning too: libjpeg fills what is missing with grey, and continues.
  const said: string[] = [];
  const note = (text: string) => void said.push(text);
  compiledJpeg ??= webAssembly('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm');
  // Its types leave out the two arguments that it documents.
  const start = init as unknown as (code: Compiled, options: object) => Promise<void>;
  await start(await compiledJpeg, { printErr: note, print: note });
  const sentence = () => said[0]?.replace(/[.\s]+$/, '') ?? 'its data is damaged';
  const data = await decoded(() => decode(bufferOf(bytes)), sentence, width, height);
  if (said.length > 0) throw new DecoderError(sentence());
  return data;
}

let compiledJpeg: Promise<Compiled> | undefined;

async function decoded(
  act: () => Promise<Decoded>,
  sentence: () => string,
  width: number,
  height: number,
): Promise<Rgba> {
  let picture: Decoded;
  try {
    picture = await act();
  } catch {
    throw new DecoderError(sentence());
  }
  if (picture.width !== width || picture.height !== height || picture.data.length !== width * height * 4) {
    throw new DecoderError(
      `it has ${picture.width} x ${picture.height} pixels and its header gives ${width} x ${height}`,
    );
  }
  return picture.data;
}

const bufferOf = (bytes: Uint8Array): ArrayBuffer =>
  bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
