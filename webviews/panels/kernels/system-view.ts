/** A head as a linear system, in the card of its mechanism: pictures, and the files that they leave in. */
import { exportedSections } from '../../../protocol/exports/section-tables';
import { html, type TemplateResult } from 'lit';
import type { MechanismViewRequest } from '../../../protocol/compute/mechanism-view';
import type { Section } from '../../../protocol/sections/section';
import { fileName, type Leaving } from '../../charts/leaving';
import { sectionCsv } from '../../sections/section-file';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import { drawSections } from '../../sections/section-sheet';
import { unaskedSections } from '../../sections/unasked-sections';
import type { Theme } from '../../ui/theme';
import type { Part } from './actions';
import type { CardChoice } from './state';

export const systemView = (
  { actions, dark, compact }: Part,
  sections: readonly Section[],
  card: CardChoice,
): TemplateResult =>
  html`<div class="system-sections">
    ${unaskedSections({
      sections,
      result: card.mechanism,
      dark,
      compact,
      views: card.sections ?? {},
      actions: {
        view: (id, change) => actions.viewSystemSection(id, change),
        copy: (text, what) => actions.copy(text, what),
        save: (section, view, format) => actions.saveSystemSection(section, view, format),
      },
    })}
  </div>`;

export const systemFileName = ({ mechanism }: MechanismViewRequest, format: SectionFormat, part: string): string =>
  fileName('system', { subject: mechanism }, { format, json: 'system', part });

export function leavingSystem(
  request: MechanismViewRequest,
  section: Section,
  view: SectionView,
  theme: Theme,
): Leaving {
  const { mechanism, shape, head, seed, parameters } = request;
  const own = Object.entries(parameters).map(([name, value]) => `${name} ${String(value)}`);
  return {
    theme,
    width: 760,
    sentence: `${mechanism} as a linear system`,
    caption: [
      `Head ${head} of ${shape.heads}, keys ${shape.headDim} and values ${shape.valueDim} wide, drawn from seed ${seed}${own.length > 0 ? `; ${own.join(', ')}` : ''}`,
    ],
    provenance: request,
    headscope: undefined,
    draw: (sheet) => drawSections(sheet, new Map(), [{ section, view }]),
    csv: () => sectionCsv(section),
    json: () => section,
    numbers: () => exportedSections([section]),
    tables: () => [],
  };
}
