/** What leaves the section of modules: a run as JSON, a picture of it in every format. */
import { exportedSections } from '../../protocol/exports/section-tables';
import type { ExportFormat } from '../../protocol/panels/messages';
import type { ModuleResult } from '../../protocol/results/module-schema';
import type { Section } from '../../protocol/sections/section';
import { fileName, type Leaving } from '../charts/leaving';
import { sectionCsv } from '../sections/section-file';
import type { SectionFormat, SectionView } from '../sections/section-kind';
import { drawSections } from '../sections/section-sheet';
import { madeLines } from '../ui/made';
import type { Theme } from '../ui/theme';

const width = 760;

/** `module-shsa-2026-11-24.headscope-module.json`; `part`: the section that the file holds alone. */
export const moduleFileName = (
  { plan, created }: ModuleResult,
  format: ExportFormat | SectionFormat,
  part?: string,
): string =>
  fileName(
    'module',
    { subject: plan.module, created },
    { format, json: 'module', part: part?.replaceAll(/[^\w.-]+/g, '-') },
  );

/** Lines that say what made a result. */
export const moduleMade = (result: ModuleResult): readonly string[] => [
  ...result.notes,
  `Sizes: ${Object.entries(result.parameters)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')}; ${result.plan.precision}, seed ${result.seed}`,
  ...madeLines(result),
];

export function leavingModule(result: ModuleResult, section: Section, view: SectionView, theme: Theme): Leaving {
  const { sections, ...provenance } = result;
  return {
    theme,
    width,
    sentence: result.finding,
    caption: moduleMade(result),
    provenance,
    headscope: result.headscope,
    draw: (sheet) => drawSections(sheet, new Map(), [{ section, view }], sections),
    csv: () => sectionCsv(section),
    numbers: () => exportedSections([section]),
    tables: () => [],
  };
}
