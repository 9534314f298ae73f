/** What the workbench makes of a result first: of every section its twin, its file and its picture, and the words beside. */
import { sectionText } from '../../../compute-server/cli/section-text';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { differenceSentence } from '../../../protocol/results/comparability';
import type { Section } from '../../../protocol/sections/section';
import { sectionCsv } from '../../../webviews/sections/section-file';
import { kindOf } from '../../../webviews/sections/sections';

function pictured(section: Section): unknown {
  const kind = kindOf(section);
  if (!kind || kind.isEmpty(section)) return 'empty';
  return kind.drawn === 'picture' ? Object.keys(kind.picture(section, {}, new Map())) : kind.drawn;
}

/** The text, the file and the picture of every section. */
export const firstOfSections = (sections: readonly Section[]): unknown =>
  sections.map((section) => [sectionText(section).length, sectionCsv(section).length, pictured(section)]);

export const firstOfAnalysis = (result: AnalysisResult): unknown => [
  firstOfSections(result.sections),
  differenceSentence(result, result),
];
