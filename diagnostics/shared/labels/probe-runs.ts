/** The random sequences behind the labels, run: with the structure that each label looks for, and without it. */
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { LabelRun, LabelStage } from './label-run';
import type { ProbeScores } from './labels';
import { probePeriod, repeatedSequence, unrepeatedSequence, type Probe, type ProbeSettings } from './probes';
import { absentNeedles, retrievalProbe, retrievalScores, type RetrievalProbe } from './retrieval-probe';

export interface Probed {
  /** With the structure, by layer; empty where vocabulary or context are too small for a probe. */
  readonly probed: readonly ProbeScores[];
  /** Without it: one entry for each random sequence, each by layer. */
  readonly unstructured: readonly (readonly ProbeScores[])[];
}

/** Undefined when vocabulary or context are too small for a probe: then no label that needs one is given. */
export function probeSettings(
  { summary, specialIds, bosId, startId = bosId }: ModelFacts,
  seed: number,
): ProbeSettings | undefined {
  // Other texts than the captured one cannot be run.
  if (summary.captured) return undefined;
  const { vocabulary, contextLength } = summary;
  const period = probePeriod(vocabulary, specialIds.length, contextLength);
  return period === undefined ? undefined : { vocabulary, avoid: specialIds, bosId: startId, period, seed };
}

/** Tokens that one probe runs: a repeated sequence and a haystack, of two halves each. */
export const probeTokens = ({ period }: ProbeSettings): number => 4 * period;

export async function* runProbes(
  model: ModelRunner,
  { variant, seed, nullSequences, step, source }: LabelRun,
): AsyncGenerator<LabelStage, Probed> {
  const settings = probeSettings(model.facts, seed);
  if (!settings) return { probed: [], unstructured: [] };
  const total = (1 + nullSequences) * probeTokens(settings);
  let done = 0;
  const common = { variants: [variant], logits: 'none', ...(source ? { source } : {}) } as const;
  const measure = async function* (
    name: string,
    repetition: Probe,
    needles: RetrievalProbe,
  ): AsyncGenerator<LabelStage, ProbeScores[]> {
    yield { sentence: `Running ${name}`, done, total };
    const repeated = await step(`${name}, repetition`, async () => {
      const { ids, earlier } = repetition;
      const { layers } = await model.run({ ...common, ids, earlier, statistics: true });
      return layers.map(({ statistics }) => ({
        induction: statistics?.induction ?? [],
        duplicateToken: statistics?.duplicateToken ?? [],
      }));
    });
    done += probeTokens(settings) / 2;
    yield { sentence: `Running ${name}: needles in a haystack`, done, total };
    const retrieval = await step(`${name}, needles`, async () => {
      const { layers } = await model.run({ ...common, ids: needles.ids, topKeys: 'all' });
      return layers.map(({ top }) => (top ? retrievalScores(needles, top) : []));
    });
    done += probeTokens(settings) / 2;
    return repeated.map((scores, layer) => ({ ...scores, retrieval: retrieval[layer] ?? [] }));
  };
  const probed = yield* measure('the random sequence', repeatedSequence(settings), retrievalProbe(settings));
  const unstructured: ProbeScores[][] = [];
  for (let more = 1; more <= nullSequences; more++) {
    const other = { ...settings, seed: seed + more };
    const name = `null sequence ${more} of ${nullSequences}`;
    unstructured.push(yield* measure(name, unrepeatedSequence(other), absentNeedles(other)));
  }
  return { probed, unstructured };
}
