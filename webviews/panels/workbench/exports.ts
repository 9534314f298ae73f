/** What leaves the panel: every section as it is on the screen, with what its numbers are and what made them. */
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { exportedSections } from '../../../protocol/exports/section-tables';
import type { ExportFormat } from '../../../protocol/panels/messages';
import type { Section } from '../../../protocol/sections/section';
import { fileName, type Leaving } from '../../charts/leaving';
import { sectionCsv, sectionTable } from '../../sections/section-file';
import type { SectionView } from '../../sections/section-kind';
import { drawSections, type ShownSection } from '../../sections/section-sheet';
import type { Theme } from '../../ui/theme';
import type { MatrixSection } from '../../../protocol/sections/matrix';
import { changesKey, otherKey } from './comparison';
import { pageOfHeads, pageRules } from './heads-page/heads-page';
import { provenanceLines } from './made-by';
import { infoOf, pageSections, viewOf } from './shown';
import type { State } from './state';

const width = 760;

/** A comparison shows the changes first, then both results. */
function shownOf(state: State, result: AnalysisResult): readonly ShownSection[] {
  const { compareWith } = state;
  const list = (sections: readonly Section[], prefix: string, name?: string): readonly ShownSection[] =>
    sections.map((section) => ({
      section: name === undefined ? section : { ...section, title: `${section.title} (${name})` },
      view: viewOf(state, `${prefix}${section.id}`),
    }));
  return compareWith
    ? [
        ...list(compareWith.sections ?? [], changesKey),
        ...list(result.sections, '', state.savedAs ?? 'this result'),
        ...list(compareWith.result.sections, otherKey, compareWith.name),
      ]
    : list(result.sections, '');
}

/** The whole result. */
export function leavingOf(state: State, theme: Theme): Leaving {
  const { result, compareWith } = state;
  if (!result) throw new Error('There is no result to export yet. Run the analysis first.');
  const shown = shownOf(state, result);
  const lines = provenanceLines(result, infoOf(state));
  const json = (): unknown =>
    compareWith ? { ...result, comparedWith: { name: compareWith.name, result: compareWith.result } } : result;
  const page = compareWith ? undefined : pageOfHeads(result, openOf(state), json);
  return {
    ...made(state, result, theme),
    draw: (sheet) => drawSections(sheet, state.pictures, shown, pageSections(state)),
    csv: () =>
      [
        [result.finding, ...lines].map((line) => `# ${line.replaceAll(/\s+/g, ' ')}\r\n`).join(''),
        ...shown.map(({ section }) => sectionCsv(section)),
      ].join('\r\n'),
    json,
    numbers: () => exportedSections(shown.map(({ section }) => section)),
    tables: () => shown.map(({ section }) => sectionTable(section)),
    ...(page ? { page, css: pageRules(theme) } : {}),
  };
}

/** The attention that is open. */
const openOf = ({ answers }: State): readonly MatrixSection[] =>
  answers.flatMap(({ own, section }) => (own && section?.kind === 'matrix' ? [section] : []));

/** One section, as a file of its own; it may be an answer to a question. */
export function leavingSection(state: State, section: Section, view: SectionView, theme: Theme): Leaving {
  const { result } = state;
  return {
    ...made(state, result, theme),
    draw: (sheet) => drawSections(sheet, state.pictures, [{ section, view }], pageSections(state)),
    csv: () => sectionCsv(section),
    numbers: () => exportedSections([section]),
    tables: () => [sectionTable(section)],
  };
}

const made = (state: State, result: AnalysisResult | undefined, theme: Theme) => ({
  theme,
  width,
  sentence: result?.finding ?? state.partial?.finding ?? '',
  caption: result ? provenanceLines(result, infoOf(state)) : ['The run has not ended.'],
  provenance: result ? provenanceOf(result) : {},
  headscope: result?.headscope,
});

/** Everything that made the numbers, for machines. */
function provenanceOf(result: AnalysisResult): Record<string, unknown> {
  const { result: _result, sections: _sections, offers: _offers, ...rest } = result;
  return rest;
}

/** `retrieval-heads-gpt2-2026-11-24.png`; `part`: the section that the file holds alone. */
export function exportName({ result, compareWith }: State, format: ExportFormat, part?: string): string {
  const named = (one: AnalysisResult | undefined) => ({
    subject: one?.model.name ?? 'model',
    created: one?.created,
  });
  return fileName(clean(result?.analysis ?? 'analysis'), named(result), {
    format,
    json: 'analysis',
    against: result && compareWith && named(compareWith.result),
    part: part === undefined ? undefined : clean(part),
  });
}

/** `retrieval-head-gpt2-2026-11-24.headScores.json`: what others read, and no saved result. */
export const fieldName = (state: State, field: string): string =>
  exportName(state, 'csv', field).replace(/csv$/u, 'json');

const clean = (text: string): string => text.replaceAll(/[^\w.-]+/g, '-').slice(0, 60);
