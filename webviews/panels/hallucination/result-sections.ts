/** A picture, or a part of a text, as sections: heads, words, captions and their scores, what changed. Pure. */
import { captionScores, captionTexts } from '../../../protocol/results/sections/caption-scores';
import { headTables, layerTable } from '../../../protocol/results/sections/divergence';
import { captionOf } from '../../../protocol/results/sections/divergence-captions';
import { divergenceChanges } from '../../../protocol/results/sections/divergence-change';
import { affected } from '../../../protocol/results/sections/ranked-heads';
import { defaultK, defaultLayers } from '../../../protocol/results/vhd-defaults';
import type { Caption, CaptionToken } from '../../../protocol/results/hallucination-schema';
import type { Removed } from '../../../protocol/interventions/reinforcement';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TokensSection } from '../../../protocol/sections/tokens';
import { count, percent } from '../../ui/numbers';
import { pairOf } from './comparison';
import { readLayers } from '../../ui/layers';
import { kept } from './kept-sections';
import { mapTitle, waiting } from './map-words';
import { pictureSection } from './picture-section';
import { captionOf as shownCaption, stepOf } from './shown';
import { spanTokens } from './span-map';
import type { State } from './state';
import { labelWords } from './notes';
import { nameOf, scoreWords, variantHint } from './variant-words';

const captionId = (variant: number | null): string => (variant === null ? 'caption' : `caption-${variant + 1}`);

const isOfText = ({ result, shownSetup, form }: State): boolean =>
  result ? result.removed.kind === 'span' : (shownSetup ?? form)?.mode === 'span';

const removedOf = (state: State): Removed =>
  state.result?.removed ?? (isOfText(state) ? { kind: 'span', start: 0, end: 0 } : { kind: 'image' });

/** Heads at the step that is shown; undefined while none is. */
export function headsSection(state: State): HeadsSection | undefined {
  const step = stepOf(state);
  if (!step) return undefined;
  const { token, result, form } = state;
  const behind = token.variant === null && token.step !== step.step;
  const problem = behind ? state.step?.problem : undefined;
  const counted = affected(result ?? step);
  const [section] = kept(
    'heads',
    [step.vhd, step.visualAttention, step.step, result?.vhd, behind && token.step, problem],
    () => [
      {
        kind: 'heads' as const,
        id: 'heads',
        title: `${isOfText(state) ? 'Context-aware' : 'Vision-aware'} divergence ${behind && problem === undefined ? `at token ${count(token.step)}…` : step.step === 0 ? 'at the first word' : `at token ${count(step.step)}`}`,
        caption: [
          ...(problem === undefined ? [] : [problem]),
          `Selected: what reinforcement scales, VHD above the median of its layer (${count(step.selected.flat().filter(Boolean).length)} of ${count(step.vhd.flat().length)}).`,
          `Framed, and counted in the finding: at least half of the largest VHD at the first word (${count(counted.length)}).`,
          'Outliers are left out of both.',
        ].join(' '),
        ...headTables(step, { distance: result?.distance ?? form?.distance ?? 'l2', removed: removedOf(state) }),
        marked: counted.map(({ layer, head }) => ({ layer, head })),
      },
    ],
  );
  return section;
}

/** Layers of the step that is shown, with those that reinforcement would scale as it is typed. */
export function layersSection(state: State): readonly Section[] {
  const step = stepOf(state);
  if (!step) return [];
  const heads = step.vhd[0]?.length ?? 1;
  const k = state.result?.k ?? (Number(state.form?.k) || defaultK(heads));
  const typed = readLayers(state.form?.layers ?? '', step.vhd.length);
  return kept('layers', [step.vhd, step.visualAttention, k, state.form?.layers], () => [
    layerTable(step, {
      k,
      reinforced: Array.isArray(typed) ? (typed as readonly number[]) : defaultLayers(step.vhd.length),
      removed: removedOf(state),
    }),
  ]);
}

/** A stop token alone is a caption without a word. */
const isSilent = (tokens: readonly CaptionToken[]): boolean => tokens.every(({ text }) => text === '');

/** One scale for all captions of a result: they are compared by colour. */
export function sharedScale({
  result,
  written,
  making,
}: State): { readonly min: number; readonly max: number } | undefined {
  const all = [...(result ? [result.caption, ...result.variants] : [{ tokens: written }]), ...(making ? [making] : [])];
  let [min, max] = [Infinity, -Infinity];
  for (const { tokens } of all) {
    for (const { tVhd } of tokens) {
      if (!Number.isFinite(tVhd)) continue;
      [min, max] = [Math.min(min, tVhd), Math.max(max, tVhd)];
    }
  }
  return min <= max ? { min, max } : undefined;
}

type ShownCaption = Pick<Caption, 'tokens' | 'mentions' | 'text' | 'stoppedAt'> & Partial<Caption>;

function captionSection(state: State, id: string, title: string, caption: ShownCaption, words: string): TokensSection {
  const scale = sharedScale(state);
  const ends = scale && (scale.max > scale.min ? scale : { max: scale.max });
  const [made] = kept(id, [caption.tokens, caption.tokens.length, title, words, scale?.min, scale?.max], () => {
    const section = captionOf(id, title, caption, {
      removed: removedOf(state),
      ...(state.result ? { k: state.result.k } : {}),
    });
    const { ask: _, ...rest } = section;
    const notes = [
      words,
      section.caption ?? '',
      state.result && isSilent(caption.tokens)
        ? 'The model ends at once: its first token (∅) is the one that stops, so it writes no word.'
        : '',
    ].filter((note) => note !== '');
    return [
      {
        ...rest,
        ...(notes.length > 0 ? { caption: notes.join(' ') } : {}),
        numbers: section.numbers.map((number) =>
          number.name === 'tVhd' ? { ...number, scale: { kind: 'sequential' as const, ...ends } } : number,
        ),
      },
    ];
  });
  if (!made) throw new Error('a caption has a section');
  return made;
}

/** The plain caption, or the part of it that is written; undefined before its first word. */
export function plainSection(state: State): TokensSection | undefined {
  const caption = shownCaption(state, null);
  if (caption.tokens.length === 0) return undefined;
  const what = isOfText(state) ? 'whatever the part says' : 'whatever is seen';
  const score = state.result ? scoreWords(state.result.caption.score, state.result.caption) : '';
  const low = `Low T-VHD: said by the language prior, ${what}.`;
  return captionSection(state, captionId(null), 'Caption', caption, [score, low].filter(Boolean).join('. '));
}

export const variantSections = (state: State): readonly TokensSection[] =>
  (state.result?.variants ?? []).map((caption, at) =>
    captionSection(
      state,
      captionId(at),
      nameOf(caption),
      caption,
      [
        `${scoreWords(caption.score, caption)}.`,
        ...(caption.reinforcement ? [variantHint(caption.reinforcement)] : []),
      ].join(' '),
    ),
  );

/** The caption that is being written. */
export function makingSection(state: State): TokensSection | undefined {
  const { making } = state;
  if (!making) return undefined;
  const text = making.tokens.map((token) => token.text).join('');
  return captionSection(state, 'making', making.name, { tokens: making.tokens, mentions: [], text }, 'Being written…');
}

/** Texts side by side, and their scores. */
export function scoreSections(state: State): readonly Section[] {
  const { result } = state;
  if (!result) return [];
  const all = [result.caption, ...result.variants].map((caption) => ({ name: nameOf(caption), caption }));
  return kept('scores', [result], () => [
    ...(all.length > 1 ? [captionTexts(all)] : []),
    captionScores(all, labelWords(result)),
  ]);
}

/** Tokens before and behind the part, so that it is found in its text. */
const around = 12;

/** The removed text with what the chosen heads read of it; undefined for a picture. */
export function spanSection(state: State): TokensSection | undefined {
  const { result, map, view } = state;
  if (result?.removed.kind !== 'span') return undefined;
  const { start, end } = result.removed;
  const title = `${mapTitle(state) ?? 'Attention'} on the removed text`;
  const words = map?.value ? massWords(state) : waiting(state);
  const [section] = kept('span', [result.promptTokens, start, end, map?.value, title, words, view.map], () => {
    const [from, to] = [Math.max(0, start - around), end + around];
    const tokens = result.promptTokens.slice(from, to);
    return [
      {
        kind: 'tokens' as const,
        id: 'span',
        title,
        caption: words,
        tokens,
        numbers: map?.value
          ? [
              {
                name: 'attention',
                title: 'Share of the attention',
                unit: '',
                definition:
                  'Part of all attention of the query that makes the word, on one token; of several heads their mean.',
                scale: { kind: 'sequential' as const },
                values: tokens.map(
                  (_, at) => (from + at < end ? map.value?.[from + at - start] : undefined) ?? Number.NaN,
                ),
              },
            ]
          : [],
        classes: {
          names: ['removed'],
          of: tokens.map((_, at) => (from + at >= start && from + at < end ? 0 : -1)),
        },
      },
    ];
  });
  return section;
}

function massWords({ result, map, view }: State): string {
  const tokens = result ? spanTokens(result, map?.value) : [];
  const mass = tokens.reduce((sum, { share }) => sum + (share ?? 0), 0);
  return `${percent(mass)} of the attention ${view.map === 'head' ? '' : 'of these heads, on average, '}lies on these ${count(tokens.length)} tokens.`;
}

/** This result less the other one. */
export function resultChanges(state: State): readonly Section[] {
  const pair = pairOf(state);
  const other = state.compareWith?.name ?? '';
  if (pair?.kind !== 'results') return [];
  const { here, there } = pair;
  return kept('changes', [here, there, other], () =>
    divergenceChanges({ here: here.vhd, there: there.vhd, other, most: here.layers * here.heads }).map((section) => ({
      ...section,
      title: section.kind === 'heads' ? section.title : `Change of the divergence from ${other}`,
    })),
  );
}

/** All of a result in the order of the page. */
export const sectionsOfResult = (state: State): readonly Section[] =>
  [
    pictureSection(state),
    spanSection(state),
    plainSection(state),
    headsSection(state),
    ...variantSections(state),
    ...scoreSections(state),
    ...layersSection(state),
    ...resultChanges(state),
  ].filter((section) => section !== undefined);
