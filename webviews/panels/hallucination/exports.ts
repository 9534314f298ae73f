/** Files that leave the panel; each says what made it. */
import type { ExportFormat } from '../../../protocol/panels/messages';
import type { HallucinationResult, HallucinationSet } from '../../../protocol/results/hallucination-schema';
import type { Section } from '../../../protocol/sections/section';
import { sectionCsv, sectionTable } from '../../sections/section-file';
import type { SectionView } from '../../sections/section-kind';
import { drawSections } from '../../sections/section-sheet';
import { fileName, type Leaving } from '../../charts/leaving';
import { madeLines, namedOf } from '../../ui/made';
import { count } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import type { ExportKind } from './actions';
import { comparisonData, comparisonWords } from './comparison';
import { headsCsv, setCsv, wordsCsv } from './csv-files';
import { finding } from './finding';
import { sectionsOfResult } from './result-sections';
import { viewOf } from './section-list';
import { sectionsOfSet, setChanges } from './set-sections';
import { mapData } from './span-map';
import type { State } from './state';

export const formatOf = (kind: ExportKind): ExportFormat => (kind === 'words' ? 'csv' : kind);

export function leavingOf(state: State, theme: Theme, kind?: ExportKind): Leaving {
  const { result, set } = state;
  const made = set ?? result;
  if (!made) throw new Error('There is no result to export yet. Run the model on a picture first.');
  const shown = set ? [...setChanges(state), ...sectionsOfSet(state)] : sectionsOfResult(state);
  return {
    ...about(state, theme),
    draw: (sheet) =>
      drawSections(
        sheet,
        state.decoded,
        shown.map((section) => ({ section, view: viewOf(state, section.id) })),
      ),
    csv: () => (set ? setCsv(set) : !result ? '' : kind === 'words' ? wordsCsv(result) : headsCsv(state, result)),
    json: () => ({ ...made, ...mapData(state), ...comparisonData(state) }),
    tables: () => shown.map(sectionTable),
    css: 'td { vertical-align: top; }\ntd:last-child:not(.number) { white-space: normal; }\n',
  };
}

/** What was found, and what made it. */
function about(state: State, theme: Theme) {
  const { compareWith } = state;
  const made = state.set ?? state.result;
  const against = compareWith && { comparedWith: { name: compareWith.name, ...provenance(compareWith.made) } };
  return {
    theme,
    sentence: finding(state),
    caption: [
      ...(compareWith
        ? [`Compared with ${compareWith.name}: changes are this result minus that one. ${comparisonWords(state)}`]
        : []),
      ...(made ? provenanceLines(made) : ['Nothing was run yet.']),
    ],
    provenance: { ...(made ? provenance(made) : {}), ...against },
    headscope: made?.headscope,
  };
}

/** One section, as a file of its own; the picture of the form may leave before a run. */
export function leavingSection(state: State, section: Section, view: SectionView, theme: Theme): Leaving {
  return {
    ...about(state, theme),
    draw: (sheet) => drawSections(sheet, state.decoded, [{ section, view }]),
    csv: () => sectionCsv(section),
    json: () => section,
    tables: () => [sectionTable(section)],
  };
}

/** `part`: the section that the file holds alone. */
export function exportName({ result, set, compareWith }: State, kind: ExportKind, part?: string): string {
  const made = set ?? result;
  return fileName('hallucination', namedOf(made), {
    format: formatOf(kind),
    json: 'hallucination',
    against: made && compareWith && namedOf(compareWith.made),
    part: kind === 'words' ? 'words' : part,
  });
}

/** Everything that made the numbers, for machines. */
function provenance(made: HallucinationResult | HallucinationSet): Record<string, unknown> {
  const { headscope, created, device, settings, seed, model, prompt, chatPrompt } = made;
  const { distance, outliers, positions, k } = made;
  const of = made.kind === 'headscope-hallucination' ? { image: made.image } : { sample: made.sample };
  const by = { headscope, created, device, settings, seed, model, prompt, chatPrompt };
  return { ...by, distance, outliers, positions, k, ...of };
}

/** The same in a few lines for people. */
export function provenanceLines(made: HallucinationResult | HallucinationSet): readonly string[] {
  const { model } = made;
  const vision = model.vision ? `, ${model.vision.family} encoder of ${model.vision.layers} layers` : '';
  const image =
    made.kind === 'headscope-hallucination'
      ? made.image
        ? `${made.image.name}, SHA-256 ${made.image.sha256.slice(0, 16)}…, ${count(made.image.width)} x ${count(made.image.height)} pixels, ${count(made.image.tokens)} image tokens in ${made.image.tiles.map(({ rows, columns }) => `${rows} x ${columns}`).join(', ')}`
        : 'A span of the prompt is removed'
      : `${count(made.entries.length)} of ${count(made.total)} pictures${made.sample ? `, ${count(made.sample.count)} drawn from ${count(made.sample.of)} by seed ${made.sample.seed}` : ''}`;
  return [
    `${model.name} (${model.family}), hash ${model.hash}, ${model.layers} layers x ${model.heads} query heads${vision}, ${model.dtypes.join(', ')}`,
    ...(model.notes ?? []),
    image,
    `VHD: ${made.distance} distance of head outputs before the output projection at one position, positions ${made.positions} without the ${made.kind === 'headscope-hallucination' && made.removed.kind === 'span' ? 'span' : 'picture'}; outlier rule ${made.outliers}; T-VHD sums the ${made.k} largest of each layer (arXiv 2412.13949). Counted as looking: heads with at least half of the largest VHD`,
    `Prompt ${JSON.stringify(made.prompt ?? 'token ids')}${made.chatPrompt ? `, in the chat template ${JSON.stringify(made.chatPrompt.text)}` : made.settings['chat'] === true ? ' in the chat template' : ''}, greedy, seed ${made.seed}`,
    ...madeLines(made),
  ];
}
