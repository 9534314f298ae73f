/** The kinds of sections. A new kind is one line here, beside its own file. */
import type { Section, SectionKind } from '../../protocol/sections/section';
import { chartKind } from './chart/chart';
import { expertsKind } from './experts/experts';
import { generationsKind } from './generations';
import { graphKind } from './graph/graph';
import { headsKind } from './heads/heads';
import { imageKind } from './image/image';
import { mapKind } from './map/map';
import { matrixKind } from './matrix/matrix';
import type { KindOf } from './section-kind';
import { tableKind } from './table';
import { textKind } from './text';
import { tokensKind } from './tokens/tokens';

const kinds: { readonly [K in SectionKind]: KindOf<Extract<Section, { kind: K }>> } = {
  heads: headsKind,
  map: mapKind,
  matrix: matrixKind,
  tokens: tokensKind,
  chart: chartKind,
  table: tableKind,
  image: imageKind,
  graph: graphKind,
  text: textKind,
  generations: generationsKind,
  experts: expertsKind,
};

/** What draws this section; undefined for a kind of a later version. */
export const kindOf = <S extends Section>({ kind }: S): KindOf<S> | undefined =>
  Object.hasOwn(kinds, kind) ? (kinds[kind] as unknown as KindOf<S>) : undefined;
