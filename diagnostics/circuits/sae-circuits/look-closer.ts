/** The outputs of one head in all examples, on the two directions in which they differ most, with the codes that they have. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import { pairsOf } from '../../shared/effects/pairs';
import type { AnalysisJob } from '../../analysis';
import { halves } from '../../shared/circuits/prompts';
import { partName } from '../../shared/effects/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import { projectionOf, type Projection } from '../../shared/statistics/principal-components';
import { threeDigits } from '../../../protocol/wire/number-words';
import { pairOutputs, writtenBy, type ExampleOutputs } from './head-outputs';
import type { Reduction, SaeParameters } from './parameters';
import type { SaeResult } from './result';
import * as build from '../../../protocol/sections/builders';

/** Codes that have a colour of their own; the others share one. */
const mostColours = 7;

export async function ask(
  model: ModelRunner,
  job: AnalysisJob<SaeParameters>,
  result: SaeResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const head = place.kind === 'head' ? place : place.kind === 'row' ? result.codeRows?.[place.row] : undefined;
  if (!head) throw new RangeError(`nothing is known of this place of ${section}`);
  const { parameters, variant, seed } = job;
  const asked = { metric: parameters.metric, answer: '', against: '' };
  const { pairs } = await pairsOf(model, { ...job, parameters: asked });
  const coded = parameters.verify ? halves(pairs, parameters.heldOut, seed).found : pairs;
  const outputs: (readonly [ExampleOutputs, ExampleOutputs])[] = [];
  for (const pair of coded) outputs.push(await pairOutputs(model, pair, variant, parameters.positions as Reduction));
  const all = [...outputs.map(([own]) => own), ...outputs.map(([, other]) => other)];
  const written = (await writtenBy(model, head.layer, all))[head.head] ?? new Float32Array();
  const width = written.length / all.length;
  const rows = all.map((_, at) => written.subarray(at * width, (at + 1) * width));
  return projectionChart(head, projectionOf(rows), result.codes?.[head.layer]?.[head.head] ?? []);
}

function projectionChart({ layer, head }: HeadPlace, { first, second, shares }: Projection, codes: readonly number[]) {
  const pairs = codes.length / 2;
  const counts = new Map<number, number>();
  for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
  const frequent = [...counts].sort((a, b) => b[1] - a[1]).map(([code]) => code);
  const colourOf = (code: number): number => Math.min(mostColours, frequent.indexOf(code));
  const series = [...new Set(codes.map(colourOf))]
    .sort((a, b) => a - b)
    .flatMap((colour) =>
      (['prompts', 'counterparts'] as const).flatMap((side, shape) => {
        const points = codes.flatMap((code, at) =>
          colourOf(code) === colour && (at < pairs ? 0 : 1) === shape
            ? [
                {
                  x: first[at] ?? Number.NaN,
                  y: second[at] ?? Number.NaN,
                  label: `${shape === 0 ? 'prompt' : 'counterpart'} ${(at % pairs) + 1}, code ${code}`,
                },
              ]
            : [],
        );
        const name = colour === mostColours ? 'other codes' : `code ${frequent[colour]}`;
        const look = { colour, shape: 2 * shape };
        return points.length > 0
          ? [{ id: `${colour} ${side}`, title: `${name}, ${side}`, mark: 'points' as const, look, points }]
          : [];
      }),
    );
  const axis = (number: number, share: number) =>
    build.axis(`Component ${number} (${threeDigits(100 * share)} % of the variance)`);
  return build.chart(
    `outputs-L${layer}H${head}`,
    `Outputs of ${partName({ layer, head })} in all examples`,
    'Principal components of what the head adds to the residual stream. Colours are codes of the first training, circles prompts, triangles counterparts.',
    axis(1, shares[0]),
    axis(2, shares[1]),
    series,
  );
}
