/** A result in a notebook: its finding, what made it, and its sections, which answer no further questions. */
import { html, render } from 'lit';
import { exportedSections } from '../../protocol/exports/section-tables';
import type { Section } from '../../protocol/sections/section';
import { fileName, writeFile, type Leaving } from '../charts/leaving';
import { sectionCsv } from '../sections/section-file';
import type { SectionFormat, SectionView } from '../sections/section-kind';
import { drawSections } from '../sections/section-sheet';
import { unaskedSections } from '../sections/unasked-sections';
import { madeLines } from '../ui/made';
import { onThemeChange, readTheme, themeForFile, type Theme } from '../ui/theme';
import type { NotebookResult } from './read-output';

/** There is nobody to ask: no words for it. */
function unasked(section: Section): Section {
  const { ask: _ask, asksAtOnce: _atOnce, opensPictures: _pictures, ...rest } = section;
  return rest;
}

/** Narrower than this, as in the panels. */
const compactWidth = 480;
const exportWidth = 760;

export class ResultOutput {
  private views: Readonly<Record<string, SectionView>> = {};
  private compact = false;
  private problem = '';
  private readonly stops: readonly (() => void)[];

  constructor(
    private readonly place: HTMLElement,
    private readonly result: NotebookResult,
  ) {
    const sizes = new ResizeObserver(() => {
      const compact = place.clientWidth > 0 && place.clientWidth < compactWidth;
      if (compact === this.compact) return;
      this.compact = compact;
      this.draw();
    });
    sizes.observe(place);
    this.stops = [onThemeChange(() => this.draw()), () => sizes.disconnect()];
    this.draw();
  }

  stop(): void {
    for (const stop of this.stops) stop();
    render(html``, this.place);
  }

  private draw(): void {
    const { finding, created, title } = this.result;
    const sections = this.result.sections.map(unasked);
    render(
      html`<main class="notebook ${this.compact ? 'compact' : 'wide'}">
        <h1>${finding}</h1>
        <p class="made">${[title, ...this.made()].join(' · ')}</p>
        ${this.problem === '' ? '' : html`<p role="alert">${this.problem}</p>`}
        ${unaskedSections({
          sections,
          result: created,
          dark: readTheme().dark,
          compact: this.compact,
          views: this.views,
          actions: {
            view: (id, change) => {
              this.views = { ...this.views, [id]: { ...this.views[id], ...change } };
              this.draw();
            },
            copy: (text) =>
              void navigator.clipboard
                .writeText(text)
                .catch(() => this.say('The text was not copied. Click the output, then try again.')),
            save: (...saved) => void this.save(...saved),
          },
        })}
      </main>`,
      this.place,
    );
  }

  private say(sentence: string): void {
    this.problem = sentence;
    this.draw();
  }

  private made(): readonly string[] {
    const { result } = this;
    return [...(result.kind === 'headscope-analysis' ? [result.model.name] : result.notes), ...madeLines(result)];
  }

  /** VS Code asks where to: it takes over links to what a page has made. */
  private async save(section: Section, view: SectionView, format: SectionFormat): Promise<void> {
    try {
      const data = await writeFile(this.leaving(section, view, themeForFile(format)), format);
      const link = document.createElement('a');
      const part = section.id.replaceAll(/[^\w.-]+/g, '-').slice(0, 60);
      const { title, created } = this.result;
      link.download = fileName('notebook', { subject: title, created }, { format, json: 'analysis', part });
      link.href = URL.createObjectURL(new Blob([data as BlobPart]));
      document.body.append(link);
      link.click();
      link.remove();
    } catch (error) {
      this.say(error instanceof Error ? error.message : 'The export failed. Try SVG.');
    }
  }

  private leaving(section: Section, view: SectionView, theme: Theme): Leaving {
    const { finding, headscope, sections } = this.result;
    return {
      theme,
      width: exportWidth,
      sentence: finding,
      caption: this.made(),
      provenance: { headscope, created: this.result.created, title: this.result.title },
      headscope,
      draw: (sheet) => drawSections(sheet, new Map(), [{ section, view }], sections),
      csv: () => sectionCsv(section),
      json: () => section,
      numbers: () => exportedSections([section]),
      tables: () => [],
    };
  }
}
