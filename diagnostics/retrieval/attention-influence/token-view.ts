/** The tokens of one document, coloured by what each loses when the heads are masked: which tokens needed them. */
import { refusal } from '../../../protocol/wire/failures';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { TokensSection } from '../../../protocol/sections/tokens';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { idsOf, readingOf } from '../../shared/corpus/reading';
import { masking } from './masked-heads';
import type { Parameters } from './parameters';
import type { InfluenceResult } from './result';
import { documentName, inOrder, sourcesNamed } from './words';
import { windowsOf } from '../../shared/corpus/windows';
import * as build from '../../../protocol/sections/builders';

/** Tokens that are run and drawn: the first windows of a longer document. */
const mostTokens = 16_384;

export async function tokenView(
  model: ModelRunner,
  { input: { corpus }, parameters, variant }: Pick<AnalysisJob<Parameters>, 'input' | 'parameters' | 'variant'>,
  result: InfluenceResult,
  { place, section }: SectionQuestion,
): Promise<TokensSection> {
  const document = place.kind === 'row' ? inOrder(result)[place.row] : undefined;
  if (!corpus || !document) throw new RangeError(`nothing is known of this place of ${section}`);
  if (corpus.sha256 !== result.corpus.sha256) {
    throw refusal(
      `${corpus.name} is no longer what was scored, so its tokens cannot be shown. Run the analysis again.`,
    );
  }
  const { shape } = await readingOf(model, parameters.window);
  const ids = idsOf(model, corpus, document.index);
  const shown = Math.min(ids.length, mostTokens);
  const windows = windowsOf(0, ids.subarray(0, shown), shape);
  const numbers = () => new Array<number>(shown).fill(Number.NaN);
  const [plain, masked] = [numbers(), numbers()];
  for (const { ids: own, first, from } of windows) {
    const [predicted = []] = await model.nextTokens([own], [variant, masking(variant, result.masked)]);
    for (const [at, losses] of [plain, masked].entries()) {
      predicted[at]?.loss.subarray(from).forEach((loss, behind) => (losses[first + behind] = loss));
    }
  }
  const cuts = new Set(windows.slice(1).map(({ first }) => first));
  const heads = result.masked.length === 1 ? 'the head' : `the ${result.masked.length} heads`;
  return {
    kind: 'tokens',
    id: `${section}-${document.index}`,
    title: `Tokens of ${documentName(document)}`,
    caption: [
      `Which tokens needed ${heads}: their mean is the rise of the loss.`,
      ...(sourcesNamed(result) && document.source !== undefined ? [`Source: ${document.source}.`] : []),
      ...(shown < ids.length ? [`The first ${shown} of ${ids.length} tokens.`] : []),
      ...(cuts.size > 0 ? ['Each window begins anew: its first tokens do not know what came before.'] : []),
    ].join(' '),
    tokens: model.pieces([...ids.subarray(0, shown)]),
    numbers: [
      build.signed(
        'influence',
        'Lost without the heads',
        'ln p(token), plain, less the same with the heads masked; above 0: the heads help to predict it.',
        plain.map((loss, at) => (masked[at] ?? Number.NaN) - loss),
        'nats',
      ),
      build.amounts('loss', 'Loss', '-ln p(token) of the plain model.', plain, 'nats'),
      build.amounts('maskedLoss', 'Loss masked', '-ln p(token) with the heads masked.', masked, 'nats'),
    ],
    ...(cuts.size > 0
      ? {
          classes: {
            names: ['first of a window'],
            of: plain.map((_, at) => (cuts.has(at) ? 0 : -1)),
          },
        }
      : {}),
  };
}
