/**
 * A kernel file as a mechanism of the harness. Two processes run it: one says what it supports and builds its graphs, and never
 * sees a number of the inputs; the other computes its float64 reference. So no graph can hold what it is going to be asked.
 * Neither runs while something is timed. Costs are counted in the graph, and tolerances are computed here.
 */
import { createHash } from 'node:crypto';
import type { Graph } from '../../kernels/graph/graph';
import { GraphError } from '../../kernels/graph/records';
import type { Limit, PatternFacts } from '../../kernels/own/kernel-file';
import type { Cost } from '../../kernels/cost/cost';
import type { Mechanism, ParameterValues, Support, Weight } from '../../kernels/mechanism';
import type { AttentionShape, Precision } from '../../kernels/shape';
import type { AttentionInputs, Tensor } from '../../kernels/tensors/tensor';
import { tableFault } from './facts';
import { countedCost, handedGraph } from './handed-graph';
import { KernelFault, KernelLink } from './kernel-link';
import type { LawSize } from './law-sizes';
import { placeOfName } from './place-of-name';
import { kernelSource } from './workspace-files';

export interface OwnKernel {
  readonly mechanism: Mechanism;
  /** Of the file's text, in hexadecimal digits. */
  readonly sha256: string;
  pattern(shape: AttentionShape, parameters: ParameterValues): OwnPattern | undefined;
  limits(shape: AttentionShape): readonly Limit[];
  /** Shapes that laws are tried on, where its graph does not take those of any kernel. */
  readonly sizes?: readonly LawSize[];
  /** Its graph is in float32 and takes nothing else. */
  readonly float32Only?: true;
  /** A fault with the place of the first of these names in the file. */
  fault(sentence: string, names: readonly string[]): KernelFault;
  /** Ends its processes; the next question starts them again. */
  rest(): Promise<void>;
}

interface OwnPattern extends PatternFacts {
  readonly reads: (head: number, query: number, key: number) => boolean;
}

/** `root`: the folder of the workspace; nothing outside it is read. Throws a KernelFault. */
export async function openOwnKernel(id: string, file: string, root: string): Promise<OwnKernel> {
  let source: string;
  try {
    source = await kernelSource(file, root);
  } catch (error) {
    throw new KernelFault({ sentence: (error as Error).message, place: { file, line: 1 } });
  }
  const maker = new KernelLink(file, root);
  const referee = new KernelLink(file, root);
  const rest = async (): Promise<void> => {
    await Promise.all([maker.rest(), referee.rest()]);
  };
  const fault = (sentence: string, names: readonly string[]): KernelFault =>
    new KernelFault({ sentence, place: { file, ...placeOfName(source, names) } });
  try {
    const facts = maker.ask<'facts'>({ kind: 'facts' }).value;
    const wrong = tableFault(facts);
    if (wrong !== undefined) throw fault(wrong, ['parameters', 'layout', 'default']);

    const kept = new Map<string, unknown>();
    const once = <T>(kind: string, of: readonly unknown[], make: () => T): T => {
      const key = JSON.stringify([kind, ...of]);
      if (!kept.has(key)) kept.set(key, make());
      return kept.get(key) as T;
    };
    const supports = (shape: AttentionShape, parameters: ParameterValues): Support =>
      once('supports', [shape, parameters], () => maker.ask<'supports'>({ kind: 'supports', shape, parameters }).value);
    const weights = (shape: AttentionShape, parameters: ParameterValues): readonly Weight[] =>
      once('weights', [shape, parameters], () => maker.ask<'weights'>({ kind: 'weights', shape, parameters }).value);
    const build = (shape: AttentionShape, parameters: ParameterValues, precision: Precision): Graph =>
      once('build', [shape, parameters, precision], () => {
        const { bytes } = maker.ask<'build'>({ kind: 'build', shape, parameters, precision });
        try {
          const handed = { layout: facts.layout, weights: weights(shape, parameters), precision };
          return handedGraph(bytes ?? new Uint8Array(), shape, handed);
        } catch (error) {
          if (error instanceof RangeError) throw fault(error.message, ['build', 'scoreMod', 'shortForm', 'default']);
          throw error;
        }
      });
    const cost = (shape: AttentionShape, parameters: ParameterValues): Cost =>
      once('cost', [shape, parameters], () => {
        try {
          return countedCost(build(shape, parameters, 'float32'));
        } catch (error) {
          if (!(error instanceof GraphError || error instanceof RangeError)) throw error;
          throw fault(`The work of its graph cannot be counted: ${error.message}`, ['build', 'default']);
        }
      });
    const referenceOf = (
      inputs: AttentionInputs,
      shape: AttentionShape,
      parameters: ParameterValues,
      rows?: readonly number[],
    ): Tensor => {
      const named = { query: inputs.query, key: inputs.key, value: inputs.value, ...inputs.weights };
      const { value, numbers } = referee.ask<'reference'>(
        {
          kind: 'reference',
          shape,
          parameters,
          ...(rows ? { rows } : {}),
          tensors: Object.fromEntries(Object.entries(named).map(([name, x]) => [name, x.shape])),
        },
        Object.entries(named).map(([name, x]) => [name, x.data]),
      );
      const names = rows ? ['referenceRows', 'reference', 'shortForm'] : ['reference', 'shortForm'];
      const wanted = [shape.batch, shape.heads, rows?.length ?? shape.queries, shape.valueDim];
      const data = numbers ?? new Float64Array();
      if (value.shape.join() !== wanted.join() || data.length !== wanted.reduce((a, b) => a * b, 1)) {
        throw fault(
          `The reference has the shape [${value.shape.join(', ')}] and ${data.length} numbers; [${wanted.join(', ')}] is asked for.`,
          names,
        );
      }
      const nan = data.findIndex(Number.isNaN);
      if (nan >= 0 && Object.values(named).every((x) => !x.data.some(Number.isNaN))) {
        const row = Math.floor(nan / shape.valueDim) % wanted[2]!;
        throw fault(`The reference gives NaN at query ${rows?.[row] ?? row} for ordinary numbers.`, names);
      }
      return { shape: wanted, data };
    };
    const pattern: OwnKernel['pattern'] = (shape, parameters) =>
      once('pattern', [shape, parameters], () => {
        const { value, bytes } = maker.ask<'pattern'>({ kind: 'pattern', shape, parameters });
        if (value === null || !bytes) return undefined;
        return {
          ...value,
          reads: (head, query, key) => bytes[(head * shape.queries + query) * shape.keys + key] === 1,
        };
      });

    const mechanism: Mechanism = {
      id,
      title: facts.title,
      family: 'dense',
      summary: facts.summary ?? `A kernel of this workspace: ${file}.`,
      source: { reference: file, trust: 'low', note: 'A file of this workspace.' },
      template: unsaid,
      parameters: facts.parameters,
      layout: facts.layout,
      exponent: 2,
      supports,
      weights,
      reference: referenceOf,
      ...(facts.hasRows ? { referenceRows: referenceOf } : {}),
      build,
      cost,
      pattern: (shape, parameters) => pattern(shape, parameters) ?? { dependsOnData: true, reads: () => true },
      ...(facts.chooses ? { chosen: () => () => true } : {}),
      limits: [],
    };
    return {
      mechanism,
      sha256: createHash('sha256').update(source).digest('hex'),
      pattern,
      limits: (shape) => maker.ask<'limits'>({ kind: 'limits', shape }).value,
      fault,
      rest,
    };
  } catch (error) {
    await rest();
    throw error;
  }
}

const words = 'as its file says';

/** A file of the workspace says nothing in these terms. */
export const unsaid: Mechanism['template'] = {
  projected: words,
  scores: words,
  positions: { words, chosen: 'by data' },
  normaliser: { words, averagesValues: false },
  aggregation: words,
  mixing: 'data-dependent',
  matrix: 'dense',
  state: { words, grows: true },
  sharded: { heads: words, headsIndependent: false, sequence: words },
};
