/**
 * Colours and shapes of series over all charts of a page: a name looks the same in each of them, and no two series of one chart
 * are alike while there are colours left.
 */
import type { ChartSection, SectionSeries } from '../../protocol/sections/chart';
import type { Section } from '../../protocol/sections/section';
import { lightHues, shapes } from '../charts/palette';

type Look = NonNullable<SectionSeries['look']>;
/** By the title of the series. */
export type Looks = ReadonlyMap<string, Look>;

const colours = lightHues.length;
const forms = Object.keys(shapes).length;

/** Charts in their order on the page; a look that a series brings along is that of its name everywhere. */
export function looksOf(sections: readonly Section[]): Looks {
  const charts = sections.filter((section): section is ChartSection => section.kind === 'chart');
  const looks = new Map<string, Look>();
  for (const { series } of charts) {
    for (const { title, look } of series) if (look && !looks.has(title)) looks.set(title, look);
  }
  const uses = new Array<number>(colours).fill(0);
  for (const { colour } of looks.values()) uses[colour % colours] = (uses[colour % colours] ?? 0) + 1;
  for (const { series } of charts) {
    const titles = new Set(series.map(({ title }) => title));
    const beside = (): ReadonlySet<number> =>
      new Set([...titles].flatMap((title) => looks.get(title)?.colour ?? []).map((colour) => colour % colours));
    for (const title of titles) {
      if (looks.has(title)) continue;
      const taken = beside();
      const order = [...uses.keys()].sort(
        (a, b) => Number(taken.has(a)) - Number(taken.has(b)) || (uses[a] ?? 0) - (uses[b] ?? 0) || a - b,
      );
      const colour = order[0] ?? 0;
      // A colour that comes again has another shape.
      looks.set(title, { colour, shape: (colour + (uses[colour] ?? 0)) % forms });
      uses[colour] = (uses[colour] ?? 0) + 1;
    }
  }
  return looks;
}

const drawn = new WeakMap<Section, ChartSection>();

/** The section with the looks of the page; the same object each time, so that its picture is not drawn anew. */
export function withLooks(section: ChartSection, looks: Looks): ChartSection;
export function withLooks(section: Section, looks: Looks): Section;
export function withLooks(section: Section, looks: Looks): Section {
  if (section.kind !== 'chart') return section;
  const series = section.series.map((one): SectionSeries => {
    const look = looks.get(one.title);
    return look ? { ...one, look } : one;
  });
  const known = drawn.get(section);
  const same = known?.series.every(
    ({ look }, at) => look?.colour === series[at]?.look?.colour && look?.shape === series[at]?.look?.shape,
  );
  if (known && same) return known;
  const made: ChartSection = { ...section, series };
  drawn.set(section, made);
  return made;
}
