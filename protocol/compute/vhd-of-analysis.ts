/** A result of `headscope vhd` out of one of the analysis `divergence`. */
import type { AnalysedPrompt, AnalysisResult } from '../analysis/schema';
import type { DivergenceResult } from '../results/divergence-result';
import type { HallucinationResult } from '../results/hallucination-schema';

export function vhdOfAnalysis(analysis: AnalysisResult): HallucinationResult {
  const { headscope, created, device, weights, model, input, interventions, parameters, parity, seconds } = analysis;
  const [read] = analysis.prompts;
  if (!read) throw new RangeError('the analysis read no prompt');
  // By the schema of the analysis, which the compute server holds it to.
  const { chunk, removed, distance, outliers, positions, k, caption, steps, sinks, ...result } =
    analysis.result as DivergenceResult;
  const { vhd, textEnergy, outlier, selected, visualAttention, truth, references, truthLabels } = result;
  const prompt = input.kind === 'prompt' && input.prompt.kind === 'text' ? input.prompt : undefined;
  return {
    headscope,
    created,
    device,
    settings: {
      ...(chunk === undefined ? {} : { chunk }),
      maxNewTokens: parameters['tokens'] ?? 0,
      ...(prompt?.chat ? { chat: true } : {}),
      ...(interventions.length > 0 ? { interventions } : {}),
    },
    seed: 0,
    ...(weights ? { weights } : {}),
    kind: 'headscope-hallucination',
    version: 1,
    model,
    ...(parity ? { parity } : {}),
    prompt: read.text,
    promptIds: read.ids,
    promptTokens: outsideImage(read),
    ...(read.image ? { image: read.image } : {}),
    ...(read.chatPrompt ? { chatPrompt: read.chatPrompt } : {}),
    removed,
    distance,
    outliers,
    positions,
    k,
    layers: vhd.length,
    heads: model.heads,
    vhd,
    textEnergy,
    outlier,
    selected,
    visualAttention,
    ...(steps ? { steps } : {}),
    caption: { reinforcement: null, ...caption, mentions: caption.mentions ?? [] },
    variants: [],
    ...(sinks ? { sinks } : {}),
    ...(truth ? { truth } : {}),
    ...(references ? { references } : {}),
    ...(truthLabels ? { truthLabels } : {}),
    seconds,
  };
}

function outsideImage({ tokens, image }: AnalysedPrompt): readonly string[] {
  return image ? [...tokens.slice(0, image.start), ...tokens.slice(image.end)] : tokens;
}
