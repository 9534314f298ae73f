/** A result of `headscope captions` out of one of the analysis `divergence-set`. */
import type { AnalysisResult } from '../analysis/schema';
import type { Lexicon } from '../inputs/lexicon';
import type { SetResult } from '../results/caption-set-result';
import type { HallucinationSet } from '../results/hallucination-schema';
import type { ChatPrompt } from '../schema/parts';

interface Asked {
  /** Absent: the classes of COCO. */
  readonly lexicon?: Lexicon;
  /** Where the prompt goes through the chat template. */
  readonly chatPrompt?: ChatPrompt;
  /** The pictures are a sample, and not all or the first of the folder. */
  readonly drawn: boolean;
}

export function captionsOfAnalysis(
  { headscope, created, device, weights, model, input, interventions, parameters, ...analysis }: AnalysisResult,
  { lexicon, chatPrompt, drawn }: Asked,
): HallucinationSet {
  // By the schema of the analysis, which the compute server holds it to.
  const { parity, distance, outliers, positions, k, entries, failures, sample, total, ...scores } =
    analysis.result as SetResult;
  const { plain, variants, truthLabels, separation } = scores;
  const prompt = input.kind === 'image-set' ? input.prompt : undefined;
  return {
    headscope,
    created,
    device,
    settings: {
      maxNewTokens: parameters['tokens'] ?? 0,
      lexicon: lexicon ?? 'coco',
      ...(prompt?.kind === 'text' && prompt.chat ? { chat: true } : {}),
      ...(interventions.length > 0 ? { interventions } : {}),
    },
    // The seed of the sample, or of the random heads.
    seed: drawn || variants.length > 0 ? analysis.seed : 0,
    ...(weights ? { weights } : {}),
    kind: 'headscope-hallucination-set',
    version: 1,
    model,
    ...(parity ? { parity } : {}),
    prompt: prompt?.kind === 'text' ? prompt.text : null,
    ...(chatPrompt ? { chatPrompt } : {}),
    distance,
    outliers,
    positions,
    k,
    entries,
    failures,
    plain,
    variants,
    ...(truthLabels ? { truthLabels } : {}),
    separation,
    ...(drawn && sample ? { sample } : {}),
    total,
    state: analysis.stopped ? 'cancelled' : 'done',
    seconds: analysis.seconds,
  };
}
