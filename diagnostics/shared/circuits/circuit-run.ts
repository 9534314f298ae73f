/**
 * A model of which only a circuit works: the output of every other part is replaced at all positions, by zeros, by its mean over all
 * positions of the prompts, or by its output on the counterpart.
 */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import { type Mode, type StandIn, standInsFor } from '../effects/stand-ins';
import { partsOf, replacing, withReplacements, type Part } from '../effects/parts';
import { measured, type Subject } from '../effects/subjects';
import type { ModelRunner } from '../../model-runner/model-runner';
import { nodeId } from './circuit';

export interface CircuitRunSettings {
  readonly mode: Mode;
  readonly metric: EffectMetric;
  readonly variant: Variant;
  /** By part (`partsOf`), of the mode `mean`. */
  readonly means: readonly Float32Array[];
  /** Where not, MLPs always work. */
  readonly mlps: boolean;
}

interface Prompt {
  readonly subject: Subject;
  /** By part, in the order of the model. */
  readonly replacements: ReadonlyMap<string, ReplacementChange>;
}

export class CircuitRun {
  /** What can be in a circuit, layer by layer. */
  readonly parts: readonly Part[];

  private constructor(
    private readonly model: ModelRunner,
    private readonly settings: CircuitRunSettings,
    private readonly prompts: readonly Prompt[],
  ) {
    this.parts = candidates(model, settings);
  }

  static async of(model: ModelRunner, subjects: readonly Subject[], settings: CircuitRunSettings): Promise<CircuitRun> {
    const prompts: Prompt[] = [];
    for (const subject of subjects) {
      const { mode, variant, means } = settings;
      const standIn: StandIn = await standInsFor(model, mode, variant, means, subject.counterpart);
      const replacements = new Map(
        candidates(model, settings).map((part) => [nodeId(part), replacing(part, standIn(part))]),
      );
      prompts.push({ subject, replacements });
    }
    return new CircuitRun(model, settings, prompts);
  }

  /** The metric with nothing but each of the circuits at work, [circuits][prompts]. */
  async values(circuits: readonly (readonly Part[])[]): Promise<readonly (readonly number[])[]> {
    const { model, settings } = this;
    const { metric, variant } = settings;
    const found = circuits.map((): number[] => []);
    for (const { subject, replacements } of this.prompts) {
      const variants = circuits.map((circuit) => {
        const kept = new Set(circuit.map(nodeId));
        // In the order of the model: what two variants have in common from the first layer on is run once.
        const others = [...replacements].filter(([id]) => !kept.has(id)).map(([, one]) => one);
        return others.length === 0 ? variant : withReplacements(variant, others);
      });
      const values = await measured(model, subject.sequence, subject, metric, variants);
      values.forEach(([value = Number.NaN], at) => found[at]?.push(value));
    }
    return found;
  }
}

const candidates = ({ facts }: ModelRunner, { mlps }: CircuitRunSettings): readonly Part[] =>
  partsOf(facts.blocks).filter(({ head }) => mlps || head !== undefined);

const idsOf = (parts: readonly Part[]): ReadonlySet<string> => new Set(parts.map(nodeId));
export function without(parts: readonly Part[], removed: readonly Part[]): readonly Part[] {
  const ids = idsOf(removed);
  return parts.filter((part) => !ids.has(nodeId(part)));
}
