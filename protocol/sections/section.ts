/**
 * What an analysis shows: data, never drawing. The panel, the exports and the command line draw or print each kind once
 * (webviews/sections, one file a kind), and a saved file holds the sections of its result. What is read from one has the sizes
 * that it says, so that all of it can be drawn.
 */
import type { Output } from '../schema/check';
import { byKind, ensure, list } from '../schema/fields';
import { chart } from './chart';
import { experts } from './experts';
import { generations } from './generations';
import { graph } from './graph';
import { heads } from './heads';
import { image } from './image';
import { map } from './map';
import { matrix } from './matrix';
import { table } from './table';
import { text } from './text';
import { tokens } from './tokens';

export const section = byKind({ heads, map, matrix, tokens, chart, table, image, graph, text, generations, experts });
export type Section = Output<typeof section>;
export type SectionKind = Section['kind'];

/** Sections of a result: more are laid out for minutes. */
const mostSections = 64;

export const sections = ensure(
  list(section, 'a list of sections', { most: mostSections }),
  (all) => new Set(all.map(({ id }) => id)).size === all.length,
  'a list of sections with ids of their own',
);
