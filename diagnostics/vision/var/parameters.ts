/** The parameters of the analysis `var`, and what they mean for a model and a prompt. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { mostDimensions, type Redistribute } from '../../../protocol/interventions/redistribute';
import { regionOf, type Region } from '../../../protocol/interventions/regions';
import { layersIn } from '../../shared/layers';
import { firstTextRow } from '../../shared/divergence/span-sinks';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelFacts, Prompt } from '../../model-runner/model-runner';
import { imageRows, regionRows } from '../../model-runner/regions';
import { threeDigits } from '../../../protocol/wire/number-words';
import { tauOf, narrowest } from '../../shared/divergence/sinks';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are records.
export type VarParameters = {
  readonly span: string;
  readonly tau: number;
  readonly dimensions: string;
  readonly least: number;
  readonly ratio: number;
  readonly share: number;
  readonly to: string;
  readonly layers: string;
  readonly draws: number;
  readonly tokens: number;
};

export const receivers = ['image', 'image+text', 'text'] as const;
type Receiver = (typeof receivers)[number];

export const varParameters: ParameterTable<VarParameters> = {
  span: field.text(
    'Document span',
    'What is looked at instead of the picture: positions (3-9) or rows x columns of patches (0-3x2-5), joined by commas. Empty: the picture; of a prompt without one the first half of the text, without its first token.',
  ),
  tau: field.number(
    'tau',
    'A token is a sink where its hidden state has more than tau times its root mean square in a massive dimension. 0: 20 as in the paper, or 20/64 of the root of the width where that is at most 400.',
    { min: 0, max: 1000, default: 0 },
  ),
  dimensions: field.text(
    'Massive dimensions',
    'Dimensions of the hidden state, from 0, such as 1415,2533. Empty: those in which the first token is above tau in more than half of the layers from the third on.',
  ),
  least: field.number('Least attention on the picture', 'Rows of a head that give the picture less are left alone.', {
    min: 0,
    max: 1,
    default: 0.2,
  }),
  ratio: field.number(
    'rho',
    'Rows of a head are left alone that give less than this share of their attention on the picture to tokens that are no sinks: 0.8 in the paper, 0.5 for hallucination, 0.9 for tasks about details. The released code writes 1 - rho.',
    { min: 0, max: 1, default: 0.5 },
  ),
  share: field.number(
    'Fraction moved (p)',
    'Share of the attention on sinks that is moved. 0.6 as in the formula of the paper; the released code keeps 0.6 and moves 0.4.',
    { min: 0, max: 1, default: 0.6 },
  ),
  to: field.choice('Moved to', 'Tokens of the picture that are no sinks, or the text behind it, or both.', {
    options: receivers,
    default: 'image',
  }),
  layers: field.text(
    'Layers',
    'In which attention is moved: auto (from the third to the last but one, as in the paper), or layers from 0 such as 2,4-30.',
    'auto',
  ),
  draws: field.integer('Random draws', 'Sets of as many other tokens of the picture that are masked, to compare.', {
    min: 1,
    max: 64,
    default: 5,
  }),
  tokens: field.integer('Most tokens', 'The most tokens that each text may have; 0 writes none.', {
    min: 0,
    max: 1024,
    default: 32,
  }),
};

export interface VarSettings {
  readonly tau: number;
  /** Tau is none of the paper's because no state of this width could pass that. */
  readonly scaled: boolean;
  /** Given; absent: found. */
  readonly dimensions?: readonly number[];
  readonly least: number;
  readonly ratio: number;
  readonly share: number;
  readonly to: Receiver;
  /** Rising. */
  readonly layers: readonly number[];
  readonly draws: number;
  readonly tokens: number;
}

/** Fails with a sentence where the model does not have what a parameter names. */
export function settingsOf({ blocks, hiddenSize }: ModelFacts, parameters: VarParameters): VarSettings {
  const { least, ratio, share, to, draws, tokens } = parameters;
  const tau = tauOf(hiddenSize, parameters.tau);
  if (tau >= Math.sqrt(hiddenSize)) {
    throw refusal(
      `No value of a hidden state of ${hiddenSize} numbers can be more than ${threeDigits(Math.sqrt(hiddenSize))} times its root mean square, so tau = ${tau} finds nothing. Give a smaller tau, or 0.`,
    );
  }
  const layers = chosenLayers(blocks.length, parameters.layers);
  const dimensions = dimensionsIn(parameters.dimensions, hiddenSize);
  return {
    tau,
    scaled: hiddenSize <= narrowest,
    ...(dimensions ? { dimensions } : {}),
    ...{ least, ratio, share, layers, draws, tokens },
    // The table allows no other.
    to: to as Receiver,
  };
}

function chosenLayers(count: number, written: string): readonly number[] {
  const named = layersIn(written);
  if (named === 'auto') {
    if (count < 4) {
      throw refusal(
        `VAR begins at the third layer and leaves the last one alone, and the model has ${count}. Name layers, such as 0-${count - 1}.`,
      );
    }
    return Array.from({ length: count - 3 }, (_, at) => 2 + at);
  }
  const beyond = named.find((layer) => layer >= count);
  if (beyond !== undefined)
    throw refusal(`The model has no layer ${beyond}: its layers are 0 to ${count - 1}. Name others.`);
  return [...new Set(named)].sort((a, b) => a - b);
}

function dimensionsIn(written: string, width: number): readonly number[] | undefined {
  if (written.trim() === '') return undefined;
  const given = written.split(/[,+]/).map((part) => part.trim());
  const found = [...new Set(given.map(Number))].sort((a, b) => a - b);
  if (given.some((part) => !/^\d+$/.test(part)) || found.some((d) => d >= width) || found.length > mostDimensions) {
    throw refusal(
      `"${written.slice(0, 60)}" names no dimensions of a hidden state of ${width} numbers. Write at most ${mostDimensions} from 0, such as 12,40.`,
    );
  }
  return found;
}

/** The picture of a prompt, or what stands in its place. */
export interface Seen {
  /** As an intervention names it; absent: the picture, which it means where nothing is named. */
  readonly region?: Region;
  /** Rows of the sequence, in the order of the image tokens; those of a span in rising order. */
  readonly rows: readonly number[];
  /** The first row behind it. */
  readonly behind: number;
  /** The row whose massive dimensions are those of sinks. */
  readonly first: number;
}

export function seenOf(prompt: Prompt, span: string, bosId: number | undefined): Seen {
  const written = span.trim();
  const region =
    written === '' ? (prompt.image ? undefined : [{ start: 1, end: 1 + (prompt.ids.length >> 1) }]) : regionOf(written);
  if (written !== '' && !region) {
    throw refusal(`"${written.slice(0, 60)}" is no span. Write positions as 3-9, or patches as 0-3x2-5.`);
  }
  const rows = region ? rowsIn(prompt, region) : imageRows(prompt);
  const behind = Math.max(-1, ...rows) + 1;
  if (behind >= prompt.ids.length) {
    throw refusal(
      `The prompt ends with ${prompt.image && !region ? 'the picture' : 'the span'}, and attention is moved in the rows behind it. Add a text after it.`,
    );
  }
  return { ...(region ? { region } : {}), rows, behind, first: firstTextRow(prompt, bosId) };
}

function rowsIn(prompt: Prompt, region: Region): readonly number[] {
  const read = regionRows(prompt, [region]);
  if (!read.ok) throw refusal(read.why);
  return read.value[0] ?? [];
}

/** The intervention with these settings; undefined where it would change nothing. */
export function redistribution(
  { tau, least, ratio, share, to, layers }: Omit<VarSettings, 'draws' | 'tokens' | 'scaled' | 'dimensions'>,
  dimensions: readonly number[],
  region: Region | undefined,
): Redistribute | undefined {
  if (share === 0 || dimensions.length === 0) return undefined;
  return {
    kind: 'redistribute',
    heads: layers.map((layer) => ({ layer, head: 'all' })),
    from: { kind: 'states', tau, dimensions: dimensions.slice(0, mostDimensions) },
    to: to === 'image' ? (region ?? ['image']) : to,
    share,
    rows: 'after',
    ...(region ? { region } : {}),
    least,
    ratio,
  };
}
