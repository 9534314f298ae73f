import type { ModelPart, PartRole } from '../model-description';

/** What a tensor belongs to, for the split of the parameter count. */
export type TensorGroup =
  | 'embedding'
  | 'attention'
  | 'mixer'
  | 'mlp'
  | 'experts'
  | 'router'
  | 'norms'
  | 'head'
  | 'projector'
  | 'other';

/**
 * A tensor, or a family of equal tensors, that a checkpoint holds. `{layer}` and `{expert}` in `pattern` stand for each of
 * `layers` and for 0 .. experts - 1.
 */
export interface ExpectedTensor {
  readonly pattern: string;
  readonly shape: readonly number[];
  readonly group: TensorGroup;
  readonly role: PartRole;
  /** Name of the part (`ModelPart.name`) it belongs to. */
  readonly part: string;
  readonly layers?: readonly number[];
  /** Number of experts that have a tensor of this pattern each; a stacked tensor has its experts in `shape[0]`. */
  readonly experts?: number;
  /** Number of experts whose rows lie below one another in the one tensor. */
  readonly merged?: number;
  /**
   * Share of the elements that one token uses: experts per token over experts for routed experts, one over the number of streams
   * where text and picture have weights of their own; 1 otherwise.
   */
  readonly activeShare: number;
  /** How many layers read it for each token; absent: one. */
  readonly readers?: number;
}

interface Row extends Omit<ExpectedTensor, 'layers'> {
  layers?: number[];
}

export class TensorTable {
  private readonly rows = new Map<string, Row>();

  /** `rename` turns the family's own names into those of a checkpoint in which the part is nested. */
  writer(part: ModelPart, rename: (name: string) => string = (name) => name): TensorWriter {
    return new TensorWriter(this, part, { rename });
  }

  add(row: Omit<ExpectedTensor, 'layers'>, layer: number | undefined): void {
    const key = `${row.pattern} ${row.shape.join('x')} ${row.experts ?? ''} ${row.activeShare}`;
    const known = this.rows.get(key);
    if (known === undefined) this.rows.set(key, layer === undefined ? row : { ...row, layers: [layer] });
    else if (layer !== undefined) known.layers?.push(layer);
  }

  list(): readonly ExpectedTensor[] {
    return [...this.rows.values()];
  }

  /** A view for a model inside another: what goes into it comes into this table under the names that the outer one has. */
  inside(rename: (name: string) => string, partName: (name: string) => string): TensorTable {
    return new InnerTable(this, rename, partName);
  }
}

class InnerTable extends TensorTable {
  constructor(
    private readonly outer: TensorTable,
    private readonly renameTensor: (name: string) => string,
    private readonly renamePart: (name: string) => string,
  ) {
    super();
  }

  override add(row: Omit<ExpectedTensor, 'layers'>, layer: number | undefined): void {
    this.outer.add({ ...row, pattern: this.renameTensor(row.pattern), part: this.renamePart(row.part) }, layer);
  }
}

export interface Routed {
  readonly count: number;
  readonly perToken: number;
}

/** What a writer says of each of its tensors. */
interface Written {
  readonly prefix: string;
  readonly rename: (name: string) => string;
  readonly layer?: number;
  readonly forced?: TensorGroup;
  readonly routed?: Routed;
  /** Share of the elements that one token uses, of what is not routed. */
  readonly share: number;
  readonly readers?: number;
}

/** Adds tensors of one part under a prefix. Linear weights are [output, input], as PyTorch stores them. */
export class TensorWriter {
  private readonly how: Written;

  constructor(
    private readonly table: TensorTable,
    readonly part: ModelPart,
    how: Partial<Written> = {},
  ) {
    this.how = { prefix: '', rename: (name) => name, share: 1, ...how };
  }

  private with(change: Partial<Written>): TensorWriter {
    return new TensorWriter(this.table, this.part, { ...this.how, ...change });
  }

  /** The same part under a longer prefix. */
  under(prefix: string): TensorWriter {
    return this.with({ prefix: this.how.prefix + prefix });
  }

  /** The same part, with names turned into others once more. */
  renamed(rename: (name: string) => string): TensorWriter {
    return this.with({ rename: (name) => this.how.rename(rename(name)) });
  }

  /** One layer; `prefix` holds `{layer}`, or counts stages and blocks where the layers are not numbered through. */
  layer(index: number, prefix: string): TensorWriter {
    return this.with({ prefix: this.how.prefix + prefix, layer: index });
  }

  /** Every tensor goes to this group. */
  as(group: TensorGroup): TensorWriter {
    return this.with({ forced: group });
  }

  /** Tensors of one of `count` streams of equal sizes (text and picture): a token goes through one of them. */
  ofStreams(count: number): TensorWriter {
    return this.with({ share: 1 / count });
  }

  /** Tensors that are stored once and read by this many layers. */
  readBy(readers: number): TensorWriter {
    return this.with({ readers });
  }

  /** One tensor an expert; `prefix` holds `{expert}`. */
  experts(routed: Routed, prefix: string): TensorWriter {
    return this.with({ prefix: this.how.prefix + prefix, forced: 'experts', routed });
  }

  add(group: TensorGroup, name: string, shape: readonly number[]): void {
    this.put(group, name, shape, this.how.routed?.count, this.how.routed);
  }

  /** All experts in one tensor, the experts on its first axis. */
  stacked(routed: Routed, name: string, shape: readonly number[]): void {
    this.put('experts', name, [routed.count, ...shape], undefined, routed);
  }

  /** All experts in one tensor, their rows below one another on the first axis (DBRX). */
  merged(routed: Routed, name: string, [rows, ...others]: readonly [number, ...number[]]): void {
    this.put('experts', name, [routed.count * rows, ...others], undefined, routed, routed.count);
  }

  linear(group: TensorGroup, name: string, input: number, output: number, bias: boolean): void {
    this.add(group, `${name}.weight`, [output, input]);
    if (bias) this.add(group, `${name}.bias`, [output]);
  }

  norm(name: string, size: number, bias: boolean): void {
    this.add('norms', `${name}.weight`, [size]);
    if (bias) this.add('norms', `${name}.bias`, [size]);
  }

  private put(
    group: TensorGroup,
    name: string,
    shape: readonly number[],
    experts: number | undefined,
    routed: Routed | undefined,
    merged?: number,
  ): void {
    const { prefix, rename, layer, forced, share, readers } = this.how;
    this.table.add(
      {
        pattern: rename(prefix + name),
        shape,
        group: forced ?? group,
        role: this.part.role,
        part: this.part.name,
        ...(experts === undefined ? {} : { experts }),
        ...(merged === undefined ? {} : { merged }),
        ...(readers === undefined ? {} : { readers }),
        activeShare: routed === undefined || routed.count === 0 ? share : Math.min(1, routed.perToken / routed.count),
      },
      layer,
    );
  }
}

export const elementsOf = (tensor: ExpectedTensor): number =>
  tensor.shape.reduce((product, size) => product * size, 1) * (tensor.layers?.length ?? 1) * (tensor.experts ?? 1);

/** Whether the tensor multiplies: biases of stacked experts and tables of relative positions have two axes and only add. */
export const isMatrix = ({ pattern, shape }: Pick<ExpectedTensor, 'pattern' | 'shape'>): boolean =>
  shape.length >= 2 && !/bias(\.weight)?$/.test(pattern);
