/** The attention of one head's last row on the first prompt, without and with gamma. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { TokensSection } from '../../../protocol/sections/tokens';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { askedHead, mapOf } from '../../shared/labelled-heads/head-question';
import { threeDigits } from '../../../protocol/wire/number-words';
import { denominator, entropyOf, lever, rescaled } from './lever';
import { groupsOf, tuned } from './measure';
import type { ZeroTuningParameters } from './parameters';
import type { ZeroTuningResult } from './result';
import * as build from '../../../protocol/sections/builders';

export async function lookCloser(
  model: ModelRunner,
  { input, variant }: AnalysisJob<ZeroTuningParameters>,
  result: ZeroTuningResult,
  question: SectionQuestion,
): Promise<TokensSection> {
  const place = askedHead(result.chosen, question);
  const prompt = input.task?.samples[0]?.prompt;
  if (!prompt) throw new RangeError('the analysis reads a task');
  const { length } = prompt.ids;
  const gamma = result.best === 1 ? result.gamma : result.best;
  const rowOf = async (changed: Variant): Promise<readonly number[]> => {
    const map = await mapOf(model, { ...prompt, groups: groupsOf(prompt) }, changed, place);
    return [...map.subarray((length - 1) * length, length * length)];
  };
  const before = await rowOf(variant);
  const after = await rowOf(tuned(variant, [place], gamma));
  const weight = before[0] ?? 0;
  const rest = (row: readonly number[]): readonly number[] => row.slice(1).map((p) => p / (1 - (row[0] ?? 0)));
  const [full, changed] = [entropyOf(before), entropyOf(rescaled(before, gamma))].map(threeDigits);
  return {
    kind: 'tokens',
    id: `${question.section}-L${place.layer}H${place.head}`,
    title: `Last row of L${place.layer}H${place.head}, without and with gamma ${threeDigits(gamma)}`,
    caption: `First prompt, gamma on this head alone. The weight on token 0 goes from ${threeDigits(weight)} to ${threeDigits((gamma * weight) / denominator(weight, gamma))}, the gap of any two other keys changes by ${threeDigits(100 * lever(weight, gamma))} %, the entropy of the row goes from ${full} to ${changed} nats; among the other keys it stays ${threeDigits(entropyOf(rest(before)))}.`,
    tokens: model.pieces(prompt.ids),
    numbers: [
      ['before', 'Without gamma', 'Probability that the last query gives this key.', before],
      ['after', `With gamma ${threeDigits(gamma)}`, 'The same with gamma on the first token of this head.', after],
    ].map(([name, title, definition, values]) =>
      build.shares(String(name), String(title), String(definition), values as readonly number[]),
    ),
  };
}
