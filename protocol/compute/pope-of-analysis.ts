/** A result of `headscope pope MODEL` out of one of the analysis `pope`. */
import type { AnalysisResult } from '../analysis/schema';
import type { PopeAnswers, PopeResult } from '../results/pope';
import type { ChatPrompt } from '../schema/parts';

interface Asked {
  /** Where the prompt goes through the chat template. */
  readonly chatPrompt?: ChatPrompt;
  /** The pictures are a sample, and not all or the first of the folder. */
  readonly drawn: boolean;
}

export function popeOfAnalysis(
  { headscope, created, device, seed, weights, model, input, interventions, parameters, ...analysis }: AnalysisResult,
  { chatPrompt, drawn }: Asked,
): PopeResult {
  // By the schema of the analysis, which the compute server holds it to.
  const { parity, readBy, reinforcement, sample, ...asked } = analysis.result as PopeAnswers;
  const { splits, answers, failures, pictures, total } = asked;
  const prompt = input.kind === 'image-set' && input.prompt.kind === 'text' ? input.prompt : { text: '' };
  const { distance = '', outliers = '', positions = '', tokens = 0 } = parameters;
  return {
    headscope,
    created,
    device,
    settings: {
      splits: splits.map(({ split }) => split),
      maxNewTokens: tokens,
      ...('chat' in prompt && prompt.chat ? { chat: true } : {}),
      ...(reinforcement ? { distance, outliers, positions } : {}),
      ...(interventions.length > 0 ? { interventions } : {}),
    },
    seed,
    ...(weights ? { weights } : {}),
    kind: 'headscope-pope',
    version: 1,
    model,
    ...(parity ? { parity } : {}),
    prompt: prompt.text,
    ...(chatPrompt ? { chatPrompt } : {}),
    readBy,
    ...(reinforcement ? { reinforcement } : {}),
    ...(drawn ? { sample } : {}),
    splits,
    answers,
    failures,
    pictures,
    total,
    state: analysis.stopped ? 'cancelled' : 'done',
    seconds: analysis.seconds,
  };
}
