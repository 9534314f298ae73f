/** One head on the first prompt: its column strengths, and its last row before and after its later sinks are calibrated. */
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { TokensSection } from '../../../protocol/sections/tokens';
import type { AnalysisJob } from '../../analysis';
import { readableKeys } from '../../shared/maps/layer-maps';
import type { ModelRunner } from '../../model-runner/model-runner';
import { askedHead, mapOf } from '../../shared/labelled-heads/head-question';
import { threeDigits } from '../../../protocol/wire/number-words';
import { calibrated, headsOf, ruleOf } from './calibration';
import { columnStrengths } from './columns';
import { ruleWords } from './finding';
import type { ActParameters } from './parameters';
import type { ActResult } from './result';
import { sinksOf } from './sinks';
import * as build from '../../../protocol/sections/builders';

export async function lookCloser(
  model: ModelRunner,
  { input, variant }: AnalysisJob<ActParameters>,
  result: ActResult,
  question: SectionQuestion,
): Promise<TokensSection> {
  const place = askedHead(result.chosen, question);
  const prompt = input.task?.samples[0]?.prompt;
  const block = model.facts.blocks[place.layer];
  if (!prompt || !block) throw new RangeError('the analysis reads a task');
  const n = prompt.ids.length;
  const { rule: name, beta } = result;
  const rule = ruleOf(result, name);
  const free = headsOf(model.facts, variant).some(({ layer, head }) => layer === place.layer && head === place.head);
  const [found] = await sinksOf(model, prompt, { variant, heads: free ? [place] : [], rules: [rule] });
  const sinks = found?.[place.layer]?.[place.head] ?? [];
  const plain = await mapOf(model, prompt, variant, place);
  const changed =
    sinks.length === 0
      ? plain
      : await mapOf(model, prompt, calibrated(variant, [place], { rule, beta, prompt: n }), place);
  const lastRow = (map: Float32Array): readonly number[] => [...map.subarray((n - 1) * n, n * n)];
  const [before, after] = [lastRow(plain), lastRow(changed)];
  const onSinks = (row: readonly number[]): string => threeDigits(sinks.reduce((sum, key) => sum + (row[key] ?? 0), 0));
  return {
    kind: 'tokens',
    id: `${question.section}-L${place.layer}H${place.head}`,
    title: `L${place.layer}H${place.head} on the first prompt`,
    caption:
      sinks.length === 0
        ? `It has no later sink here (${ruleWords(result)}), so calibration changes nothing.`
        : `Later sinks: ${ruleWords(result)}. With beta ${threeDigits(beta)} in this head alone its last row gives them ${onSinks(after)} instead of ${onSinks(before)}.`,
    tokens: model.pieces(prompt.ids),
    numbers: [
      {
        ...figure('strength', 'Column strength', 'Mean attention that the key gets from the queries that read it.'),
        values: columnStrengths(plain, n, (row) => readableKeys(block, prompt, row)),
      },
      { ...figure('before', 'Last row', 'Probability that the last query gives this key.'), values: before },
      {
        ...figure('after', 'Last row, calibrated', 'The same with the later sinks of this head calibrated.'),
        values: after,
      },
    ],
    classes: {
      names: ['first token', 'later sink'],
      of: prompt.ids.map((_, row) => (row === 0 ? 0 : sinks.includes(row) ? 1 : -1)),
    },
  };
}

const figure = (name: string, title: string, definition: string) =>
  ({ name, title, unit: '', definition, scale: build.ranges.share }) as const;
