import type { GgufValue } from './header';

/** A number, or one for each layer. */
export interface PerLayer {
  /** The only number, else the largest of the list. */
  readonly largest: number;
  readonly list?: readonly number[];
}

/** Characters of an architecture's name, which begins the names of its keys; the longest published one has some twenty. */
const longestArchitecture = 60;

/** Reads the keys of a header by name; `own` reads those of the architecture, such as `llama.block_count`. */
export class Metadata {
  readonly architecture: string | undefined;

  constructor(private readonly values: ReadonlyMap<string, GgufValue>) {
    this.architecture = this.text('general.architecture')?.slice(0, longestArchitecture);
  }

  number(key: string): number | undefined {
    const value = this.values.get(key);
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
  }

  text(key: string): string | undefined {
    const value = this.values.get(key);
    return typeof value === 'string' ? value : undefined;
  }

  flag(key: string): boolean | undefined {
    const value = this.values.get(key);
    return typeof value === 'boolean' ? value : undefined;
  }

  /** Entries of a list of any kind. */
  length(key: string): number | undefined {
    const value = this.values.get(key);
    return typeof value === 'object' && 'length' in value ? value.length : undefined;
  }

  list(key: string): readonly (number | string | boolean)[] | undefined {
    const value = this.values.get(key);
    return typeof value === 'object' && 'list' in value ? value.list : undefined;
  }

  own(key: string): string {
    return `${this.architecture ?? ''}.${key}`;
  }

  ownNumber(key: string): number | undefined {
    return this.number(this.own(key));
  }

  perLayer(key: string): PerLayer | undefined {
    const single = this.ownNumber(key);
    if (single !== undefined) return { largest: single };
    const list = this.list(this.own(key))?.filter((value): value is number => typeof value === 'number');
    return list === undefined || list.length === 0 ? undefined : { largest: Math.max(...list), list };
  }

  /** Any key of this beginning. */
  hasAny(start: string): boolean {
    return [...this.values.keys()].some((key) => key.startsWith(start));
  }
}
