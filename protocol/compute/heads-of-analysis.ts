/** A result of `headscope heads` out of one of the analysis `heads`, and how that analysis is asked for it. */
import type { AnalysisRequest, AnalysisResult, SourceText } from '../analysis/schema';
import type { EncoderInput, PromptInput } from '../inputs/prompt';
import { namedKeysText, type NamedKeys } from '../inputs/named-keys';
import { gainsIn } from '../interventions/gains';
import type { HeadsResult } from '../results/heads-schema';
import { headsAnalysis, type HeadsMeasured } from '../results/labelled-heads';

/** What `headscope heads` asks. */
export interface HeadsRequest extends Pick<
  AnalysisRequest,
  'device' | 'weights' | 'folder' | 'interventions' | 'seed'
> {
  readonly prompt: PromptInput | EncoderInput;
  /** Queries per chunk; absent: chosen by the memory limit. */
  readonly chunk?: number;
  /** Named sets of token positions whose mass is measured. */
  readonly groups?: readonly NamedKeys[];
  /** Label the heads (runs random and shuffled prompts as null models). */
  readonly classify: boolean;
  /** Remove each labelled head and measure the loss. */
  readonly causal: boolean;
  readonly thumbnails: boolean;
}

export function analysisOfHeads(request: HeadsRequest): AnalysisRequest {
  const { device, weights, folder, prompt, interventions, seed, chunk = 0 } = request;
  const { classify: labels, causal, thumbnails: pictures, groups = [] } = request;
  return {
    ...(device === undefined ? {} : { device }),
    ...(weights === undefined ? {} : { weights }),
    analysis: headsAnalysis.id,
    folder,
    input: { kind: 'prompt', prompt },
    parameters: { labels, causal, pictures, chunk, groups: namedKeysText(groups) },
    interventions,
    seed,
  };
}

/** For an encoder-decoder also its encoder and its cross-attention; the fields beside them are of the decoder on the target. */
type HeadsOfStacks = HeadsResult &
  Pick<HeadsMeasured, 'encoder' | 'cross' | 'written' | 'effective'> & { readonly source?: SourceText };

export function headsOfAnalysis(analysis: AnalysisResult): HeadsOfStacks {
  const { headscope, created, device, seed, weights, model, parameters, interventions, parity, seconds } = analysis;
  const [prompt] = analysis.prompts;
  if (!prompt || !parity) throw new RangeError('the analysis read no prompt');
  // By the schema of the analysis, which the compute server holds it to.
  const { chunk, statistics, groups, topKeys, classes, labelScores, classAblations, readout, ...stacks } =
    analysis.result as HeadsMeasured;
  const { encoder, cross, written, experts, effective } = stacks;
  const { thumbnails: _ofEncoder, ...encoderNumbers } = encoder ?? {};
  const { thumbnails: _ofCross, ...crossNumbers } = cross ?? {};
  const { thumbnails: _ofRecurrences, ...effectiveNumbers } = effective ?? {};
  return {
    headscope,
    created,
    device,
    settings: {
      ...(chunk === undefined ? {} : { chunk }),
      classify: parameters['labels'] ?? true,
      causal: parameters['causal'] ?? false,
    },
    seed,
    ...(weights ? { weights } : {}),
    kind: 'headscope-heads',
    version: 1,
    model,
    prompt: prompt.text,
    ids: prompt.ids,
    tokens: prompt.tokens,
    ...(prompt.source ? { source: prompt.source } : {}),
    ...(written === undefined ? {} : { written }),
    ...(prompt.image ? { image: prompt.image } : {}),
    ...(prompt.chatPrompt ? { chatPrompt: prompt.chatPrompt } : {}),
    interventions,
    gains: gainsIn(interventions),
    layers: statistics.selfToken.length,
    heads: model.heads,
    statistics,
    groups,
    ...(topKeys ? { topKeys } : {}),
    classes,
    ...(labelScores ? { labelScores } : {}),
    ...(classAblations ? { classAblations } : {}),
    ...(readout ? { readout } : {}),
    ...(encoder ? { encoder: encoderNumbers as typeof encoder } : {}),
    ...(cross ? { cross: crossNumbers as typeof cross } : {}),
    ...(experts ? { experts } : {}),
    ...(effective ? { effective: effectiveNumbers as typeof effective } : {}),
    parity,
    seconds,
  };
}
