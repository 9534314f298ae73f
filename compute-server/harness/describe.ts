/** The catalogue and the supports of a plan, as the panel and the command line show them. */
import { catalogue } from '../../kernels/catalogue';
import type { Mechanism } from '../../kernels/mechanism';
import { attentionPatterns, type AttentionPattern, type AttentionShape } from '../../kernels/shape';
import type { MechanismInfo, ParameterInfo, SelfTest, SupportInfo } from '../../protocol/compute/api';
import type { BenchmarkSetup } from '../../protocol/results/benchmark-schema';
import { sentenceOf } from '../../protocol/wire/words';
import { mechanismOf } from './catalogue';
import { missingOperator } from '../devices/missing-operators';
import type { DeviceId } from '../runtime/session';
import { cellAt, graphOf, parametersOf, supportOf } from './cell';
import { checkSeconds } from './correctness';
import { overLimit, predictedPeakBytes } from './memory-limit';

/** An ordinary shape by which a mechanism says whether it knows a pattern at all. */
const ordinary = (pattern: AttentionPattern): AttentionShape => ({
  pattern,
  batch: 1,
  heads: 8,
  kvHeads: 8,
  queries: 512,
  // In a cross pattern the two lengths have nothing to do with each other.
  keys: pattern.endsWith('cross') ? 384 : 512,
  headDim: 64,
  valueDim: 64,
});

export const describeMechanisms = (): MechanismInfo[] => catalogue.map(describe);

function describe(mechanism: Mechanism): MechanismInfo {
  const { id, title, family, summary, source, exponent, template } = mechanism;
  const defaults = parametersOf(mechanism);
  const support = (pattern: AttentionPattern): true | string => {
    const answer = mechanism.supports(ordinary(pattern), defaults);
    return answer.ok || answer.why;
  };
  return {
    id,
    title,
    family,
    summary,
    source,
    exponent,
    template,
    parameters: Object.entries(mechanism.parameters).map(([name, parameter]): ParameterInfo => ({
      name,
      ...parameter,
    })),
    patterns: Object.fromEntries(attentionPatterns.map((pattern) => [pattern, support(pattern)])) as Record<
      AttentionPattern,
      true | string
    >,
  };
}

/** Graphs longer than this have no further operators. */
const longestGraph = 1024;

/**
 * A mechanism is supported when it runs at one length of the plan at least, by its own word, by memory, and, with the
 * self-test of the plan's device, by the operators of its graph; rows give the rest.
 */
export function supports(plan: BenchmarkSetup, memoryLimit: number, selfTest?: SelfTest): SupportInfo[] {
  return [...new Set([...plan.mechanisms, plan.baseline])].map((id) => {
    const reasons = plan.shape.lengths.map((length) => {
      const cell = cellAt(mechanismOf(id), plan, length);
      const support = supportOf(cell);
      if (!support.ok) return support.why;
      const failure = overLimit(cell, plan, memoryLimit);
      if (failure) return sentenceOf(failure.failure);
      if (!selfTest) return undefined;
      const short = length > longestGraph ? cellAt(cell.mechanism, plan, longestGraph) : cell;
      const graph = graphOf(supportOf(short).ok ? short : cell, plan.precision, plan.device as DeviceId);
      return missingOperator(graph, selfTest);
    });
    const why = reasons[0];
    const runs = plan.shape.lengths.filter((_, at) => reasons[at] === undefined);
    const proving = runs.reduce((sum, length) => sum + checkSeconds(cellAt(mechanismOf(id), plan, length)), 0);
    const longest = cellAt(mechanismOf(id), plan, plan.shape.lengths.at(-1)!);
    return {
      mechanism: id,
      ...(why !== undefined && reasons.every((reason) => reason !== undefined) ? { ok: false, why } : { ok: true }),
      ...(supportOf(longest).ok ? { predictedPeakBytes: predictedPeakBytes(longest) } : {}),
      ...(runs.length > 0 ? { checkSeconds: proving } : {}),
    };
  });
}
