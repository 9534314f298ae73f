/** The run behind `headscope vhd`, asked of a compute server. */
import type { ComputeClient } from '../../protocol/compute/client';
import { vhdOfAnalysis } from '../../protocol/compute/vhd-of-analysis';
import type { PromptInput } from '../../protocol/inputs/prompt';
import type { Removed } from '../../protocol/interventions/reinforcement';
import type { HallucinationResult } from '../../protocol/results/hallucination-schema';
import type { ParameterValues } from '../../protocol/schema/parts';

export interface VhdAsked {
  readonly folder: string;
  readonly prompt: PromptInput;
  readonly removed?: Removed;
  /** Beside what is removed. */
  readonly parameters?: ParameterValues;
}

export const divergenceOf = ({ folder, prompt, removed = { kind: 'image' }, parameters = {} }: VhdAsked) => {
  const { kind, ...span } = removed;
  return {
    analysis: 'divergence',
    folder,
    input: { kind: 'prompt', prompt },
    parameters: { removed: kind, ...span, ...parameters },
    interventions: [],
    seed: 0,
  } as const;
};

export const vhdOn = async (client: ComputeClient, asked: VhdAsked): Promise<HallucinationResult> =>
  vhdOfAnalysis(await client.call('analysis', [divergenceOf(asked)]));
