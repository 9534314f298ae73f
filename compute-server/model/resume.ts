/**
 * What a run of head statistics leaves on disk while it works, so that a killed process loses one layer and not the prompt:
 * the finished layers' numbers and the residual stream behind them. Removed when the run ends.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerResult, ResidualStream } from './model-run';

export interface Unfinished {
  readonly layers: readonly LayerResult[];
  readonly residual: ResidualStream;
}

export class ResumeFile {
  private readonly path: string;

  constructor(folder: string, key: unknown) {
    this.path = join(folder, 'unfinished', createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 24));
  }

  async read(): Promise<Unfinished | undefined> {
    try {
      const about = JSON.parse(await readFile(`${this.path}.json`, 'utf8')) as {
        layers: (Omit<LayerResult, 'thumbnail' | 'maps' | 'taps'> & { thumbnail?: number[] })[];
        residual: Omit<ResidualStream, 'chunks'> & { lengths: number[] };
      };
      const data = await readFile(`${this.path}.${about.residual.layer}.bin`);
      const numbers = new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
      const { lengths, ...stream } = about.residual;
      if (lengths.reduce((sum, length) => sum + length, 0) !== numbers.length) return undefined;
      let at = 0;
      return {
        layers: about.layers.map(({ thumbnail, ...layer }) => ({
          ...layer,
          taps: {},
          maps: new Map<number, Float32Array>(),
          ...(thumbnail ? { thumbnail: Float32Array.from(thumbnail) } : {}),
        })),
        residual: { ...stream, chunks: lengths.map((length) => numbers.slice(at, (at += length))) },
      };
    } catch {
      // None, or one that a killed process left half-written: the run starts over.
      return undefined;
    }
  }

  /** The numbers point at the stream by its layer, and are put in place last: a kill between the two leaves the older pair. */
  async write({ layers, residual }: Unfinished): Promise<void> {
    await mkdir(join(this.path, '..'), { recursive: true });
    const { chunks, ...stream } = residual;
    await writeFile(`${this.path}.${residual.layer}.bin`, Buffer.concat(chunks.map(bytesOf)));
    const about = {
      layers: layers.map(({ taps: _taps, maps: _maps, top: _top, thumbnail, ...layer }) => ({
        ...layer,
        ...(thumbnail ? { thumbnail: Array.from(thumbnail) } : {}),
      })),
      residual: { ...stream, lengths: chunks.map((chunk) => chunk.length) },
    };
    await writeFile(`${this.path}.json.new`, JSON.stringify(about));
    await rename(`${this.path}.json.new`, `${this.path}.json`);
    await rm(`${this.path}.${residual.layer - 1}.bin`, { force: true });
  }

  async remove(layers: number): Promise<void> {
    await rm(`${this.path}.json`, { force: true });
    for (let layer = 0; layer <= layers; layer++) await rm(`${this.path}.${layer}.bin`, { force: true });
  }
}

const bytesOf = (chunk: Float32Array): Uint8Array => new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
