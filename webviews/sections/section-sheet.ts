/** Sections on the sheet of a picture that leaves a panel. */
import type { Section } from '../../protocol/sections/section';
import { margin, type Sheet } from '../charts/sheet';
import { sceneSvg } from './scene-svg';
import { looksOf, withLooks } from './page-looks';
import { sectionScene } from './section-file';
import type { LoadedPictures, SectionView } from './section-kind';

export interface ShownSection {
  readonly section: Section;
  readonly view: SectionView;
}

/** `page`: all sections of the page that they stand on, with which they share colours. */
export function drawSections(
  sheet: Sheet,
  loaded: LoadedPictures,
  shown: readonly ShownSection[],
  page: readonly Section[] = shown.map(({ section }) => section),
): void {
  // Quoted names of fonts would end an attribute of the SVG that the chart library writes.
  const theme = {
    ...sheet.theme,
    font: sheet.theme.font.replaceAll('"', "'"),
    editorFont: sheet.theme.editorFont.replaceAll('"', "'"),
  };
  const looks = looksOf(page);
  shown.forEach(({ section, view }, at) => {
    const scene = sectionScene(withLooks(section, looks), view, loaded, theme, sheet.inner);
    sheet.y += 12;
    sheet.parts.push(`<g transform="translate(${margin} ${sheet.y})">\n${sceneSvg(scene, `s${at}`)}\n</g>`);
    sheet.y += scene.height + 12;
  });
}
