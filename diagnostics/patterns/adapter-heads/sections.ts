/** The sections and the finding of the analysis. */
import * as build from '../../../protocol/sections/builders';
import type { Section } from '../../../protocol/sections/section';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { percent } from '../../../protocol/wire/number-words';
import { changeOfMaps, changeOfParts, changeOfTokens } from '../../shared/beside/sections';
import type { AdapterHeadsResult } from './result';

/** Rows of a table. */
const listed = 100;

interface MovedHead extends HeadPlace {
  readonly weights: number;
  readonly spectral: number;
  readonly outputs: number;
  readonly maps: number;
}

/** Heads by the change of their weights, largest first; heads with equal changes by that of their outputs. */
export function movedHeads({ weights, spectral, outputs, maps }: AdapterHeadsResult): readonly MovedHead[] {
  const of = (table: readonly (readonly number[])[], layer: number, head: number): number =>
    table[layer]?.[head] ?? Number.NaN;
  const size = (value: number): number => (Number.isNaN(value) ? -1 : value);
  return weights
    .flatMap((row, layer) =>
      row.map((change, head) => ({
        ...{ layer, head, weights: change, spectral: of(spectral, layer, head) },
        ...{ outputs: of(outputs, layer, head), maps: of(maps, layer, head) },
      })),
    )
    .sort((a, b) => size(b.weights) - size(a.weights) || size(b.outputs) - size(a.outputs));
}

const isMeasured = ({ divergences = [] }: Partial<AdapterHeadsResult>): boolean => divergences.length > 0;

export function finding(result: Partial<AdapterHeadsResult>): string {
  if (!isMeasured(result)) return 'Nothing has been compared yet.';
  const whole = result as AdapterHeadsResult;
  const heads = movedHeads(whole);
  const [head] = heads;
  const { base, divergence, agree, tensors } = whole;
  const next = `The next token differs from that of ${base} by ${Number(divergence.toPrecision(3))} nats on average; both predict the same token after ${percent(agree)} of the tokens.`;
  if (!head || !(head.weights > 0)) {
    return tensors.length === 0 && divergence === 0
      ? `Nothing differs from ${base}: weights, maps, outputs and predictions are the same.`
      : `No weights of heads differ from those of ${base}. ${next}`;
  }
  const moved = heads.filter(({ weights }) => weights > 0).length;
  return `The weights of ${moved} of ${heads.length} heads differ from those of ${base}, most of all those of L${head.layer}H${head.head}, by ${percent(head.weights)} of their size. ${next}`;
}

const grid = (result: AdapterHeadsResult): Section =>
  build.heads(
    'heads',
    'Heads that the adapter moved',
    `Against ${result.base}. The output of a head depends on its own weights and on what the layers below it pass on.`,
    [
      build.amounts(
        'weights',
        'Change of weights',
        "|dW| / |W|, Frobenius norms over the head's rows of query, key and value and its columns of the output.",
        result.weights,
      ),
      build.amounts(
        'spectral',
        'Its largest direction',
        'The largest singular value of the same change over the same |W|: as large as the change itself if that has rank one.',
        result.spectral,
      ),
      build.amounts(
        'outputs',
        'Change of outputs',
        'sqrt(sum (o - o0)^2 / sum o0^2) over the tokens of the prompt; o before the output projection.',
        result.outputs,
      ),
      changeOfMaps(result.maps),
      ...changeOfParts('Change', '|dW| / |W|', result),
    ],
  );

const headTable = (result: AdapterHeadsResult): Section =>
  build.table('moved', 'Heads whose weights changed most', undefined, movedHeads(result).slice(0, listed), [
    build.head(),
    build.number('weights', 'Weights', 'Relative change of its weights.'),
    build.number('spectral', 'Largest direction', 'The largest singular value of that change, over the same size.'),
    build.number('outputs', 'Outputs', 'Relative change of the output of the head.'),
    build.number('maps', 'Maps', 'Mean Jensen-Shannon distance of the attention of a token.'),
  ]);

const tensorTable = ({ tensors }: AdapterHeadsResult): Section =>
  build.table(
    'tensors',
    'Tensors that the adapter changed',
    `${tensors.length > listed ? `The ${listed} with the largest relative change of ${tensors.length}. ` : ''}Matrices of attention, networks, embedding and language head, without vectors.`,
    tensors.toSorted((a, b) => b.relative - a.relative).slice(0, listed),
    [
      build.text('tensor', 'Tensor'),
      tensors.some(({ part }) => part !== '') && build.text('part', 'Part'),
      build.number('relative', 'Relative change', 'sqrt(sum (w - w0)^2 / sum w0^2).'),
      build.number('mean', 'Mean change', 'mean |w - w0|.'),
      build.number('largest', 'Largest change', 'max |w - w0|.'),
    ],
  );

const tokenChart = ({ divergences }: AdapterHeadsResult): Section =>
  changeOfTokens('of the prompt from that of the base.', divergences);

export function sections(result: Partial<AdapterHeadsResult>): readonly Section[] {
  const { tensors = [], weights = [], notes = [] } = result;
  const whole = result as AdapterHeadsResult;
  return [
    ...(weights.length > 0 ? [grid(whole)] : []),
    ...(isMeasured(result) ? [headTable(whole), tokenChart(whole)] : []),
    ...(tensors.length > 0 ? [tensorTable(whole)] : []),
    ...(notes.length > 0 ? [build.paragraphs('notes', 'What is left out', notes)] : []),
  ];
}
