/** A result drawn as its sections, which answer no further questions, under its finding and what made it. */
import { html, type TemplateResult } from 'lit';
import { exportedSections } from '../../protocol/exports/section-tables';
import type { Section } from '../../protocol/sections/section';
import { fileName, writeFile, type Leaving } from '../charts/leaving';
import { sectionCsv } from '../sections/section-file';
import type { SectionFormat, SectionView } from '../sections/section-kind';
import { drawSections } from '../sections/section-sheet';
import { unaskedSections } from '../sections/unasked-sections';
import { madeLines } from '../ui/made';
import { readTheme, themeForFile, type Theme } from '../ui/theme';
import { DrawnOutput } from './drawn-output';
import type { SectionsResult } from './read-output';

/** There is nobody to ask: no words for it. */
function unasked(section: Section): Section {
  const { ask: _ask, asksAtOnce: _atOnce, opensPictures: _pictures, ...rest } = section;
  return rest;
}

const exportWidth = 760;

export class SectionsOutput extends DrawnOutput {
  private views: Readonly<Record<string, SectionView>> = {};

  constructor(
    place: HTMLElement,
    private readonly result: SectionsResult,
  ) {
    super(place);
  }

  protected override page(): TemplateResult {
    const { finding, created, title } = this.result;
    return html`<main class="notebook ${this.compact ? 'compact' : 'wide'}">
      <h1>${finding}</h1>
      <p class="made">${[title, ...this.made()].join(' · ')}</p>
      ${this.problem === '' ? '' : html`<p role="alert">${this.problem}</p>`}
      ${unaskedSections({
        sections: this.result.sections.map(unasked),
        result: created,
        dark: readTheme().dark,
        compact: this.compact,
        views: this.views,
        actions: {
          view: (id, change) => {
            this.views = { ...this.views, [id]: { ...this.views[id], ...change } };
            this.draw();
          },
          copy: this.copy,
          save: (section, view, format) =>
            void this.save(
              this.nameOf(section, format),
              Promise.resolve().then(() => writeFile(this.leaving(section, view, themeForFile(format)), format)),
            ),
        },
      })}
    </main>`;
  }

  private made(): readonly string[] {
    const { result } = this;
    switch (result.kind) {
      case 'headscope-analysis':
        return [result.model.name, ...madeLines(result)];
      case 'headscope-module':
        return [...result.notes, ...madeLines(result)];
      case 'headscope-comparison':
        return [
          `The other: ${result.otherFinding}`,
          result.differences,
          `Headscope ${result.headscope}, ${result.created}`,
        ];
    }
  }

  private nameOf(section: Section, format: SectionFormat): string {
    const { title, created } = this.result;
    const part = section.id.replaceAll(/[^\w.-]+/g, '-').slice(0, 60);
    return fileName('notebook', { subject: title, created }, { format, json: 'analysis', part });
  }

  private leaving(section: Section, view: SectionView, theme: Theme): Leaving {
    const { finding, headscope, sections, created, title } = this.result;
    return {
      theme,
      width: exportWidth,
      sentence: finding,
      caption: this.made(),
      provenance: { headscope, created, title },
      headscope,
      draw: (sheet) => drawSections(sheet, new Map(), [{ section, view }], sections),
      csv: () => sectionCsv(section),
      numbers: () => exportedSections([section]),
      tables: () => [],
    };
  }
}
