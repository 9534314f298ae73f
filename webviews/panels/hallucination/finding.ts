/** The first line of the panel: what was found, in one or two sentences; the second: what was run. */
import type {
  HallucinationResult,
  HallucinationSet,
  ObjectMention,
} from '../../../protocol/results/hallucination-schema';
import { headName } from '../../ui/head-names';
import { count, percent, plural, significant, took } from '../../ui/numbers';
import { effectWords } from './captions';
import { affected, strongest } from '../../../protocol/results/sections/ranked-heads';
import { verdictOf } from '../../../protocol/results/sections/word-classes';
import { median, wordTVhd } from '../../../protocol/results/sections/word-numbers';
import { changeWords } from './change-words';
import { unfinishedWords } from './notes';
import { readsTextOnly } from './run-setup';
import { drawnWords } from './sample-words';
import type { State } from './state';
import { variantName } from './variant-words';
import { distanceInfos } from '../../../protocol/results/measure-words';

export function finding(state: State): string {
  const { result, set, phase, form } = state;
  if (set) return ofSet(set);
  if (result) return [ofHeads(result), ofWords(result), effectWords(state)].filter(Boolean).join(' ');
  if (phase.kind === 'running') {
    if (form?.mode === 'set') return ofRunningSet(state);
    return state.firstStep ? 'The heads are there; the caption is being written.' : 'Looking at what each head sees.';
  }
  if (form?.mode !== 'span' && readsTextOnly(state)) {
    return 'This model has no vision part: no head of it can look at a picture.';
  }
  if (form?.mode === 'set') return 'How often do captions name what is not there, and what does reinforcement change?';
  if (form?.mode === 'span') return 'Which heads read a part of the prompt, and which words were said without it?';
  return 'Which heads look at the picture, and which words were said without it?';
}

function ofHeads(result: HallucinationResult): string {
  const [first] = strongest(result);
  if (!first) return 'No head differs.';
  const all = result.layers * result.heads;
  const large = affected(result).length;
  const what = result.removed.kind === 'span' ? 'depend on the removed text' : 'look at the picture';
  const verb = result.removed.kind === 'span' ? 'depends on the removed text' : 'looks at the picture';
  const name = headName(first.layer, first.head);
  return large === 1
    ? `1 of ${count(all)} heads ${verb} far more than the others: ${name} (VHD ${significant(first.vhd)}).`
    : `${count(large)} of ${count(all)} heads ${what}, ${name} most (VHD ${significant(first.vhd)}).`;
}

/** By which rules the finding counts heads and places a word. */
export function findingHint({ result }: State): string | undefined {
  if (!result) return undefined;
  const outlined = result.selected.flat().filter(Boolean).length;
  return `Counted: heads with at least half of the largest VHD, outliers left out. ${count(outlined)} are selected: those above the median of their layer, which reinforcement scales. A word is compared with the other words that name an object: words that name none (a, the, and) depend less on ${result.removed.kind === 'span' ? 'the text' : 'the picture'} by themselves.`;
}

/**
 * The object words that are not in the picture; without a truth, the one that depends least on the picture. It is compared with
 * other object words alone, by the median of their T-VHD: the true ones where there is a truth.
 */
function ofWords(result: HallucinationResult): string {
  const { caption, truth } = result;
  const words = caption.mentions
    .map((mention) => ({ mention, value: wordTVhd(caption, mention) }))
    .sort((a, b) => a.value - b.value);
  const wrong = words.filter(({ mention }) => verdictOf(mention) === 'hallucinated');
  const [least] = wrong.length > 0 ? wrong : words;
  if (!least) return '';
  const rest = wrong.length > 0 ? words.filter((one) => !wrong.includes(one)) : words.slice(1);
  const middle = median(rest.map(({ value }) => value));
  const leans = least.value < middle ? ' and leans on the language prior' : '';
  const value = `T-VHD ${significant(least.value)}${besideWords(rest, wrong.length > 0)}`;
  if (truth === undefined) return leans ? `“${least.mention.word}” leans most on the language prior (${value}).` : '';
  if (wrong.length === 0) return 'All objects that the caption names are in the picture.';
  const others = wrong.length > 1 ? ` (and ${plural(wrong.length - 1, 'other mention')})` : '';
  return `“${least.mention.word}”${others} is not in the picture${leans} (${value}).`;
}

/** `, median of the 2 object words in the picture 16.9`. */
function besideWords(
  rest: readonly { readonly mention: ObjectMention; readonly value: number }[],
  inPicture: boolean,
): string {
  const [one] = rest;
  if (!one) return '';
  if (rest.length === 1) return `, “${one.mention.word}” ${significant(one.value)}`;
  const words = inPicture ? 'object words in the picture' : 'other object words';
  return `, median of the ${count(rest.length)} ${words} ${significant(median(rest.map(({ value }) => value)))}`;
}

function ofSet(set: HallucinationSet): string {
  const { plain, variants, separation } = set;
  const [first] = variants;
  const stopped =
    set.state === 'cancelled' ? `, stopped after ${count(set.entries.length)} of ${count(set.total)}` : '';
  const begin = `${percent(plain.chairS)} of ${count(plain.captions)} captions name an object that is not in the picture${stopped}`;
  const { chairS, pictures = 0 } = first?.change ?? {};
  const changed = chairS ? `, ${changeWords(chairS, pictures)}` : '';
  const then = first
    ? `; ${variantName(first.reinforcement).toLowerCase()}: ${percent(first.score.chairS)}${changed}; recall ${percent(first.score.recall)} instead of ${percent(plain.recall)}.`
    : '.';
  const apart =
    separation.auroc === null
      ? ''
      : ` T-VHD separates such words from true ones with AUROC ${separation.auroc.toFixed(2)}.`;
  const cut = unfinishedWords(set);
  return begin + then + apart + (cut === undefined ? '' : ` ${cut}`);
}

function ofRunningSet({ entries }: State): string {
  if (entries.length === 0) return 'Captioning the pictures.';
  const wrong = entries.filter(({ plain }) => plain.mentions.some((one) => one.inTruth === false)).length;
  return `${count(wrong)} of ${plural(entries.length, 'caption')} so far ${wrong === 1 ? 'names' : 'name'} an object that is not in the picture.`;
}

export function circumstances(state: State): string {
  const { result, set } = state;
  const made = result ?? set;
  if (!made) {
    return state.form?.mode === 'span'
      ? 'The prompt runs twice, with and without the part that you mark; a head whose output changes depends on it.'
      : 'The prompt runs twice on this machine, with and without the picture; a head whose output changes looks at it (VHD).';
  }
  const distance = distanceInfos.find(({ id }) => id === made.distance)?.title ?? made.distance;
  return [
    made.model.name,
    ...(result?.image
      ? [`${result.image.name}, ${count(result.image.tokens)} image tokens${tileWords(result)}`]
      : set
        ? [`${plural(set.entries.length, 'picture')}${drawnWords(set.sample)}`]
        : []),
    `${distance.replace(/ \(.*/, '')} distance, k ${made.k}`,
    made.device.name,
    took(made.seconds),
  ].join(' · ');
}

function tileWords({ image }: HallucinationResult): string {
  const [first] = image?.tiles ?? [];
  if (!first || !image) return '';
  return image.tiles.length === 1 ? ` (${first.rows} x ${first.columns})` : ` in ${image.tiles.length} tiles`;
}
