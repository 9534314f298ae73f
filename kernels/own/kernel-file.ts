/** What a `*.headscope-kernel.ts` file exports, and how the process that runs it makes a whole mechanism of that. */
import type { Graph } from '../graph/graph';
import type { Mechanism, ParameterValues, Support, Weight } from '../mechanism';
import type { AttentionShape, Precision } from '../shape';
import type { AttentionInputs, Tensor } from '../tensors/tensor';

/**
 * The default export of a kernel file: a mechanism of which only the title, the float64 reference and the graph must be there.
 * The cost is counted in the graph. `decode`, `fit`, `asSystem`, `amplification` and `leastDivisor` are not used.
 */
export type KernelFile<P extends ParameterValues = ParameterValues> = Pick<
  Mechanism<P>,
  'title' | 'reference' | 'build'
> &
  Partial<Mechanism<P>>;

/** As data: what of a mechanism can be said without a shape. */
export interface KernelFacts {
  readonly title: string;
  readonly summary?: string;
  readonly parameters: Mechanism['parameters'];
  readonly layout: Mechanism['layout'];
  readonly chooses: boolean;
  readonly hasRows: boolean;
  readonly limits: number;
}

interface At {
  readonly shape: AttentionShape;
  readonly parameters: ParameterValues;
}

/** What a process is asked about the file that it has loaded. */
export type KernelQuestion =
  | { readonly kind: 'facts' }
  | ({ readonly kind: 'supports' } & At)
  | ({ readonly kind: 'weights' } & At)
  | ({ readonly kind: 'build'; readonly precision: Precision } & At)
  | ({
      readonly kind: 'reference';
      readonly rows?: readonly number[];
      /** The shapes of query, key, value and the weights; their numbers come beside the question. */
      readonly tensors: Readonly<Record<string, readonly number[]>>;
    } & At)
  | ({ readonly kind: 'pattern' } & At)
  | { readonly kind: 'limits'; readonly shape: AttentionShape };

export interface Limit {
  readonly name: string;
  readonly parameters: ParameterValues;
  readonly equals: string;
}

/** The pattern as data: `reads` of every head, query and key, row by row, comes beside it. */
export interface PatternFacts {
  readonly dependsOnData: boolean;
  readonly dependsOnFuture: boolean;
  readonly dependsOnLength: boolean;
  readonly joinsHeads: boolean;
  readonly readsQueries: boolean;
}

export interface KernelAnswers {
  readonly facts: KernelFacts;
  readonly supports: Support;
  readonly weights: readonly Weight[];
  /** The graph's bytes come beside it. */
  readonly build: null;
  readonly reference: { readonly shape: readonly number[] };
  /** Undefined where the file says nothing of what it reads. */
  readonly pattern: PatternFacts | null;
  readonly limits: readonly Limit[];
}

/** Text and bytes: what crosses from the code of a file to whoever asks it. */
export interface Answered {
  readonly json: string;
  readonly bytes?: Uint8Array;
  readonly numbers?: Float64Array;
}

/** Answers questions about a file's default export. Faults of the file are thrown as they are. */
export class KernelAnswerer {
  private readonly mechanism: KernelFile;

  constructor(exported: unknown) {
    if (typeof exported !== 'object' || exported === null) {
      throw new TypeError('The file has no default export that is a mechanism. Add "export default shortForm({ … })".');
    }
    for (const name of ['reference', 'build'] as const) {
      if (typeof (exported as KernelFile)[name] !== 'function') {
        throw new TypeError(
          `The default export has no function "${name}". Give it title, reference and build, or use shortForm({ … }).`,
        );
      }
    }
    if (typeof (exported as KernelFile).title !== 'string' || (exported as KernelFile).title.trim() === '') {
      throw new TypeError('The default export has no title. Give it a title in a few words.');
    }
    this.mechanism = exported as KernelFile;
  }

  answer(question: KernelQuestion, numbers: Readonly<Record<string, Float64Array>>): Answered {
    const { mechanism } = this;
    switch (question.kind) {
      case 'facts':
        return said<'facts'>({
          title: mechanism.title,
          ...(mechanism.summary === undefined ? {} : { summary: mechanism.summary }),
          parameters: mechanism.parameters ?? {},
          layout: mechanism.layout ?? 'heads-first',
          chooses: mechanism.chosen !== undefined,
          hasRows: mechanism.referenceRows !== undefined,
          limits: mechanism.limits?.length ?? 0,
        });
      case 'supports':
        return said<'supports'>(
          mechanism.supports ? supportOf(mechanism.supports(question.shape, question.parameters)) : { ok: true },
        );
      case 'weights':
        return said<'weights'>(mechanism.weights?.(question.shape, question.parameters) ?? []);
      case 'build': {
        const graph = mechanism.build(question.shape, question.parameters, question.precision) as Partial<Graph>;
        if (!(graph.model instanceof Uint8Array)) {
          throw new TypeError('build gave no graph. Return what builder.finish() or attentionGraph(…) gives.');
        }
        return { json: 'null', bytes: graph.model };
      }
      case 'reference': {
        const output = this.reference(question, numbers) as Partial<Tensor> | undefined;
        if (!(output?.data instanceof Float64Array) || !Array.isArray(output.shape)) {
          throw new TypeError('reference gave no tensor. Return { shape, data } with data in a Float64Array.');
        }
        return { json: JSON.stringify({ shape: output.shape }), numbers: output.data };
      }
      case 'pattern':
        return this.pattern(question.shape, question.parameters);
      case 'limits':
        return said<'limits'>(
          (mechanism.limits ?? []).map(({ name, parameters, equals }) => ({
            name,
            parameters: parameters(question.shape) as ParameterValues,
            equals,
          })),
        );
    }
  }

  private reference(
    { shape, parameters, rows, tensors }: Extract<KernelQuestion, { kind: 'reference' }>,
    numbers: Readonly<Record<string, Float64Array>>,
  ): Tensor {
    const { query, key, value, ...weights } = Object.fromEntries(
      Object.entries(tensors).map(([name, dims]) => [name, { shape: dims, data: numbers[name]! }]),
    ) as Record<'query' | 'key' | 'value', Tensor>;
    const inputs: AttentionInputs = { query, key, value, weights };
    return rows && this.mechanism.referenceRows
      ? this.mechanism.referenceRows(inputs, shape, parameters, rows)
      : this.mechanism.reference(inputs, shape, parameters);
  }

  private pattern(shape: AttentionShape, parameters: ParameterValues): Answered {
    const pattern = this.mechanism.pattern?.(shape, parameters);
    if (!pattern) return said<'pattern'>(null);
    const { heads, queries, keys } = shape;
    const bytes = new Uint8Array(heads * queries * keys);
    let at = 0;
    for (let head = 0; head < heads; head++) {
      for (let query = 0; query < queries; query++) {
        for (let key = 0; key < keys; key++) bytes[at++] = pattern.reads(head, query, key) ? 1 : 0;
      }
    }
    const flag = (given: boolean | undefined): boolean => given === true;
    const facts: PatternFacts = {
      dependsOnData: flag(pattern.dependsOnData),
      dependsOnFuture: flag(pattern.dependsOnFuture),
      dependsOnLength: flag(pattern.dependsOnLength),
      joinsHeads: flag(pattern.joinsHeads),
      readsQueries: flag(pattern.readsQueries),
    };
    return { json: JSON.stringify(facts), bytes };
  }
}

function supportOf(given: unknown): Support {
  const { ok, why } = (typeof given === 'object' && given !== null ? given : {}) as { ok?: unknown; why?: unknown };
  if (ok === true || (ok === false && typeof why === 'string' && why.trim() !== '')) return given as Support;
  const words = typeof given === 'object' && given !== null ? 'another object' : String(given).slice(0, 40);
  throw new TypeError(`supports must return { ok: true } or { ok: false, why: "…" }, and returned ${words}.`);
}

const said = <K extends keyof KernelAnswers>(value: KernelAnswers[K]): Answered => ({ json: JSON.stringify(value) });
