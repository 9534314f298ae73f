import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { AdapterBase } from '../../models/formats/adapter/describe-adapter';
import { lastName } from '../../models/formats/adapter/describe-adapter';
import { baseNameOf } from '../../models/formats/read-adapter';
import type { ReadOther } from '../../models/formats/other-model';
import { otherKind, readOther } from '../../models/formats/read-other';
import { containedPath } from './folder-reader';

/** Files whose headers are remembered; the oldest goes first. */
const mostFiles = 256;

/** Headers of GGUF files and graphs, remembered by time and size of the file; adapters are read each time. */
export class OtherModels {
  private readonly known = new Map<string, { readonly stamp: string; readonly read: Promise<ReadOther> }>();

  async read(file: string, base?: AdapterBase): Promise<ReadOther> {
    const name = path.basename(file);
    if ((await containedPath(path.dirname(file), name)) === undefined) {
      return { ok: false, message: `${name} is a link that leads out of its folder, or does not exist.` };
    }
    if (otherKind(file) === 'adapter') return readOther(file, base);
    const about = await stat(file).catch(() => undefined);
    const stamp = `${about?.mtimeMs}:${about?.size}`;
    const known = this.known.get(file);
    if (known?.stamp === stamp) return known.read;
    const read = readOther(file);
    this.known.delete(file);
    this.known.set(file, { stamp, read });
    for (const old of [...this.known.keys()].slice(0, Math.max(0, this.known.size - mostFiles))) this.known.delete(old);
    return read;
  }
}

/** The configs that an editor lists as models: in these alone the base model of an adapter is looked for. */
export class BaseModels {
  private configs: readonly string[] = [];

  /** Paths of config files. */
  remember(configs: readonly string[]): void {
    this.configs = configs;
  }

  /** The config of the base of the adapter whose adapter_config.json this is. */
  async configOf(adapter: string): Promise<string | undefined> {
    const base = await baseNameOf(adapter);
    return base === undefined ? undefined : this.find(adapter, base);
  }

  /** By the path that the adapter names, else by the last part of the name; the nearest of several. */
  find(adapter: string, base: string): string | undefined {
    const written = path.resolve(path.dirname(adapter), base);
    const exact = this.configs.find((config) => path.dirname(config) === written);
    const named = this.configs.filter((config) => lastName(path.dirname(config)) === lastName(base));
    const shared = (config: string): number => {
      const [one, other] = [config.split(path.sep), adapter.split(path.sep)];
      const at = one.findIndex((part, index) => part !== other[index]);
      return at === -1 ? one.length : at;
    };
    return exact ?? named.toSorted((one, other) => shared(other) - shared(one))[0];
  }
}
