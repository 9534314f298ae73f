/** The pictures of a file that leaves the panel: picture, heads and captions, or the scores of a set with their histogram. */
import type { HallucinationResult } from '../../../protocol/results/hallucination-schema';
import { drawSections } from '../../sections/section-sheet';
import { scaleStops } from '../../charts/colour-map';
import { freshCanvas, margin, type Sheet } from '../../charts/sheet';
import { headName } from '../../ui/head-names';
import { percent, signed, significant } from '../../ui/numbers';
import { divergenceChanges, pairOf } from './comparison';
import { labelWords } from './notes';
import { pictureSection } from './picture-section';
import { sharedScale } from './ribbon';
import { ribbonFigure } from './ribbon-figure';
import { sectionsOfSet, setChanges } from './set-sections';
import { loadedOf, viewOf } from './section-list';
import { lacking } from './shown';
import { spanMapTitle, spanTokens } from './span-map';
import type { State } from './state';
import type { Scale } from './ribbon-model';
import { nameOf, scoreWords } from './variant-words';
import { drawVhd } from './vhd-draw';
import { changeModel, vhdLayout, type VhdModel } from './vhd-model';
import { modelOfStep } from './vhd-view';

/** Largest changes that are written out. */
const mostChanges = 8;

export function drawResult(sheet: Sheet, state: State, result: HallucinationResult): void {
  const model = modelOfStep(state);
  const picture = pictureSection(state);
  if (picture) drawSections(sheet, loadedOf(state), [{ section: picture, view: viewOf(state, picture.id) }]);
  if (model) {
    sheet.y += 4 + drawGrid(sheet, model);
    sheet.small(`${scaleWords(model)}; outlined: selected; hatched: outlier.`);
  }
  drawSpanMap(sheet, state, result);
  const scale = sharedScale(state);
  if (scale) {
    const words = `Captions by T-VHD from ${significant(scale.low, 2)} (dark: said whatever is in ${lacking(state)}) to ${significant(scale.high, 2)} (bright). ✓ in the picture, ✗ not in it.`;
    sheet.small(words);
  }
  for (const caption of [result.caption, ...result.variants]) {
    sheet.line(nameOf(caption), { weight: 600 });
    if (scale) ribbonOnto(sheet, caption, scale);
    sheet.small(scoreWords(caption.score, caption), true);
  }
  drawChanges(sheet, state);
  const labels = labelWords(result);
  if (labels !== undefined) sheet.small(labels);
}

/** Its height. */
function drawGrid(sheet: Sheet, model: VhdModel): number {
  const layout = vhdLayout(model, sheet.inner);
  const [canvas, context] = freshCanvas(layout.width, layout.height);
  drawVhd(context, model, layout, sheet.theme);
  sheet.canvas(canvas, layout.width, layout.height);
  return layout.height;
}

function ribbonOnto(sheet: Sheet, caption: Parameters<typeof ribbonFigure>[0], scale: Scale): void {
  const { parts, height } = ribbonFigure(
    caption,
    scale,
    { x: margin, y: sheet.y + 2, width: sheet.inner },
    sheet.theme,
  );
  sheet.parts.push(...parts);
  sheet.y += height + 2;
}

/** The removed text, on the colours of what the chosen heads read of it. */
function drawSpanMap(sheet: Sheet, state: State, result: HallucinationResult): void {
  const tokens = spanTokens(result, state.map?.value);
  if (tokens.length === 0 || !state.map?.value) return;
  const high = Math.max(0, ...tokens.map(({ share }) => share ?? 0));
  sheet.line(spanMapTitle(state), { weight: 600 });
  ribbonOnto(
    sheet,
    { tokens: tokens.map(({ text, share }) => ({ text, tVhd: share ?? 0 })), mentions: [] },
    { low: 0, high },
  );
  sheet.small(`Share of the attention from 0 (dark) to ${percent(high, 2)} (bright).`);
}

/** This result less the other one: heads on a map. */
function drawChanges(sheet: Sheet, state: State): void {
  const pair = pairOf(state);
  if (pair?.kind !== 'results' || !state.compareWith) return;
  sheet.line(`Changes from ${state.compareWith.name}`, { weight: 600 });
  const model = changeModel({ ...pair.here, step: 0 }, pair.there.vhd, lacking(state));
  sheet.y += 4 + drawGrid(sheet, model);
  const stops = scaleStops(true, sheet.theme.dark);
  sheet.scale('Change of the VHD at the first word', stops, signed(model.low, 2), signed(model.high, 2));
  const most = divergenceChanges(pair.here, pair.there).slice(0, mostChanges);
  sheet.small(
    `Most changed: ${most.map(({ layer, head, here, there }) => `${headName(layer, head)} ${signed(here - there)}`).join(', ')}`,
  );
}

function scaleWords({ measure, low, high, logarithmic, lacks }: VhdModel): string {
  const scale = logarithmic ? 'logarithmic' : 'linear';
  return measure === 'attention'
    ? `Share of the attention on ${lacks} from ${percent(low, 2)} (dark) to ${percent(high, 2)} (bright), ${scale}`
    : `VHD from ${significant(low, 2)} (dark) to ${significant(high, 2)} (bright), ${scale}`;
}

export const drawSet = (sheet: Sheet, state: State): void =>
  drawSections(
    sheet,
    new Map(),
    [...setChanges(state), ...sectionsOfSet(state)].map((section) => ({ section, view: viewOf(state, section.id) })),
  );
