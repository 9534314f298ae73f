import type { Output, Schema } from '../schema/check';
import { either, exactly, list, object } from '../schema/fields';
import { rangeField } from './fields';
import type { InterventionKind } from './kind';
import { boxField, boxOf, boxText, type Box } from './regions';
import { type Range, rangeOf, rangeText } from '../schema/written-form';
import { whichField, whichOf, whichText, type Which } from './which';

/** A range of positions, or a rectangle of image patches. */
export type Area = Range | Box;

const area: Schema<Area> = either(
  rangeField,
  boxField,
  'a range of positions with start and end, or rows and columns of patches',
);

const areaOf = (text: string): Area | undefined => rangeOf(text) ?? boxOf(text.trim());
const areaText = (one: Area): string => ('rows' in one ? boxText(one) : rangeText(one));
const layersText = (layers: readonly Which[]): string => layers.map(whichText).join(',');

/**
 * Keys and values of the positions of `to` become those of `from`, resized to it by nearest neighbours: row i of `to` takes row
 * floor(i h_from / h_to) of `from`, columns alike. They are those of the plain run, before rotation; rotary models rotate them by
 * where they stand now. Queries and the residual stream stay (reposition attention, arXiv:2411.19261).
 */
const repositionSchema = object({
  kind: exactly('reposition'),
  layers: list(whichField, 'a list of layers', { least: 1, most: 10_000 }),
  from: area,
  to: area,
});
export type Reposition = Output<typeof repositionSchema>;

export const reposition: InterventionKind<Reposition> = {
  kind: 'reposition',
  name: 'repositioned keys and values',
  meaning:
    'Puts the keys and values of some positions, as they are in the plain run, where those of other positions stand, resized by nearest neighbours. Only what is read moves; the queries stay.',
  form: 'reposition:LAYERS:FROM>TO',
  example: 'reposition:*:1-2>4-7',
  parameters: [
    { name: 'layers', takes: 'layers separated by commas, or `*`', meaning: 'the layers' },
    {
      name: 'from, to',
      takes: 'positions such as `3-9`, or rows x columns of image patches such as `0-3x2-5`, both of one sort',
      meaning: 'what is moved, and where it goes',
    },
  ],
  schema: repositionSchema,
  parse(text) {
    const [layerText, places, ...more] = text.split(':');
    const layers = (layerText ?? '').split(',').map((each) => each.trim());
    const [from, to, ...others] = (places ?? '').split('>').map(areaOf);
    if (more.length > 0 || others.length > 0 || !from || !to || 'rows' in from !== 'rows' in to) return undefined;
    if (!layers.every((each) => /^(\d+|\*)$/.test(each))) return undefined;
    return { kind: 'reposition', layers: layers.map(whichOf), from, to };
  },
  print: ({ layers, from, to }) => `${layersText(layers)}:${areaText(from)}>${areaText(to)}`,
  words: ({ layers, from, to }) => `layers ${layersText(layers)} read ${areaText(from)} at ${areaText(to)}`,
  sentence: ({ layers, from, to }) =>
    `In the layers ${layersText(layers)} the keys and values of ${areaText(from)} replace those of ${areaText(to)}.`,
  neutral: ({ from, to }) => areaText(from) === areaText(to),
  anywhere: () => false,
};

/** Where `to` takes its rows, in the order of its positions: both are grids of so many rows and columns. */
export function nearestRows(
  from: { readonly rows: number; readonly columns: number },
  to: { readonly rows: number; readonly columns: number },
): readonly number[] {
  return Array.from({ length: to.rows * to.columns }, (_, at) => {
    const [i, j] = [Math.floor(at / to.columns), at % to.columns];
    return Math.floor((i * from.rows) / to.rows) * from.columns + Math.floor((j * from.columns) / to.columns);
  });
}
