/**
 * What an analysis shows: data, never drawing. The panel, the exports and the command line draw or print each kind once
 * (webviews/sections, one file a kind), and a saved file holds the sections of its result.
 */
import type { ChartSection } from './chart';
import type { GenerationsSection } from './generations';
import type { GraphSection } from './graph';
import type { HeadsSection } from './heads';
import type { ImageSection } from './image';
import type { MapSection } from './map';
import type { TableSection } from './table';
import type { TextSection } from './text';
import type { TokensSection } from './tokens';

export type Section =
  | HeadsSection
  | MapSection
  | TokensSection
  | ChartSection
  | TableSection
  | ImageSection
  | GraphSection
  | TextSection
  | GenerationsSection;

export type SectionKind = Section['kind'];
