/**
 * Keys and values of one layer while its chunks run, and while a text goes on. Where the layer keeps its outputs on the device,
 * each run leaves the keys of all positions so far there: the output `present_key` is what the graph joins for its products in
 * any case, so that it costs no copy, where a session that joins would copy once more. Elsewhere what each run adds is put into
 * the cache on the host.
 */
import { dispose, type KeptOutputs, type RuntimeValue, type RuntimeValues } from '../../../runtime/values';
import type { HeldKeys } from './layer-feeds';
import type { CacheBytes, KeyValueCache } from '../cache/key-value-cache';
import { numbersOf, rowsOf } from '../graphs/run-stream';
import { floats, range } from '../graphs/runtime-arrays';

interface Present {
  readonly key: RuntimeValue;
  readonly value: RuntimeValue;
  readonly length: number;
  readonly first: number;
}

const keptNames = ['present_key', 'present_value'] as const;
const newNames = ['new_key', 'new_value'] as const;

export class LayerKeys implements HeldKeys {
  private present: Present | undefined;

  constructor(
    private readonly layer: number,
    private readonly cache: KeyValueCache,
    private readonly window: number | undefined,
    /** Whether the layer's session keeps outputs on the device. */
    private readonly keeps: boolean,
  ) {}

  /** Outputs of the graph that `take` needs. */
  get outputs(): readonly string[] {
    return this.keeps ? keptNames : newNames;
  }

  length(): number {
    return this.present?.length ?? this.cache.length(this.layer);
  }

  first(): number {
    return this.present?.first ?? this.cache.first(this.layer);
  }

  /** Of what lies on a device every position is held. */
  bytes(): CacheBytes {
    if (!this.present) return this.cache.bytes(this.layer);
    const numbers = [this.present.key, this.present.value].map(({ shape }) =>
      shape.reduce((size, axis) => size * axis, 1),
    );
    const all = 4 * numbers.reduce((sum, each) => sum + each, 0);
    return { used: all, allocated: all, full: all };
  }

  past(): { readonly key: RuntimeValue; readonly value: RuntimeValue } {
    return this.present ?? this.cache.past(this.layer);
  }

  /** Takes what a chunk of `added` rows gave. */
  async take(values: RuntimeValues, kept: KeptOutputs, added: number): Promise<void> {
    if (!this.keeps) {
      this.cache.append(this.layer, floats(values, 'new_key'), floats(values, 'new_value'));
      if (this.window !== undefined) this.cache.trim(this.layer, this.window - 1);
      return;
    }
    const [key, value] = [kept.of('present_key', values), kept.of('present_value', values)];
    const [length, first] = [this.length() + added, this.first()];
    this.dispose();
    this.present = { key, value, length, first };
    const most = this.window === undefined ? length : this.window - 1;
    if (length > most) await this.trim(this.present, most);
  }

  /** Puts what is on the device into the cache, which held nothing of the layer. */
  async settle(): Promise<void> {
    if (!this.present) return;
    const { key, value, first } = this.present;
    this.cache.append(this.layer, await numbersOf(key), await numbersOf(value));
    this.cache.shift(this.layer, first);
  }

  dispose(): void {
    dispose(this.present?.key, this.present?.value);
    this.present = undefined;
  }

  /** Keeps the last positions alone. */
  private async trim({ key, value, length, first }: Present, most: number): Promise<void> {
    const rows = range(length - most, most);
    const shape = [most, ...key.shape.slice(1)];
    const lastKeys = await rowsOf(key, rows, shape);
    const lastValues = await rowsOf(value, rows, shape).catch((error: unknown) => {
      dispose(lastKeys);
      throw error;
    });
    dispose(key, value);
    this.present = { key: lastKeys, value: lastValues, length: most, first: first + length - most };
  }
}
