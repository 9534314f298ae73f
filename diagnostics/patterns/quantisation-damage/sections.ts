/** What the analysis shows and says. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import type { Stack } from '../../../protocol/sections/section-base';
import { counted, percent } from '../../../protocol/wire/number-words';
import * as build from '../../../protocol/sections/builders';
import { labelTable } from '../../shared/beside/label-changes';
import { changeOfMaps, changeOfParts, changeOfTokens } from '../../shared/beside/sections';
import { accuracyTable } from '../../shared/beside/task-accuracies';
import { titleIn } from '../../shared/effects/change-grids';
import type { DamageResult, HeadDamage } from './result';

/** Rows of a table. */
const listed = 100;

interface HurtHead extends HeadPlace {
  readonly outputs: number;
  readonly maps: number;
  readonly weights: number;
  readonly largest: number;
}

/** Those whose outputs changed most first. */
export function hurtHeads({ outputs, maps, weights, largest }: HeadDamage): readonly HurtHead[] {
  return outputs
    .flatMap((row, layer) =>
      row.map((change, head) => ({
        ...{ layer, head, outputs: change },
        maps: maps[layer]?.[head] ?? Number.NaN,
        weights: weights[layer]?.[head] ?? Number.NaN,
        largest: largest[layer]?.[head] ?? Number.NaN,
      })),
    )
    .filter(({ outputs: change }) => !Number.isNaN(change))
    .sort((a, b) => b.outputs - a.outputs || b.weights - a.weights);
}

/** Heads are measured before predictions. */
const hasHeads = ({ outputs = [] }: Partial<HeadDamage>): boolean =>
  outputs.flat().some((change) => !Number.isNaN(change));

const isMeasured = (result: Partial<DamageResult>): result is DamageResult => (result.divergences ?? []).length > 0;

const signedPercent = (share: number): string => `${share > 0 ? '+' : ''}${percent(share)}`;

const threeDigits = (value: number): string => String(Number(value.toPrecision(3)));

export function finding(result: Partial<DamageResult>): string {
  if (!isMeasured(result) && !hasHeads(result)) return 'Nothing has been compared yet.';
  const { against, divergence, agree, wider, tensors, labels, accuracy } = result as DamageResult;
  const [head] = stacksOf(result as DamageResult)
    .flatMap(([stack, heads]) => hurtHeads(heads).map((each) => ({ ...each, stack })))
    .sort((a, b) => b.outputs - a.outputs);
  const differs = tensors.some(({ largest }) => largest > 0) || (head?.outputs ?? 0) > 0 || divergence > 0;
  if (!differs) return `Nothing differs from ${against}: weights, maps, outputs and predictions are the same.`;
  const [tensor] = wider;
  const most =
    head && head.outputs > 0
      ? ` The head whose outputs changed most is L${head.layer}H${head.head}${head.stack ? placeWords[head.stack] : ''}: by ${percent(head.outputs)} of their size.`
      : '';
  const keep =
    tensor && tensor.recovered > 0
      ? ` ${tensor.tensors.join(', ')} alone, kept exact, would remove ${percent(tensor.recovered)} of this difference.`
      : '';
  const changed =
    labels && labels.changed.length > 0
      ? ` ${counted(labels.changed.length, 'head has another label', 'heads have other labels')}.`
      : '';
  const answers = accuracy
    ? ` ${accuracy.task}: ${percent(accuracy.own.value)} of ${accuracy.own.n} prompts are answered correctly, by ${against} ${percent(accuracy.beside.value)} (95 % interval of the change: ${signedPercent(accuracy.change.low)} to ${signedPercent(accuracy.change.high)}).`
    : '';
  if (!isMeasured(result)) return `Compared with ${against}.${most}${changed}`;
  return `The next token differs from that of ${against} by ${threeDigits(divergence)} nats on average; both models predict the same token after ${percent(agree)} of the tokens.${keep}${most}${changed}${answers}`;
}

const placeWords: Readonly<Record<Stack, string>> = { cross: ' of cross-attention', encoder: ' of the encoder' };

/** The model's own attention, then cross-attention and encoder, as far as they are there. */
const stacksOf = (result: DamageResult): readonly (readonly [stack: Stack | undefined, heads: HeadDamage])[] => {
  const { cross, encoder } = result;
  return [
    [undefined, result],
    ...(cross ? [['cross', cross] as const] : []),
    ...(encoder ? [['encoder', encoder] as const] : []),
  ];
};

const idIn = (stack: Stack | undefined, id: string): string => (stack === undefined ? id : `${id}-${stack}`);

const grid = (against: string, stack: Stack | undefined, result: HeadDamage) =>
  build.heads(
    idIn(stack, 'heads'),
    titleIn(stack, 'Heads that quantising changed'),
    `Against ${against}. The output of a head depends on its own weights and on what the layers below it pass on.`,
    [
      build.amounts(
        'outputs',
        'Change of outputs',
        'sqrt(sum (o - o0)^2 / sum o0^2) over the tokens of all texts; o before the output projection.',
        result.outputs,
      ),
      changeOfMaps(result.maps),
      build.amounts(
        'weights',
        'Error of weights',
        "sqrt(sum (w - w0)^2 / sum w0^2) over the head's rows of query, key and value and its columns of the output.",
        result.weights,
      ),
      build.amounts('largest', 'Largest error', 'max |w - w0| over the same.', result.largest),
      ...changeOfParts('Error', 'The same share', result),
    ],
    { stack },
  );

const headTable = (stack: Stack | undefined, result: HeadDamage) =>
  build.table(
    idIn(stack, 'hurt'),
    titleIn(stack, 'Heads whose outputs changed most'),
    undefined,
    hurtHeads(result).slice(0, listed),
    [
      build.head(),
      build.number('outputs', 'Outputs', 'Relative change of the output of the head.'),
      build.number('maps', 'Maps', 'Mean Jensen-Shannon distance of the attention of a token.'),
      build.number('weights', 'Weights', 'Relative error of its weights.'),
      build.number('largest', 'Largest error', 'max |w - w0| of its weights.'),
    ],
  );

const widerTable = ({ wider, divergence }: DamageResult) =>
  build.table(
    'wider',
    'Which tensors to keep wider',
    `Each tensor as it was before quantising, with all others as they are. With none of them exact, the divergence is ${threeDigits(divergence)} nats. Shares need not add up to 1.`,
    wider.slice(0, listed),
    [
      build.text('tensors', 'Tensors', ({ tensors }: DamageResult['wider'][number]) =>
        tensors.length > 3 ? `${tensors[0] ?? ''} and ${tensors.length - 1} more` : tensors.join(', '),
      ),
      build.text('format', 'Format'),
      build.number('recovered', 'Recovered', 'Share of the divergence that is gone with them exact.'),
      build.number('divergence', 'Divergence left', 'Mean KL(exact || model) of the next token.', 'nats'),
    ],
  );

const tensorTable = ({ tensors }: DamageResult) =>
  build.table(
    'tensors',
    'Errors of tensors',
    `${tensors.length > listed ? `The ${listed} with the largest relative error of ${tensors.length}. ` : ''}Matrices of attention, networks, embedding and language head, without vectors.`,
    tensors.toSorted((a, b) => b.relative - a.relative).slice(0, listed),
    [
      build.text('tensor', 'Tensor'),
      tensors.some(({ part }) => part !== '') && build.text('part', 'Part'),
      build.text('format', 'Format'),
      build.number('relative', 'Relative error', 'sqrt(sum (w - w0)^2 / sum w0^2).'),
      build.number('mean', 'Mean error', 'mean |w - w0|.'),
      build.number('largest', 'Largest error', 'max |w - w0|.'),
    ],
  );

const tokenChart = ({ divergences }: DamageResult) =>
  changeOfTokens('from that of the exact model, text by text.', divergences);

const textTable = (texts: NonNullable<DamageResult['texts']>) =>
  build.table(
    'texts',
    'Texts',
    'Change of the next token in each text, largest first.',
    texts.toSorted((a, b) => b.divergence - a.divergence),
    [
      build.text('name', 'Text'),
      build.count('tokens', 'Tokens', 'Tokens of the text that were read.'),
      build.number('divergence', 'Divergence', 'Mean KL(exact || model) of the next token.', 'nats'),
      build.number('agree', 'Same token', 'Share of the tokens after which both predict the same token.'),
    ],
  );

export function sections(result: Partial<DamageResult>): readonly Section[] {
  const { tensors = [], outputs = [], notes = [], texts = [], labels, accuracy, against = '', cross, encoder } = result;
  const names = { own: 'This model', beside: result.against ?? '' };
  const whole = result as DamageResult;
  return [
    ...(outputs.length > 0 ? stacksOf(whole).map(([stack, heads]) => grid(against, stack, heads)) : []),
    ...stacksOf(whole).flatMap(([stack, heads]) => (hasHeads(heads) ? [headTable(stack, heads)] : [])),
    ...(labels ? [labelTable(labels, names)] : []),
    ...(cross?.labels ? [labelTable(cross.labels, names, 'cross')] : []),
    ...(encoder?.labels ? [labelTable(encoder.labels, names, 'encoder')] : []),
    ...(accuracy ? [accuracyTable(accuracy, names)] : []),
    ...(isMeasured(result) ? [tokenChart(result)] : []),
    ...(texts.length > 1 ? [textTable(texts)] : []),
    ...(isMeasured(result) && result.wider.length > 0 ? [widerTable(result)] : []),
    ...(tensors.length > 0 ? [tensorTable(whole)] : []),
    ...(notes.length > 0 ? [build.paragraphs('notes', 'What is left out', notes)] : []),
  ];
}
